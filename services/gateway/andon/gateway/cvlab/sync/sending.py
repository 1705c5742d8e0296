"""Chunks, begun files and packs on their way in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import quote

import xxhash
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from andon.contracts import BadRequest, Unavailable, UnsupportedMedia, sync
from andon.contracts.sync import CHUNK_BYTES, ChunkStored, Encoding, Outcome, Sha256
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.sync.views import (
    BegunView,
    ChunkView,
    ExperimentView,
    PackView,
    chunk_view,
    experiment_view,
)
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayInspect
from andon.security import Principal

routes = APIRouter()

SECONDS = 30.0
"""For sync to answer."""
CHUNK_SECONDS = 15.0
"""For sync to keep a chunk; where it died meanwhile, its sender is to know soon and sends it again."""
_PATIENCE = 5.0
"""Seconds a chunk waits for its turn."""
_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
UNRECORDED = (
    "PUT /sync/files/{uid}/{path:path}",
    "POST /sync/begin/{uid}/{path:path}",
    "POST /sync/pack/{uid}",
)

Hash = Annotated[str, Header(alias="X-Content-Hash", description="XXH3-64 of the bytes, unpacked, in hex.")]
WriterName = Annotated[
    str | None, Header(alias="X-Writer", description="Who writes: one at a time may write one file.")
]


class BeginBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: Annotated[int, Field(ge=0)]
    block_bytes: Annotated[int, Field(ge=4096, le=CHUNK_BYTES)]
    blocks: Annotated[list[Sha256], Field(max_length=sync.BLOCKS)]
    """sha256 of each block; all have `block_bytes` bytes but the last."""


class RegisterBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    uid: str
    host: str | None = None
    code_version: str | None = None


@routes.post("/experiments")
async def register(body: RegisterBody, _who: MayInspect, here: Here) -> ExperimentView:
    """Make an experiment known, or change its host or code version."""
    return experiment_view(await here.bus.ask(sync.REGISTER, parsed(sync.Register, **body.model_dump())))


@routes.put(
    "/files/{uid}/{path:path}",
    openapi_extra=_BYTES,
    responses=may(415, 422) | {409: {"model": ChunkView, "description": "Go on at server_offset."}},
)
async def store(  # noqa: PLR0913, PLR0917 - a chunk
    uid: str,
    path: str,
    request: Request,
    who: MayInspect,
    here: Here,
    digest: Hash,
    generation: Annotated[int, Query(ge=1, description="1 for a new file.")],
    offset: Annotated[int, Query(ge=0)],
    length: Annotated[int | None, Query(ge=0, description="Bytes unpacked, where they come packed.")] = None,
    writer: WriterName = None,
) -> JSONResponse:
    """Keep a chunk of a file if it goes on where the file ends.

    The same bytes again change nothing. Where it does not fit, 409 tells where the file ends. Bytes may be
    packed by zstd (`Content-Encoding: zstd`).
    """
    async with turn(here):
        body = await _body(request)
        encoding = encoding_of(request)
        chunk = {"generation": generation, "offset": offset, "hash": digest, "encoding": encoding}
        chunk |= {"length": len(body) if length is None else length, "writer": writer or by(who)}
        stored = await ask(here, uid, path, body, chunk)
    return _told(stored)


@routes.post("/begin/{uid}/{path:path}", responses=may(409, 422))
async def begin(  # noqa: PLR0913, PLR0917 - a whole file
    uid: str, path: str, body: BeginBody, who: MayInspect, here: Here, writer: WriterName = None
) -> BegunView:
    """Replace a file by its blocks' hashes: only blocks that are not kept yet are to be sent.

    Readers see the file before until the last block has come.
    """
    wish = parsed(sync.BeginWhole, uid=uid, path=path, writer=writer or by(who), **body.model_dump())
    begun = await here.bus.ask(sync.BEGIN, wish, timeout=SECONDS)
    return BegunView(generation=begun.generation, missing=list(begun.missing), complete=begun.complete)


@routes.post("/pack/{uid}", openapi_extra=_BYTES, responses=may(415))
async def pack(  # noqa: PLR0913, PLR0917 - a pack
    uid: str,
    request: Request,
    who: MayInspect,
    here: Here,
    digest: Hash,
    length: Annotated[int | None, Query(ge=4)] = None,
    writer: WriterName = None,
) -> PackView:
    """Keep many small files at once: four bytes with the length of an index, the index, their bytes."""
    async with turn(here):
        body = await _body(request)
        wish = parsed(
            sync.StorePack,
            uid=uid,
            writer=writer or by(who),
            length=len(body) if length is None else length,
            hash=digest,
            encoding=encoding_of(request),
        )
        stored = await here.bus.ask(sync.PACK, wish, body=body, timeout=SECONDS)
    return PackView(stored=stored.stored, refused=stored.refused)


async def ask(here: Gateway, uid: str, path: str, body: bytes, chunk: dict[str, Any]) -> ChunkStored:
    """Let sync keep a chunk. Raises what it refuses."""
    wish = parsed(sync.StoreChunk, uid=uid, path=quote(path, safe="/"), **chunk)
    return await here.bus.ask(sync.STORE, wish, body=body, timeout=CHUNK_SECONDS)


@asynccontextmanager
async def turn(here: Gateway) -> AsyncGenerator[None]:
    """Few chunks at a time are in this process. Raises Unavailable with the seconds to wait."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await here.chunks.acquire()
    except TimeoutError:
        busy = Unavailable("Too many uploads are in work; come again.")
        busy.problem = busy.problem.model_copy(update={"retry_after": 1})
        raise busy from None
    try:
        yield
    finally:
        here.chunks.release()


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise BadRequest("The sender left before all of its bytes had come.") from None


def encoding_of(request: Request) -> Encoding:
    """How the body is packed. Raises UnsupportedMedia."""
    named = request.headers.get("content-encoding", "identity").strip().lower()
    try:
        return Encoding(named)
    except ValueError:
        raise UnsupportedMedia(f"Content-Encoding: {named[:40]!r} is not taken; zstd is.") from None


def by(who: Principal) -> str:
    """A writer's name for who gives none."""
    return quote(who.id, safe="")[:128]


def hash_of(data: bytes, told: str | None) -> str:
    """XXH3-64 in hex. Raises BadRequest where the sender told another one."""
    found = xxhash.xxh3_64_hexdigest(data)
    if told is not None and told.strip().lower() != found:
        raise BadRequest(f"X-Content-Hash: the bytes that came have {found}, not {told[:40]!r}.")
    return found


def _told(stored: ChunkStored) -> JSONResponse:
    view = chunk_view(stored)
    if stored.outcome is not Outcome.REWIND:
        return JSONResponse(view.model_dump(mode="json"))
    told = f"The chunk does not go on here: generation {stored.generation} has {stored.size} bytes."
    return JSONResponse(view.model_copy(update={"detail": told}).model_dump(mode="json"), 409)
