"""How far files are, and their bytes, also while they grow."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import BadRequest, sync
from andon.contracts.sync import Located, SyncStatus
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.sync import pieces
from andon.gateway.cvlab.sync.views import (
    ExperimentsView,
    FinishedView,
    StateView,
    experiment_view,
    state_view,
)
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayInspect, MayView

routes = APIRouter()

_SECONDS = 30.0
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_FILE = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file as it is now."},
    206: {"content": {"application/octet-stream": {}}, "description": "A part of it."},
}
UNRECORDED = ("POST /sync/state/{uid}", "POST /sync/finish/{uid}")


class StateBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    paths: Annotated[list[str], Field(max_length=sync.PATHS)]
    hashes: bool = False
    """Read back what is not known; what is not ready in a few seconds is null."""


class LocalBody(BaseModel):
    path: str
    size: int
    sha256: str


class FinishBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: Annotated[list[LocalBody], Field(max_length=sync.PATHS)]
    last: bool = True
    clean: bool = True
    """Every page before was."""
    total: int = 0


@routes.get("/experiments")
async def experiments(
    _who: MayView,
    here: Here,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    status: SyncStatus | None = None,
) -> ExperimentsView:
    """Experiments by uid, and how far each is."""
    question = parsed(sync.ListExperiments, after=after, limit=limit, status=status)
    found = await here.bus.ask(sync.LIST, question)
    return ExperimentsView(experiments=[experiment_view(each) for each in found.experiments], next=found.next)


@routes.get("/files/{uid}")
async def files(
    uid: str,
    _who: MayView,
    here: Here,
    after: Annotated[str, Query(max_length=1024)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> StateView:
    """An experiment's files by path, and how far each is."""
    question = parsed(sync.GetStatus, uid=uid, after=after, limit=limit)
    return state_view(await here.bus.ask(sync.STATUS, question, timeout=_SECONDS))


@routes.post("/state/{uid}", responses=may(422))
async def state(uid: str, body: StateBody, _who: MayInspect, here: Here) -> StateView:
    """How far the named files are: what a worker asks when it comes back."""
    question = parsed(sync.GetStatus, uid=uid, paths=tuple(body.paths), hashes=body.hashes)
    return state_view(await here.bus.ask(sync.STATUS, question, timeout=_SECONDS))


@routes.post("/finish/{uid}", responses=may(422))
async def finish(uid: str, body: FinishBody, _who: MayInspect, here: Here) -> FinishedView:
    """The final sync: what the worker has, compared by hash with what is kept."""
    found = await here.bus.ask(
        sync.FINISH, parsed(sync.Finish, uid=uid, **body.model_dump()), timeout=_SECONDS
    )
    return FinishedView(
        status=found.status, needs_resync=list(found.needs_resync), checking=list(found.checking)
    )


@routes.get("/files/{uid}/{path:path}", response_class=StreamingResponse, responses=_FILE | may(409, 422))
async def download(  # noqa: PLR0913, PLR0917 - ways to say which part
    uid: str,
    path: str,
    request: Request,
    _who: MayView,
    here: Here,
    tail: Annotated[int | None, Query(ge=1, description="So many bytes at the end.")] = None,
    offset: Annotated[int | None, Query(ge=0, description="From here to the end as it is now.")] = None,
    generation: Annotated[int | None, Query(ge=1, description="409 when it was replaced.")] = None,
) -> StreamingResponse:
    """A file's bytes as they are now: all, a `Range`, a tail, or from an offset on."""
    first, last, suffix = _range(request.headers.get("range", ""))
    start = offset if offset is not None else first
    question = parsed(
        sync.Locate, uid=uid, path=path, offset=start, tail=tail or suffix, generation=generation
    )
    found = await here.bus.ask(sync.LOCATE, question, timeout=_SECONDS)
    end = found.size if last is None or offset is not None or tail else min(found.size, last + 1)
    headers = {
        "Content-Length": str(max(0, end - found.offset)),
        "Accept-Ranges": "bytes",
        "ETag": f'"{found.generation}-{found.size}"',
        "X-Generation": str(found.generation),
        "X-Size": str(found.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2])}",
    }
    part = (found.offset, end) != (0, found.size)
    if part and end > found.offset:
        headers["Content-Range"] = f"bytes {found.offset}-{end - 1}/{found.size}"
    status = 206 if "Content-Range" in headers else 200
    return StreamingResponse(
        _bytes(here, question, found, end), status, headers, media_type="application/octet-stream"
    )


async def _bytes(here: Gateway, question: sync.Locate, found: Located, end: int) -> AsyncIterator[bytes]:
    """A few MB at a time are in memory; the next are read once the client took these."""
    at = found.offset
    while at < end:
        for piece in found.pieces:
            async for data in pieces.read(here.blobs, piece, end - at):
                yield data
                at += len(data)
        if at < end:
            more = {"offset": at, "tail": None, "generation": found.generation}
            found = await here.bus.ask(sync.LOCATE, question.model_copy(update=more), timeout=_SECONDS)


def _range(header: str) -> tuple[int, int | None, int | None]:
    """First byte, last byte, and how many at the end, of one range; a header that says more is refused."""
    if not header:
        return 0, None, None
    found = _RANGE.fullmatch(header.strip())
    if found is None or not any(found.groups()):
        raise BadRequest("Range: one range of bytes is taken, such as bytes=0-1023.")
    first, last = found.groups()
    if not first:
        return 0, None, max(1, int(last))
    if last and int(last) < int(first):
        raise BadRequest("Range: it ends before it begins.")
    return int(first), int(last) if last else None, None
