"""What a task or a notebook server printed and left behind."""

import codecs
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from andon.contracts import NotFound
from andon.contracts.queue import ENDED, Artifact, Job
from andon.gateway.context import Gateway, Here
from andon.gateway.printed import Printed, printed

_PIECE = 4 << 20
_BINARY = {"type": "string", "format": "binary"}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": _BINARY}}, "description": "The file's bytes."}
}


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


class TaskLogView(BaseModel):
    stream: Stream
    offset: int
    """Of the text's first byte; later than asked for where the middle of a long output was left out."""
    next_offset: int
    """Ask with this as `offset` for what comes next."""
    text: str
    complete: bool
    """The task has ended, and nothing comes after this."""


class TaskArtifactView(BaseModel):
    name: str
    size: int
    """Bytes."""
    sha256: str | None = None


Offset = Annotated[int | None, Query(ge=0, le=1 << 62, description="In bytes; by default the end's `limit`.")]
Limit = Annotated[int, Query(ge=1, le=1 << 20, description="Bytes at most.")]


def output_of(found: Callable[..., Awaitable[Job]]) -> APIRouter:
    """Routes below the address of what `found` finds; it also sees to who may."""
    routes = APIRouter()
    of = Depends(found)

    @routes.get("/logs")
    async def logs(
        here: Here,
        job: Job = of,
        stream: Stream = Stream.STDOUT,
        offset: Offset = None,
        limit: Limit = 1 << 16,
    ) -> TaskLogView:
        """What the last attempt printed; goes on while it runs."""
        return await _log(here, job, stream, offset, limit)

    @routes.get("/artifacts", response_model_exclude_none=True)
    async def artifacts(job: Job = of) -> list[TaskArtifactView]:
        """The files that it left in its outputs."""
        return [
            TaskArtifactView(name=each.name, size=each.size, sha256=each.sha256) for each in _outputs(job)
        ]

    @routes.get("/artifacts/{name:path}", response_class=StreamingResponse, responses=_FILE)
    async def artifact(name: str, here: Here, job: Job = of) -> StreamingResponse:
        """One of these files."""
        kept = next((each for each in _outputs(job) if each.name == name), None)
        if kept is None or not await here.blobs.exists(kept.key):
            raise NotFound("There is no such artifact.")
        file = quote(name.rpartition("/")[2], safe="")
        headers = {
            "Content-Length": str(kept.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{file}",
        }
        return StreamingResponse(_bytes(here, kept), headers=headers, media_type="application/octet-stream")

    return routes


async def _log(here: Gateway, job: Job, stream: Stream, offset: int | None, limit: int) -> TaskLogView:
    log, piece = job.logs.get(stream), Printed(offset or 0, b"")
    if log is not None:
        start = max(log.size - limit, 0) if offset is None else offset
        piece = await printed(here.blobs, log, start, limit)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text, half = decoder.decode(piece.data), len(decoder.getstate()[0])
    more = job.status not in ENDED or (log is not None and piece.end < log.size)
    if half and (not more or half == len(piece.data)):
        text, half = text + decoder.decode(b"", final=True), 0
    return TaskLogView(
        stream=stream, offset=piece.offset, next_offset=piece.end - half, text=text, complete=not more
    )


def _outputs(job: Job) -> list[Artifact]:
    return [each for each in job.outputs if each.mode == "output"]


async def _bytes(here: Gateway, kept: Artifact) -> AsyncIterator[bytes]:
    """A few MB at a time are in memory; the next are read once the client took these."""
    for start in range(0, kept.size, _PIECE):
        yield await here.blobs.get_range(kept.key, start, _PIECE)
