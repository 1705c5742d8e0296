"""The routes that workers of training clusters know: a form's field `delta`, XXH3-64 as hash."""

import asyncio
import hashlib
from pathlib import PurePosixPath
from typing import Annotated, Any

import xxhash
from fastapi import APIRouter, File, Form, Header, Query, UploadFile

from andon.contracts import BadRequest, Conflict, NotFound, TooLarge, sync
from andon.contracts.sync import CHUNK_BYTES, ChunkStored, FileCheckpoint, Outcome
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.sync.sending import SECONDS, ask, by, hash_of, turn
from andon.gateway.cvlab.sync.views import (
    CheckpointView,
    ExperimentView,
    WireFileView,
    WireStatusView,
    WrittenView,
    experiment_view,
)
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayInspect, MayView

routes = APIRouter()

DELTA_BYTES = 512 << 20
"""The most one `delta` may have; above 1 MB it waits on disk."""
_SCOPES = {"experiment": ".log", "run": ".csv"}
"""What grows, by where it belongs: logs of the terminal, tables of results. All else is replaced."""
UNRECORDED = (
    "POST /sync/experiment/{uid}/{file:path}",
    "POST /sync/run/{uid}/{file:path}",
    "POST /sync/checkpoint/{uid}",
)

Delta = Annotated[UploadFile, File(description="The bytes.")]
ContentHash = Annotated[
    str | None, Header(alias="X-Content-Hash", description="XXH3-64 of the field's bytes, in hex.")
]
Offset = Annotated[
    int | None,
    Form(ge=0, description="Where these bytes begin; without it they are appended, also when sent twice."),
]


@routes.post("/experiment/{uid}/{file:path}", responses=may(409, 422))
async def experiment_file(  # noqa: PLR0913, PLR0917 - a delta
    uid: str,
    file: str,
    who: MayInspect,
    here: Here,
    delta: Delta,
    offset: Offset = None,
    content_hash: ContentHash = None,
) -> WrittenView:
    """A log of an experiment: `.log` is appended, anything else replaced."""
    return await _written(here, "experiment", uid, file, delta, offset, content_hash, by(who))


@routes.post("/run/{uid}/{file:path}", responses=may(409, 422))
async def run_file(  # noqa: PLR0913, PLR0917 - a delta
    uid: str,
    file: str,
    who: MayInspect,
    here: Here,
    delta: Delta,
    offset: Offset = None,
    content_hash: ContentHash = None,
) -> WrittenView:
    """A result of an experiment: `.csv` is appended, anything else replaced."""
    return await _written(here, "run", uid, file, delta, offset, content_hash, by(who))


@routes.get("/status/{uid}")
async def status(
    uid: str,
    _who: MayView,
    here: Here,
    file: Annotated[list[str] | None, Query(max_length=sync.PATHS)] = None,
) -> WireStatusView:
    """How far an experiment's files are: all of them, or those that are named."""
    kept = await here.bus.ask(sync.STATUS, parsed(sync.GetStatus, uid=uid), timeout=SECONDS)
    found = [*kept.files]
    while kept.next is not None:
        question = parsed(sync.GetStatus, uid=uid, after=kept.next)
        kept = await here.bus.ask(sync.STATUS, question, timeout=SECONDS)
        found += kept.files
    names = _named(found)
    if file is not None:
        names = {name: names.get(name) for name in file}
    told = kept.experiment
    return WireStatusView(
        experiment_uid=told.uid,
        sync_status=told.status,
        worker_host_id=told.host,
        last_synced_at=told.last_synced_at,
        error_message=told.error,
        code_version=told.code_version,
        checkpoint=told.checkpoint,
        files={name: _file_view(each) for name, each in names.items()},
        file_states={name: _checkpoint_view(name, each) for name, each in names.items() if each},
        needs_resync=[name for name, each in names.items() if each is None],
    )


@routes.post("/checkpoint/{uid}")
async def checkpoint(
    uid: str, body: dict[str, str | float | int | bool | None], _who: MayInspect, here: Here
) -> ExperimentView:
    """Note what a job has reached, such as epoch and step."""
    wish = parsed(sync.SaveCheckpoint, uid=uid, checkpoint=body)
    return experiment_view(await here.bus.ask(sync.CHECKPOINT, wish))


async def _written(  # noqa: PLR0913, PLR0917 - a delta
    here: Gateway,
    scope: str,
    uid: str,
    file: str,
    delta: UploadFile,
    offset: int | None,
    told: str | None,
    writer: str,
) -> WrittenView:
    path = f"{scope}/{file}"
    at = await _now(here, uid, path)
    if PurePosixPath(file).suffix.lower() == _SCOPES[scope]:
        stored = await _appended(here, uid, path, delta, offset, told, writer, at)
    else:
        stored = await _replaced(here, uid, path, delta, told, writer)
    return WrittenView(
        success=True, message=stored.outcome, server_offset=stored.size, server_hash=stored.xxh3
    )


