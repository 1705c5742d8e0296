"""Puts what a job left into the object store: the outputs its spec names, each with its sha256."""

import asyncio
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from andon.agent.domain.ending import named, plain
from andon.agent.store.attempts import AttemptFolder
from andon.contracts import Refused, Unavailable
from andon.contracts.queue import Artifact, Grant, Output
from andon.storage import Blobs

_MOST = 1000
_PIECE = 1 << 20
_LONGEST_KEY = 700
_AGAIN = (0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Collected:
    outputs: tuple[Artifact, ...] = ()
    missing: tuple[str, ...] = ()
    trouble: str = ""


@dataclass
class Collecting:
    blobs: Blobs

    async def collect(self, folder: AttemptFolder, grant: Grant, patience: float) -> Collected:
        """Waits `patience` seconds in all for a store that is away; then it says what the trouble was."""
        outputs: list[Artifact] = []
        missing: list[str] = []
        try:
            async with asyncio.timeout(patience):
                for wanted in grant.job.spec.outputs:
                    files = await asyncio.to_thread(_matching, folder.work, wanted.path)
                    if len(outputs) + len(files) > _MOST:
                        return Collected(
                            tuple(outputs), (), f"more than {_MOST} files are outputs: pack them"
                        )
                    outputs += await self._keep_all(folder, grant, wanted, files)
                    if wanted.required and not files:
                        missing.append(wanted.name)
        except (TimeoutError, Refused, OSError, ValueError) as error:
            return Collected(tuple(outputs), tuple(missing), f"outputs can't be kept: {error or 'in time'}")
        return Collected(tuple(outputs), tuple(missing))

    async def _keep_all(
        self, folder: AttemptFolder, grant: Grant, wanted: Output, files: Sequence[Path]
    ) -> list[Artifact]:
        single = [folder.work / wanted.path] == list(files)
        kept: list[Artifact] = []
        for file in files:
            relative = file.relative_to(folder.work).as_posix()
            key = f"jobs/{grant.job.id}/{grant.lease.attempt}/outputs/{_quoted(relative)}"
            digest, size = await self._keep(file, key)
            name = named(wanted.name, _told(relative, wanted.path), single=single)
            kept.append(Artifact(name=name, key=key, sha256=digest, size=size))
        return kept

    async def _keep(self, file: Path, key: str) -> tuple[str, int]:
        digest, size = await asyncio.to_thread(_measured, file)
        for tries in range(1_000_000):
            try:
                with file.open("rb") as opened:
                    await self.blobs.put_file(key, opened, size)
            except Unavailable:
                await asyncio.sleep(_AGAIN[min(tries, 3)])
            else:
                break
        return digest, size


def _told(relative: str, wanted: str) -> str:
    """Of a file in a folder that was wanted, its place there."""
    prefix = f"{wanted.rstrip('/')}/"
    return relative.removeprefix(prefix) if plain(wanted) else relative


def _quoted(relative: str) -> str:
    """A file may have any name; an object may not."""
    name = quote(os.fsencode(relative), safe="/-_.~ ()+,=@")
    return name if len(name) <= _LONGEST_KEY else sha256(name.encode()).hexdigest()


def _matching(work: Path, pattern: str) -> list[Path]:
    """Regular files alone, and none that a link brings in from outside; of folders, all that is in them."""
    root = work.resolve()
    found = (work / pattern,) if plain(pattern) else _globbed(work, pattern)
    inside = (file for each in found for file in _files(each) if file.resolve().is_relative_to(root))
    return sorted(set(islice(inside, _MOST + 1)))


def _globbed(work: Path, pattern: str) -> Iterable[Path]:
    try:
        return work.glob(pattern)
    except (ValueError, NotImplementedError):
        return ()  # not a pattern: nothing matches it


def _files(path: Path) -> Iterator[Path]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode):
        yield path
    elif stat.S_ISDIR(mode) and not path.is_symlink():
        for each in path.iterdir():
            yield from _files(each)


def _measured(file: Path) -> tuple[str, int]:
    digest, size = sha256(), 0
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
