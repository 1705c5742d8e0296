"""Judged parts and their images."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from andon.contracts import Forbidden, Name, NotFound, inspection
from andon.gateway.context import Here
from andon.gateway.domain import ImageName, Picture
from andon.gateway.errors import may, parsed
from andon.gateway.images import Shown
from andon.gateway.principal import MayConfigure, MayView, signed_in
from andon.gateway.visual_inspection.period import Period, Since, Until
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
async def inspections(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayView,
    here: Here,
    station_id: str | None = None,
    decision: inspection.Decision | None = None,
    part_id: Annotated[str | None, Query(max_length=128)] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> InspectionsView:
    """Judged parts, newest first."""
    period = Period.parsed(since=since, until=until)
    question = parsed(
        inspection.ListInspections,
        station_id=station_id,
        decision=decision,
        part_id=part_id,
        since=period.since,
        until=period.until,
        limit=limit,
        offset=offset,
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


@routes.delete("/inspect/{id}", responses=may(409))
async def delete(id: str, who: MayConfigure, here: Here) -> DeletedView:  # noqa: A002 - its name in the API
    """Remove a record with its images. Admins and engineers only."""
    deleted = await here.bus.ask(inspection.DELETE, inspection.DeleteInspection(id=id, by=who.username))
    here.images.forget(deleted.id)
    here.answers.drop()
    return DeletedView(id=deleted.id)


class HoldBody(BaseModel):
    reason: Name = "manual"
    """Such as `audit` or `complaint`; a part has one hold per reason."""


@routes.post("/inspect/{id}/hold")
async def hold(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: HoldBody | None = None,
) -> InspectionView:
    """Keep a part and its images from every cleanup and deletion. Admins and engineers only."""
    reason = (body or HoldBody()).reason
    question = parsed(inspection.HoldInspection, id=id, reason=reason, by=who.username)
    return inspection_view(await here.bus.ask(inspection.HOLD, question), here.images)


@routes.delete("/inspect/{id}/hold")
async def release(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    reason: Name = "manual",
) -> InspectionView:
    """Take a hold back; harmless when there is none for that reason. Admins and engineers only."""
    question = parsed(inspection.ReleaseInspection, id=id, reason=reason, by=who.username)
    return inspection_view(await here.bus.ask(inspection.RELEASE, question), here.images)


_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/*": {}}, "description": "The image."}}


@routes.get("/images/{id}/{picture}", response_class=Response, responses=_IMAGE)
async def image(id: str, picture: Picture, _who: MayView, here: Here) -> Response:  # noqa: A002 - its name in the API
    """A part's original image, the annotated one, or a small one."""
    return _answer(await here.images.read(id, picture))


@public.get("/static/images/{name}", response_class=Response, responses=_IMAGE | may(401, 403, 503))
async def image_by_address(
    name: str,
    request: Request,
    here: Here,
    expires: Annotated[int, Query(ge=0)] = 0,
    signature: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What `image_url`, `annotated_url` and `thumbnail` point at: with their signature, or a bearer token."""
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
