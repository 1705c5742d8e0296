"""Frames that cameras say, and those that could not be judged."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Body, Event, Query
from andon.contracts.inspection.parts import Inspection


class FrameCaptured(Message):
    """A picture of a part. The image is the message's body, or `object_key` names it in the object store."""

    station_id: Name = "default"
    part_id: Label | None = None
    frame_id: Label | None = None
    """Unique per frame; a repeat is the same frame. Without one, the frame's place in the stream serves."""
    captured_at: Time | None = None
    """When the shutter opened; without it, when the bus got the frame."""
    content_type: str | None = None
    """The image's media type; the bytes themselves are what counts."""
    object_key: str | None = None
    """Key in the object store, for images above the bus's 8 MB (to 20 MB)."""


class FrameRefused(Message):
    """A frame that could not be judged, and why: an error record, never an `uncertain`."""

    frame_id: str
    station_id: str
    part_id: str | None = None
    code: str
    reason: str
    refused_at: Time


class ListRefused(Message):
    station_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class RefusedFrames(Message):
    """Newest first."""

    items: tuple[FrameRefused, ...]


FRAME_CAPTURED = Event(
    "inspection.frame.captured.v1",
    FrameCaptured,
    "A camera saw a part.",
    said_by=(INTEGRATIONS,),
    heard_by=("inspection",),
    body=Body.BINARY,
    stream="inspection-frames",
)
PART_JUDGED = Event(
    "inspection.part.judged.v1",
    Inspection,
    "A part was judged and its evidence is kept.",
    said_by=("inspection",),
    heard_by=("gateway", "alerting", "opcua-bridge", "training"),
)
FRAME_REFUSED = Event(
    "inspection.frame.refused.v1",
    FrameRefused,
    "A frame could not be judged; it is parked with its reason.",
    said_by=("inspection",),
    heard_by=("gateway", "alerting"),
)
INSPECT = Query(
    "inspection.frame.inspect.v1",
    FrameCaptured,
    "Judge this frame now and answer with the record.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    body=Body.BINARY,
    reply=Inspection,
)
REFUSED = Query(
    "inspection.refusal.list.v1",
    ListRefused,
    "Frames that could not be judged.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=RefusedFrames,
)
