"""The files a run left behind, as its worker synced them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from andon.contracts import NotFound, sync
from andon.contracts.queue import Job
from andon.contracts.sync import FileCheckpoint
from andon.gateway.context import Gateway
from andon.gateway.cvlab.jobs.metrics import Table, table_of
from andon.gateway.cvlab.jobs.views import run_of, uid_of
from andon.gateway.cvlab.sync import pieces

_SECONDS = 30.0
_SCOPE = "run/"
_LARGEST = 16 << 20
"""Bytes of a table that is read; of a longer one, its beginning."""
_CHECKPOINTS = (".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Results:
    """What there is of one run."""

    files: Sequence[FileCheckpoint] = ()
    table: FileCheckpoint | None = None
    config: FileCheckpoint | None = None
    checkpoint: FileCheckpoint | None = None

    @property
    def fingerprint(self) -> str | None:
        """Changes with the table: when it was written last, in seconds, and its size."""
        if self.table is None:
            return None
        return f"{int(self.table.last_synced_at.timestamp())}_{self.table.size}"


async def results_of(here: Gateway, job: Job) -> Results:
    """Up to a thousand files, by path."""
    question = sync.GetStatus(uid=uid_of(job), after=_SCOPE)
    try:
        told = await here.bus.ask(sync.STATUS, question, timeout=_SECONDS)
    except NotFound:  # its worker has sent nothing
        return Results()
    files = [file for file in told.files if file.path.startswith(_SCOPE)]
    run = run_of(job)
    return Results(
        files,
        table=_named(files, (f"{run}.csv",), (".csv",)),
        config=_named(files, (f"{run}_config.yaml", f"{run}.yaml"), (".yaml", ".yml")),
        checkpoint=_named(files, tuple(f"{run}{ending}" for ending in _CHECKPOINTS), _CHECKPOINTS),
    )


async def table_in(here: Gateway, job: Job, results: Results) -> Table:
    """The run's table, as far as it was written; an empty one without a file."""
    if results.table is None:
        return Table()
    text = await text_in(here, job, results.table)
    return await asyncio.to_thread(table_of, text)


async def text_in(here: Gateway, job: Job, file: FileCheckpoint) -> str:
    """A file's beginning, 16 MiB at most."""
    data = bytearray()
    while len(data) < min(file.size, _LARGEST):
        question = sync.Locate(
            uid=uid_of(job), path=file.path, offset=len(data), generation=file.generation or None
        )
        found = await here.bus.ask(sync.LOCATE, question, timeout=_SECONDS)
        for piece in found.pieces:
            async for part in pieces.read(here.blobs, piece, _LARGEST - len(data)):
                data += part
        if not found.pieces:
            break
    return data.decode(errors="replace")


def _named(
    files: Sequence[FileCheckpoint], names: tuple[str, ...], endings: tuple[str, ...]
) -> FileCheckpoint | None:
    """The one with the first of these names; else the first that ends so."""
    by_name = {file.path.rpartition("/")[2]: file for file in reversed(files)}
    for name in names:
        if (file := by_name.get(name)) is not None:
            return file
    return next((file for file in files if file.path.lower().endswith(endings)), None)
