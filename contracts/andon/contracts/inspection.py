"""A frame becomes a judged part: what cameras say and what Andon answers."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Body, Event, Query


class Decision(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNCERTAIN = "uncertain"


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


Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels of the original image; x2 and y2 are exclusive."""


class Detection(Message):
    """A region of a part that is not as it should be."""

    class_name: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    bbox: Box
    area_mm2: float | None = None
    """None until the station's mm-per-pixel is known."""
    area_px: int = 0
    """In pixels of the original image."""
    area_method: str = ""
    """ring-otsu: by what differs from its surroundings; heatmap: where that finds nothing, its cells."""
    peak_score: float = 0
    """Highest value of the heatmap inside the region."""


class StoredImage(Message):
    """An image kept as evidence."""

    key: str
    content_type: str
    size: int
    """Bytes."""
    width: int
    height: int
    """Pixels."""
    sha256: str = ""


class Times(Message):
    """Where a part's time went, in milliseconds."""

    decode_ms: float
    inference_ms: float
    """Wait for the batch and inference together."""
    total_ms: float
    """From the frame's arrival at the inspector to its decision."""


class Inspection(Message):
    """A judged part: the record that is kept and the event that is said."""

    id: str
    """UUID derived from station and frame id: the same frame has the same record."""
    frame_id: str
    station_id: str
    part_id: str | None = None
    decision: Decision
    confidence: Annotated[float, Field(ge=0, le=1)]
    """Share of the good calibration parts that score at least as high; for a fail, its complement."""
    anomaly_score: float
    uncertain_above: float
    fail_above: float
    objects_found: int
    detections: tuple[Detection, ...] = ()
    recipe_revision: int
    model_version: str
    model_digest: str
    captured_at: Time
    judged_at: Time
    times: Times
    source: str = "bus"
    """bus or http."""
    width: int
    height: int
    """Pixels of the original image."""
    image: StoredImage | None = None
    """The received bytes as they came; None where the recipe's sampling left them out."""
    annotated: StoredImage | None = None
    """The part with heatmap and boxes over it; None of a passed part, over which there is nothing to draw."""


class FrameRefused(Message):
    """A frame that could not be judged, and why: an error record, never an `uncertain`."""

    frame_id: str
    station_id: str
    part_id: str | None = None
    code: str
    reason: str
    refused_at: Time


class GetInspection(Message):
    id: str


class ListInspections(Message):
    station_id: str | None = None
    decision: Decision | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0)] = 0


class Inspections(Message):
    """Newest first."""

    total: int
    items: tuple[Inspection, ...]


class DeleteInspection(Message):
    id: str
    by: str


class Deleted(Message):
    id: str


class GetStatistics(Message):
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    station_id: str | None = None


class Statistics(Message):
    """Read from rollups, over the hours named."""

    total_inspections: int
    passed: int
    failed: int
    uncertain: int
    pass_rate: float
    """0 to 1 of all inspections; 0 when there are none."""
    avg_inspection_time_ms: float
    defect_breakdown: dict[str, int]
    """Detections by class."""
    period_hours: int
    station_id: str | None = None


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"


class GetTrends(Message):
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    interval: Interval = Interval.HOUR
    station_id: str | None = None


class Trends(Message):
    """One entry per bucket, oldest first, empty buckets as zeros; times are UTC."""

    labels: tuple[str, ...]
    total: tuple[int, ...]
    passed: tuple[int, ...]
    failed: tuple[int, ...]
    uncertain: tuple[int, ...]


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
    heard_by=("gateway", "alerting", "opcua-bridge"),
)
FRAME_REFUSED = Event(
    "inspection.frame.refused.v1",
    FrameRefused,
    "A frame could not be judged; it is parked with its reason.",
    said_by=("inspection",),
    heard_by=("gateway",),
)
RECORD_DELETED = Event(
    "inspection.record.deleted.v1",
    Deleted,
    "A record and its evidence are gone.",
    said_by=("inspection",),
    heard_by=("gateway",),
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
GET = Query(
    "inspection.record.get.v1",
    GetInspection,
    "Read one record.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Inspection,
)
LIST = Query(
    "inspection.record.list.v1",
    ListInspections,
    "Read records, newest first.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Inspections,
)
DELETE = Query(
    "inspection.record.delete.v1",
    DeleteInspection,
    "Remove a record with its evidence.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Deleted,
)
STATISTICS = Query(
    "inspection.statistics.get.v1",
    GetStatistics,
    "Counts over the last hours.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Statistics,
)
TRENDS = Query(
    "inspection.trend.get.v1",
    GetTrends,
    "Counts per hour or day.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Trends,
)
REFUSED = Query(
    "inspection.refusal.list.v1",
    ListRefused,
    "Frames that could not be judged.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=RefusedFrames,
)
