"""One part's inspection on paper."""

import asyncio

from fastapi import APIRouter, Response

from andon.contracts import NotFound, inspection
from andon.gateway.context import Gateway, Here
from andon.gateway.domain import Picture
from andon.gateway.errors import may
from andon.gateway.principal import MayView
from andon.gateway.report import rendered

routes = APIRouter(tags=["inspection"])

_PDF = {200: {"content": {"application/pdf": {}}, "description": "The report."}}
_drawing = asyncio.Semaphore(2)


@routes.get("/inspect/{id}/report.pdf", response_class=Response, responses=_PDF | may(503))
async def report(id: str, _who: MayView, here: Here) -> Response:  # noqa: A002 - its name in the API
    """The part's images, decision, scores, thresholds and what was found, as PDF."""
    record = await here.bus.ask(inspection.GET, inspection.GetInspection(id=id))
    here.images.remember(record)
    async with _drawing:
        original, annotated = await asyncio.gather(
            _seen(here, record, Picture.ORIGINAL), _seen(here, record, Picture.ANNOTATED)
        )
        overlay = annotated if record.annotated else None
        pdf = await asyncio.to_thread(rendered, record, original, overlay, here.version)
    headers = {"Content-Disposition": f'inline; filename="inspection-{record.id}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def _seen(here: Gateway, record: inspection.Inspection, picture: Picture) -> bytes | None:
    """None where the image was not kept, or is kept no longer."""
    try:
        return (await here.images.read(record.id, picture)).data
    except NotFound:
        return None
