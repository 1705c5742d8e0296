"""Judged parts and their images."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from andon.contracts import Forbidden, NotFound, inspection
from andon.gateway.context import Here
from andon.gateway.domain import ImageName, Picture
from andon.gateway.errors import parsed
from andon.gateway.images import Shown
from andon.gateway.principal import MayConfigure, MayView, signed_in
from andon.gateway.visual_inspection.views import InspectionsView, InspectionView, inspection_view

routes = APIRouter(tags=["inspection"])
public = APIRouter(tags=["inspection"])
"""Outside of /api/v1: what an <img> can load."""

Limit = Annotated[int, Query(ge=1, le=500)]


class RefusedView(BaseModel):
    items: list[inspection.FrameRefused]


class DeletedView(BaseModel):
    id: str
    status: str = "deleted"


@routes.get("/inspections")
async def inspections(
    _who: MayView,
    here: Here,
    station_id: str | None = None,
    decision: inspection.Decision | None = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> InspectionsView:
    """Judged parts, newest first."""
    question = parsed(
        inspection.ListInspections, station_id=station_id, decision=decision, limit=limit, offset=offset
    )
    found = await here.bus.ask(inspection.LIST, question)
    for record in found.items:
        here.images.remember(record)
    items = [inspection_view(record, here.images) for record in found.items]
    return InspectionsView(total=found.total, limit=limit, offset=offset, items=items)


@routes.get("/inspections/refused")
async def refused(_who: MayView, here: Here, station_id: str | None = None, limit: Limit = 50) -> RefusedView:
    """Frames that could not be judged, each with its reason, newest first."""
    question = parsed(inspection.ListRefused, station_id=station_id, limit=limit)
    found = await here.bus.ask(inspection.REFUSED, question)
    return RefusedView(items=list(found.items))


@routes.get("/inspect/{id}")
async def one(id: str, _who: MayView, here: Here) -> InspectionView:  # noqa: A002 - its name in the API
    """One judged part."""
    record = await here.bus.ask(inspection.GET, inspection.GetInspection(id=id))
    here.images.remember(record)
    return inspection_view(record, here.images)


@routes.delete("/inspect/{id}")
async def delete(id: str, who: MayConfigure, here: Here) -> DeletedView:  # noqa: A002 - its name in the API
    """Remove a record with its images. Admins and engineers only."""
    deleted = await here.bus.ask(inspection.DELETE, inspection.DeleteInspection(id=id, by=who.username))
    here.images.forget(deleted.id)
    return DeletedView(id=deleted.id)


_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The image."}}


@routes.get("/images/{id}/{picture}", response_class=Response, responses=_IMAGE)
async def image(id: str, picture: Picture, _who: MayView, here: Here) -> Response:  # noqa: A002 - its name in the API
    """A part's original image, or the annotated one."""
    return _answer(await here.images.read(id, picture))


@public.get("/static/images/{name}", response_class=Response, responses=_IMAGE)
async def image_by_address(
    name: str,
    request: Request,
    here: Here,
    expires: Annotated[int, Query(ge=0)] = 0,
    signature: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What `image_url` and `annotated_url` point at: with their signature, or a bearer token."""
    wanted = ImageName.parsed(name)
    if not (signature and wanted and here.images.opens(wanted, expires, signature)):
        principal = await signed_in(request, None)
        if "view_history" not in principal.permissions:
            raise Forbidden("This needs the permission 'view_history', which your role does not have.")
    if wanted is None:
        raise NotFound("There is no image of this name.")
    return _answer(await here.images.read(wanted.inspection_id, wanted.picture))


def _answer(shown: Shown) -> Response:
    headers = {"Cache-Control": "private, max-age=3600, immutable", "Content-Disposition": "inline"}
    if shown.sha256:
        headers["ETag"] = f'"{shown.sha256}"'
    return Response(shown.data, media_type=shown.media_type, headers=headers)
