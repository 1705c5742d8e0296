"""Judging an uploaded image."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request

from andon.contracts import Unavailable, inspection
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayInspect
from andon.gateway.uploads import Upload, read_upload
from andon.gateway.visual_inspection.views import InspectionView, inspection_view
from andon.telemetry import log

_log = log("andon.gateway")
routes = APIRouter(tags=["inspection"])

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "station_id": {"type": "string", "default": "default"},
                        "part_id": {"type": "string"},
                    },
                }
            }
        },
    }
}
_FALLBACK = Query(description="Counts where the form lacks the field.")


@routes.post("/inspect", openapi_extra=_FORM, responses=may(404, 415, 422))
async def inspect(
    request: Request,
    _who: MayInspect,
    here: Here,
    station_id: Annotated[str | None, _FALLBACK] = None,
    part_id: Annotated[str | None, _FALLBACK] = None,
) -> InspectionView:
    """Judge an image now. What is answered with 200 is kept."""
    upload = await read_upload(request, here.uploads)
    frame = parsed(
        inspection.FrameCaptured,
        station_id=upload.fields.get("station_id") or station_id or None,
        part_id=upload.fields.get("part_id") or part_id or None,
        frame_id=uuid4().hex,
        captured_at=datetime.now(UTC),
        content_type=upload.media_type,
    )
    record = await _judged(frame, upload, here)
    here.images.remember(record)
    here.answers.drop()  # its event may come later than this answer
    return inspection_view(record, here.images)


async def _judged(frame: inspection.FrameCaptured, upload: Upload, here: Gateway) -> inspection.Inspection:
    if len(upload.data) <= here.uploads.inline_bytes:
        return await here.bus.ask(inspection.INSPECT, frame, body=upload.data, timeout=here.inspect_timeout)
    async with _put_aside(upload, here) as key:
        named = frame.model_copy(update={"object_key": key})
        return await here.bus.ask(inspection.INSPECT, named, timeout=here.inspect_timeout)


@asynccontextmanager
async def _put_aside(upload: Upload, here: Gateway) -> AsyncIterator[str]:
    key = f"incoming/{uuid4()}"
    await here.blobs.put(key, upload.data, content_type=upload.media_type)
    try:
        yield key
    finally:
        try:
            await here.blobs.delete(key)
        except Unavailable as away:  # the part is judged all the same; the object is only in the way
            _log.warning("an incoming image stays behind", key=key, reason=str(away))
