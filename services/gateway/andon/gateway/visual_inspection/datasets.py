"""Versions of labelled images: built, imported, looked at, compared, approved, exported."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Invalid, NotFound, dataset
from andon.contracts.annotation import Verdict
from andon.contracts.dataset import (
    Approval,
    Build,
    DatasetVersion,
    Difference,
    Format,
    Fractions,
    Manifest,
    Samples,
    Split,
    Versions,
)
from andon.datasets import written
from andon.gateway.context import Gateway, Here
from andon.gateway.domain import sniff
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.batch_requests import stored

routes = APIRouter(prefix="/datasets", tags=["datasets"])

_LATEST = "latest"
_IMPORT = ("dataset", "format", "base", "station_id", "description")
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "dataset", "format"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "A zip."},
                        "dataset": {"type": "string"},
                        "format": {"type": "string", "enum": [str(each) for each in Format]},
                        "base": {"type": "string", "description": "A version to add to, or `latest`."},
                        "station_id": {"type": "string"},
                        "description": {"type": "string"},
                    },
                }
            }
        },
    }
}
_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}, "description": "A zip."}}
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The image."}}


class BuildBody(BaseModel):
    """What a version is put together from; later sources overrule earlier ones."""

    model_config = ConfigDict(extra="forbid")

    dataset: Annotated[str, Field(min_length=1, max_length=64)]
    base: str | None = None
    """Begin with the samples of this version, in the splits they are in; `latest` for the newest one."""
    annotations: bool = True
    """What people said."""
    taught: bool = False
    """The good examples of the stations named."""
    stations: Annotated[list[str], Field(max_length=200)] = []
    """By default all; named where `taught` is wanted."""
    since: datetime | None = None
    """Captured then or later, with a zone."""
    until: datetime | None = None
    """Captured before then, with a zone."""
    fractions: Fractions = Fractions()
    description: Annotated[str, Field(max_length=2000)] = ""


class ApprovalBody(BaseModel):
    approved: bool = True
    note: Annotated[str, Field(max_length=2000)] = ""


@routes.get("")
async def versions(
    _who: MayView,
    here: Here,
    dataset_name: Annotated[str | None, Query(alias="dataset")] = None,
    approval: Approval | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Versions:
    """Versions of one or of all datasets, newest first."""
    question = parsed(
        dataset.ListVersions, dataset=dataset_name, approval=approval, limit=limit, offset=offset
    )
    return await here.bus.ask(dataset.LIST, question)


@routes.post("", status_code=202, responses=may(404))
async def build(body: BuildBody, who: MayConfigure, here: Here) -> Build:
    """Put a version together. Admins and engineers only.

    It takes a while: ask for the build until it has ended. The same content is the same version.
    """
    values = body.model_dump(exclude={"base"})
    base = await _base(body.base, body.dataset, here)
    question = parsed(dataset.StartBuild, **values, base=base, by=who.username)
    return await here.bus.ask(dataset.START, question)


@routes.post("/imports", status_code=202, openapi_extra=_FORM, responses=may(404, 413, 415, 422))
async def bring_in(request: Request, who: MayConfigure, here: Here) -> Build:
    """Put a version together from a zip of labelled images: COCO, YOLO, Pascal VOC or MVTec folders.

    Admins and engineers only. What is wrong with the archive stands in the build.
    """
    async with stored(request, here.blobs, here.uploads, "imports", _IMPORT) as (archive, fields):
        base = await _base(fields.get("base"), fields.get("dataset", ""), here)
        brought = parsed(
            dataset.ImportedArchive,
            key=archive.key,
            name=archive.name,
            size=archive.size,
            format=fields.get("format"),
        )
        question = parsed(
            dataset.StartBuild,
            dataset=fields.get("dataset"),
            archive=brought,
            base=base,
            station_id=fields.get("station_id"),
            description=fields.get("description"),
            by=who.username,
        )
        return await here.bus.ask(dataset.START, question)


@routes.get("/builds/{id}")
async def one_build(id: str, _who: MayView, here: Here) -> Build:  # noqa: A002 - its name in the API
    """How far a build is."""
    return await here.bus.ask(dataset.BUILD, parsed(dataset.GetBuild, id=id))


@routes.get("/images/{digest}", response_class=Response, responses=_IMAGE)
async def image(digest: str, _who: MayView, here: Here) -> Response:
    """A sample's image, by its sha256."""
    wanted = parsed(dataset.GetVersion, id=digest).id
    data = await here.blobs.get(f"datasets/images/{wanted}")
    headers = {"Cache-Control": "private, max-age=3600, immutable", "ETag": f'"{wanted}"'}
    return Response(data, media_type=sniff(data) or "application/octet-stream", headers=headers)


@routes.get("/{id}")
async def one(id: str, _who: MayView, here: Here) -> DatasetVersion:  # noqa: A002 - its name in the API
    """A version: what is in it in numbers, where it came from, who stands for it."""
    return await here.bus.ask(dataset.GET, parsed(dataset.GetVersion, id=id))


@routes.get("/{id}/samples", responses=may(422))
async def samples(  # noqa: PLR0913, PLR0917 - its filters
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
    split: Split | None = None,
    verdict: Verdict | None = None,
    class_name: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Samples:
    """What is in a version; the images are below /datasets/images."""
    question = parsed(
        dataset.ListSamples,
        id=id,
        split=split,
        verdict=verdict,
        class_name=class_name,
        limit=limit,
        offset=offset,
    )
    return await here.bus.ask(dataset.SAMPLES, question)


@routes.get("/{id}/diff", responses=may(422))
async def diff(
    id: str,  # noqa: A002 - its name in the API
    other: str,
    _who: MayView,
    here: Here,
    limit: Annotated[int, Query(ge=0, le=1000)] = 200,
) -> Difference:
    """What changed from `other` to this version."""
    question = parsed(dataset.CompareVersions, id=id, other=other, limit=limit)
    return await here.bus.ask(dataset.DIFF, question)


@routes.post("/{id}/approval")
async def approve(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: ApprovalBody | None = None,
) -> DatasetVersion:
    """Stand for a version, or against it. Admins and engineers only."""
    said = body or ApprovalBody()
    question = parsed(dataset.ApproveVersion, id=id, approved=said.approved, note=said.note, by=who.username)
    return await here.bus.ask(dataset.APPROVE, question)


@routes.get("/{id}/export", response_class=Response, responses=_ZIP | may(422))
async def export(
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
    form: Annotated[Format | Literal["andon"], Query(alias="format")] = Format.COCO,
) -> Response:
    """A version as a zip in a layout of others, or its own manifest (`andon`)."""
    version = await here.bus.ask(dataset.GET, parsed(dataset.GetVersion, id=id))
    data = await here.blobs.get(version.manifest_key)
    if sha256(data).hexdigest() != version.id:
        raise Invalid(f"The manifest of dataset version {version.id} is damaged.")
    name = f"{version.dataset}-{version.number}"
    if form == "andon":
        headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
        return Response(data, media_type="application/json", headers=headers)
    manifest = Manifest.model_validate_json(data)
    return StreamingResponse(
        written(manifest, form, here.blobs.get),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}-{form}.zip"'},
    )


async def _base(wanted: str | None, name: str, here: Gateway) -> str | None:
    """The version that is meant. Raises NotFound when there is no latest one."""
    if wanted != _LATEST:
        return wanted
    found = await here.bus.ask(dataset.LIST, parsed(dataset.ListVersions, dataset=name, limit=1))
    if not found.items:
        raise NotFound(f"base: there is no version of '{name[:64]}' yet")
    return found.items[0].id
