"""Puts the review part of training together."""

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import inspection, review
from andon.messaging import Service
from andon.storage import Blobs, Database
from andon.training.review.chooser import Chooser
from andon.training.review.desk import ReviewDesk
from andon.training.review.eyes import Eyes
from andon.training.review.store import ReviewStore

_AT_ONCE = 8


class ReviewSettings(BaseModel):
    """What choosing may cost. How it chooses is each station's policy."""

    looks_per_minute: Annotated[float, Field(ge=0)] = 120
    """Of each station, at parts that have a reason; one look takes some 20 ms of one core."""
    probes_per_minute: Annotated[float, Field(ge=0)] = 6
    """Of each station, at ordinary parts, to see whether they are new."""
    drifted_per_hour: Annotated[float, Field(ge=0)] = 20
    """Of each station that drifts, parts that people are asked about for that alone."""
    idle_seconds: Annotated[float, Field(gt=0)] = 60
    """After so long without a look its process ends and gives back its memory."""


@dataclass(frozen=True)
class Review:
    """What others in training work with; entered and left with the service."""

    desk: ReviewDesk
    store: ReviewStore
    eyes: Eyes

    async def __aenter__(self) -> None:
        await self.store.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.eyes.close()


def register(
    bus: Service,
    database: Database,
    blobs: Blobs,
    settings: ReviewSettings,
    *,
    drifting: Callable[[], Awaitable[AbstractSet[str]]],
) -> Review:
    """Tie it to the bus; connects nothing. `drifting` tells the stations that are not as they were."""
    store, eyes = ReviewStore(database), Eyes(blobs, settings.idle_seconds)
    chooser = Chooser(
        bus,
        store,
        eyes,
        _now,
        drifting,
        looks_per_minute=settings.looks_per_minute,
        probes_per_minute=settings.probes_per_minute,
        drifted_per_hour=settings.drifted_per_hour,
    )
    desk = ReviewDesk(bus, store, chooser, _now)
    bus.hears(inspection.PART_JUDGED, chooser.judged, workers=_AT_ONCE)
    bus.hears(inspection.RECORD_DELETED, chooser.record_deleted)
    bus.hears(inspection.EVIDENCE_REMOVED, chooser.evidence_removed)
    bus.hears(review.LEARNED, desk.learned)
    bus.answers(review.LIST, desk.list)
    bus.answers(review.GET, desk.get)
    bus.answers(review.ANNOTATE, desk.annotate)
    bus.answers(review.SUGGEST, desk.suggest)
    bus.answers(review.STATISTICS, desk.statistics)
    bus.answers(review.ADVICE, desk.advise)
    bus.answers(review.POLICY, desk.policy)
    bus.answers(review.PUT_POLICY, desk.put_policy)
    return Review(desk, store, eyes)


def _now() -> datetime:
    return datetime.now(UTC)
