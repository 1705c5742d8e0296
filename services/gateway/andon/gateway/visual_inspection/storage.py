"""What evidence takes, and taking away what is old."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from andon.contracts import inspection
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/storage", tags=["storage"])

_GB, _MB = 1 << 30, 1 << 20
_PATIENCE = 30.0


class UsageView(BaseModel):
    """1 GB is 2^30 bytes, 1 MB 2^20; sums are counted with every part that comes and goes."""

    images_gb: float
    masks_gb: float
    """Annotated images."""
    database_mb: float
    """Of the records, estimated by some of the newest, without indexes."""
    total_gb: float
    max_gb: float
    """Above it the oldest images go early."""
    inspections: int
    image_days: int
    record_days: int
    hold_failed: bool
    stations: list[inspection.EvidenceUsage]
    """Exact, by station and kind."""


class CleanupView(BaseModel):
    deleted_count: int
    """Images."""
    inspections_removed: int
    cutoff_date: datetime
    """Images of parts judged before it went, unless they were held."""
    records_cutoff_date: datetime
    """Records of parts judged before it went, unless they were held."""
    evidence_removed: int
    """Records that stay without their images."""
    held: int
    """Records older than the cutoff that kept what they had."""
    freed_bytes: int
    complete: bool
    """false: there is more than fits into one answer's time; the cleanup goes on."""


@routes.get("/usage")
async def usage(_who: MayView, here: Here) -> UsageView:
    """What images and records take."""
    found = await here.bus.ask(inspection.USAGE, inspection.GetUsage())
    images, masks = (_bytes(found, kind) for kind in ("images", "annotated"))
    return UsageView(
        images_gb=images / _GB,
        masks_gb=masks / _GB,
        database_mb=found.database_bytes / _MB,
        total_gb=(images + masks + found.database_bytes) / _GB,
        max_gb=found.max_gb,
        inspections=found.records,
        image_days=found.image_days,
        record_days=found.record_days,
        hold_failed=found.hold_failed,
        stations=list(found.evidence),
    )


@routes.post("/cleanup", responses=may(409))
async def cleanup(
    who: MayConfigure, here: Here, days: Annotated[int | None, Query(ge=1, le=36500)] = None
) -> CleanupView:
    """Remove images and records older than so many days, without `days` as the retention settings say.

    Failed, labelled and held parts stay. Admins and engineers only.
    """
    question = parsed(inspection.CleanStorage, days=days, by=who.username)
    told = await here.bus.ask(inspection.CLEAN, question, timeout=_PATIENCE)
    here.images.forget_all()
    here.answers.drop()
    return CleanupView(
        **told.model_dump(include=set(CleanupView.model_fields)),
        cutoff_date=told.cutoff,
        records_cutoff_date=told.records_cutoff,
    )


def _bytes(found: inspection.StorageUsage, kind: str) -> int:
    return sum(each.bytes for each in found.evidence if each.kind == kind)
