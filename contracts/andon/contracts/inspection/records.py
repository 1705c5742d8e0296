"""Reading, walking through, holding and removing what was judged."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.inspection.parts import Decision, Inspection


class GetInspection(Message):
    id: str


class ListInspections(Message):
    station_id: str | None = None
    decision: Decision | None = None
    part_id: str | None = None
    since: Time | None = None
    """Judged then or later."""
    until: Time | None = None
    """Judged before then."""
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0)] = 0


class Inspections(Message):
    """Newest first."""

    total: int
    items: tuple[Inspection, ...]


class ExportInspections(Message):
    """One page of a walk through history; the next begins where `after` says."""

    station_id: str | None = None
    decision: Decision | None = None
    since: Time | None = None
    until: Time | None = None
    after: Annotated[str | None, Field(pattern=r"^-?[0-9]{1,16}:[A-Za-z0-9-]{1,64}$")] = None
    """`next` of the page before; without it, from the newest."""
    limit: Annotated[int, Field(ge=1, le=2000)] = 1000


class ExportedInspection(Message):
    """What a table row says of a part."""

    id: str
    judged_at: Time
    station_id: str
    part_id: str | None
    decision: Decision
    confidence: float
    objects_found: int
    total_ms: float


class ExportPage(Message):
    """Newest first; may hold fewer than asked for while there is more."""

    rows: tuple[ExportedInspection, ...]
    next: str | None
    """None at the end."""


class HoldInspection(Message):
    id: str
    reason: Name = "manual"
    by: str


class ReleaseInspection(Message):
    id: str
    reason: Name = "manual"
    by: str


class DeleteInspection(Message):
    id: str
    by: str


class Deleted(Message):
    id: str


RECORD_DELETED = Event(
    "inspection.record.deleted.v1",
    Deleted,
    "A record and its evidence are gone.",
    said_by=("inspection",),
    heard_by=("gateway", "training"),
)
GET = Query(
    "inspection.record.get.v1",
    GetInspection,
    "Read one record.",
    said_by=("gateway", "training", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Inspection,
)
LIST = Query(
    "inspection.record.list.v1",
    ListInspections,
    "Read records, newest first.",
    said_by=("gateway", "training", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Inspections,
)
EXPORT = Query(
    "inspection.record.export.v1",
    ExportInspections,
    "Walk through records of any number, page by page.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=ExportPage,
)
HOLD = Query(
    "inspection.record.hold.v1",
    HoldInspection,
    "Keep a record and its evidence from every cleanup.",
    said_by=("gateway", "training"),
    heard_by=("inspection",),
    reply=Inspection,
)
RELEASE = Query(
    "inspection.record.release.v1",
    ReleaseInspection,
    "Let a record age again.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Inspection,
)
DELETE = Query(
    "inspection.record.delete.v1",
    DeleteInspection,
    "Remove a record with its evidence.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Deleted,
)