async def _now(here: Gateway, uid: str, path: str) -> FileCheckpoint | None:
    """The file as it is. Raises NotFound for an unknown experiment."""
    question = parsed(sync.GetStatus, uid=uid, paths=(path,))
    found = (await here.bus.ask(sync.STATUS, question, timeout=SECONDS)).files
    return found[0] if found else None


async def _appended(  # noqa: PLR0913, PLR0917 - a delta
    here: Gateway,
    uid: str,
    path: str,
    delta: UploadFile,
    offset: int | None,
    told: str | None,
    writer: str,
    at: FileCheckpoint | None,
) -> ChunkStored:
    size = delta.size or 0
    if offset is None and size > CHUNK_BYTES:
        raise TooLarge(f"delta: without the field 'offset' at most {CHUNK_BYTES >> 20} MB can be appended.")
    if told is not None and size > CHUNK_BYTES:
        await _compare(delta, told)
        told = None
    generation, place = at.generation if at else 1, at.size if at else 0
    place = offset if offset is not None else place
    while True:
        async with turn(here):
            data = await delta.read(CHUNK_BYTES)
            chunk: dict[str, Any] = {"generation": generation, "offset": place, "length": len(data)}
            chunk |= {"hash": hash_of(data, told), "writer": writer, "register_uid": False}
            stored = await ask(here, uid, path, data, chunk)
        if stored.outcome is Outcome.REWIND:
            raise Conflict(
                f"offset: these bytes do not go on there; the file has {stored.size} bytes"
                f" (server_offset {stored.size}, server_hash {stored.xxh3 or 'unknown'})."
            )
        place += len(data)
        if len(data) < CHUNK_BYTES or place - (offset or 0) >= size:
            return stored


async def _replaced(  # noqa: PLR0913, PLR0917 - a delta
    here: Gateway, uid: str, path: str, delta: UploadFile, told: str | None, writer: str
) -> ChunkStored:
    if told is not None:
        await _compare(delta, told)
    blocks: list[str] = []
    size = 0
    while data := await delta.read(CHUNK_BYTES):
        blocks.append((await asyncio.to_thread(hashlib.sha256, data)).hexdigest())
        size += len(data)
    wish = parsed(
        sync.BeginWhole, uid=uid, path=path, writer=writer, size=size, block_bytes=CHUNK_BYTES,
        blocks=tuple(blocks), register_uid=False,
    )  # fmt: skip
    begun = await here.bus.ask(sync.BEGIN, wish, timeout=SECONDS)
    for number in begun.missing:
        async with turn(here):
            await delta.seek(number * CHUNK_BYTES)
            data = await delta.read(CHUNK_BYTES)
            chunk: dict[str, Any] = {"generation": begun.generation, "offset": number * CHUNK_BYTES}
            chunk |= {"length": len(data), "hash": hash_of(data, None), "writer": writer}
            await ask(here, uid, path, data, chunk)
    now = await _now(here, uid, path)
    if now is None:
        raise NotFound(f"There is no file {path!r} any more.")
    return ChunkStored(
        outcome=Outcome.STORED, generation=now.generation, size=now.size, sha256=now.sha256, xxh3=now.xxh3
    )


async def _compare(delta: UploadFile, told: str) -> None:
    """Read all of it once, before any of it is kept. Raises BadRequest."""
    running = xxhash.xxh3_64()
    while data := await delta.read(CHUNK_BYTES):
        running.update(data)
    await delta.seek(0)
    if running.hexdigest() != told.strip().lower():
        raise BadRequest(
            f"X-Content-Hash: the bytes that came have {running.hexdigest()}, not {told[:40]!r}."
        )


def _named(files: list[FileCheckpoint]) -> dict[str, FileCheckpoint | None]:
    """By the name its worker knows; with its scope in front where two have the same."""
    found: dict[str, FileCheckpoint | None] = {}
    for file in files:
        scope, _, name = file.path.partition("/")
        short = name if scope in _SCOPES else file.path
        found[file.path if short in found else short] = file
    return found


def _file_view(file: FileCheckpoint | None) -> WireFileView:
    if file is None:
        return WireFileView(exists=False)
    return WireFileView(
        exists=True,
        size=file.size,
        mtime=file.last_synced_at.timestamp(),
        hash=file.xxh3,
        sha256=file.sha256,
        generation=file.generation,
    )


def _checkpoint_view(name: str, file: FileCheckpoint) -> CheckpointView:
    return CheckpointView(
        file_path=name, offset=file.size, hash=file.xxh3, last_synced_at=file.last_synced_at
    )
