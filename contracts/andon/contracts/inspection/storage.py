"""What evidence and records take, and taking away what is old."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query


class GetUsage(Message):
    pass


class EvidenceUsage(Message):
    """One kind of picture of one station."""

    station_id: str
    kind: str
    """images or annotated."""
    files: int
    bytes: int


class StorageUsage(Message):
    """What the records of judged parts take, counted with every record that comes and goes."""

    evidence: tuple[EvidenceUsage, ...]
    records: int
    database_bytes: int
    """Of the records' documents, by the mean of some new ones; a server's indexes come on top."""
    image_days: int
    record_days: int
    max_gb: float
    """Above it the oldest evidence goes early; 1 GB is 2^30 bytes."""
    hold_failed: bool


class CleanStorage(Message):
    days: Annotated[int | None, Field(ge=1, le=36500)] = None
    """Pictures and records older than this go; without it, each by its own retention setting."""
    by: str


class EvidenceRemoved(Message):
    """What a cleanup took away. What was judged stays counted in statistics."""

    cutoff: Time
    """Pictures of parts judged before it went, unless they were held."""
    records_cutoff: Time
    """Records of parts judged before it went, unless they were held."""
    deleted_count: int
    """Pictures."""
    inspections_removed: int
    evidence_removed: int
    """Records that stay without their pictures."""
    freed_bytes: int
    held: int
    """Records older than the cutoff that kept what they had."""
    complete: bool
    """False in an answer while the cleanup still goes on."""
    by: str
    at: Time


EVIDENCE_REMOVED = Event(
    "inspection.evidence.removed.v1",
    EvidenceRemoved,
    "A cleanup is done: what it removed, and what it held.",
    said_by=("inspection",),
    heard_by=("gateway", "training"),
)
USAGE = Query(
    "inspection.storage.usage.v1",
    GetUsage,
    "What records and evidence take.",
    said_by=("gateway", "alerting", INTEGRATIONS),
    heard_by=("inspection",),
    reply=StorageUsage,
)
CLEAN = Query(
    "inspection.storage.clean.v1",
    CleanStorage,
    "Remove what is old and not held, now.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=EvidenceRemoved,
)
