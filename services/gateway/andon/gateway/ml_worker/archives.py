"""Datasets and snapshots: archives that tasks begin with, kept under the digest of their bytes."""

import hashlib
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast

from fastapi import APIRouter, Header, Query, Request

from andon.contracts import BadRequest, Invalid, Name, workspace
from andon.contracts.workspace import Archive, ArchiveKind
from andon.gateway.context import Gateway, Here
from andon.gateway.domain import split
from andon.gateway.errors import may, parsed
from andon.gateway.ml_worker.bodies import Sha256
from andon.gateway.ml_worker.views import ArchiveView, SnapshotView, archive_view, snapshot_view
from andon.gateway.principal import MayConfigure, MayView
from andon.security import Principal

routes = APIRouter()

UPLOADS = ("/datasets/", "/snapshots/")
_IN_MEMORY = 1 << 20
_BYTES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Digest = Annotated[
    Sha256 | None, Header(alias="X-Content-Sha256", description="In hex; 422 when the bytes have another.")
]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=100_000)]


@routes.get("/datasets")
async def datasets(_who: MayView, here: Here, limit: Limit = 100, offset: Offset = 0) -> list[ArchiveView]:
    """By name."""
    return [archive_view(each) for each in await _listed(here, ArchiveKind.DATASET, limit, offset)]


@routes.put("/datasets/{name}", status_code=201, responses=may(422), openapi_extra=_BYTES)
async def put_dataset(
    name: Name, request: Request, who: MayConfigure, here: Here, digest: Digest = None
) -> ArchiveView:
    """Keep a dataset under a name. Tasks that were submitted before keep what the name meant then."""
    return archive_view(await _put(here, request, who, digest, kind=ArchiveKind.DATASET, name=name))


@routes.get("/snapshots")
async def snapshots(_who: MayView, here: Here, limit: Limit = 100, offset: Offset = 0) -> list[SnapshotView]:
    """By name."""
    return [snapshot_view(each) for each in await _listed(here, ArchiveKind.SNAPSHOT, limit, offset)]


@routes.put("/snapshots/{name}", status_code=201, responses=may(422), openapi_extra=_BYTES)
async def put_snapshot(  # noqa: PLR0913, PLR0917 - a request
    name: Name,
    request: Request,
    who: MayConfigure,
    here: Here,
    digest: Digest = None,
    entry: Annotated[
        str, Query(max_length=2048, description="What runs it, such as `python train.py`.")
    ] = "",
) -> SnapshotView:
    """Keep a .zip, .tar or .tar.gz of code; a task's `snapshot_id` has it unpacked into the task's folder."""
    try:
        words = split(entry)
    except ValueError as error:
        raise BadRequest(f"entry: {error}", {"entry": str(error)}) from None
    kept = await _put(here, request, who, digest, kind=ArchiveKind.SNAPSHOT, name=name, entry=words)
    return snapshot_view(kept)


async def _listed(here: Gateway, kind: ArchiveKind, limit: int, offset: int) -> tuple[Archive, ...]:
    question = workspace.ListArchives(kind=kind, limit=limit, offset=offset)
    return (await here.bus.ask(workspace.ARCHIVE_LIST, question)).archives


async def _put(here: Gateway, request: Request, who: Principal, digest: str | None, **wish: Any) -> Archive:
    parsed(workspace.RegisterArchive, **wish, key="-", sha256="0" * 64, size=0, by=who.id)
    with SpooledTemporaryFile[bytes](max_size=_IN_MEMORY) as file:
        hashed, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            hashed.update(chunk)
            file.write(chunk)
            size += len(chunk)
        sha256 = hashed.hexdigest()
        if not size:
            raise Invalid("The body is empty; it must be the archive's bytes.")
        if digest not in (None, sha256):
            raise Invalid(f"The bytes' sha256 is {sha256}.", {"X-Content-Sha256": "of other bytes"})
        key = f"archives/{sha256}"
        if not await here.blobs.exists(key):
            file.seek(0)
            await here.blobs.put_file(key, cast("BinaryIO", file), size)
    return await here.bus.ask(
        workspace.ARCHIVE_REGISTER,
        workspace.RegisterArchive(**wish, key=key, sha256=sha256, size=size, by=who.id),
    )
