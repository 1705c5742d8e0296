"""Puts the dataset part of training together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import dataset
from andon.datasets import Limits
from andon.messaging import Service
from andon.storage import Blobs, Database
from andon.training.datasets.desk import DatasetDesk
from andon.training.datasets.gathering import Gatherer
from andon.training.datasets.store import DatasetStore
from andon.training.review.store import ReviewStore


class DatasetSettings(BaseModel):
    """How much an uploaded archive may turn into."""

    archive_files: Annotated[int, Field(ge=1)] = 50_000
    archive_gb: Annotated[float, Field(gt=0)] = 4.0
    """Unpacked; 1 GB is 2^30 bytes."""


@dataclass(frozen=True)
class Datasets:
    """What others in training work with; entered and left with the service."""

    desk: DatasetDesk
    store: DatasetStore

    async def __aenter__(self) -> None:
        await self.desk.gatherer.tidy()
        await self.store.prepare()

    async def __aexit__(self, *_: object) -> None: ...


def register(  # noqa: PLR0913 - what it stands on
    bus: Service,
    database: Database,
    blobs: Blobs,
    settings: DatasetSettings,
    *,
    reviews: ReviewStore,
    folder: Path,
) -> Datasets:
    """Tie it to the bus; connects nothing. `folder` is for archives while they are read."""
    limits = Limits(files=settings.archive_files, unpacked=int(settings.archive_gb * 2**30))
    store = DatasetStore(database, blobs)
    gatherer = Gatherer(bus, blobs, store, reviews, folder, limits)
    desk = DatasetDesk(bus, store, gatherer, blobs, _now)
    bus.hears(dataset.RUN, desk.run)
    bus.answers(dataset.START, desk.start)
    bus.answers(dataset.BUILD, desk.build)
    bus.answers(dataset.GET, desk.get)
    bus.answers(dataset.LIST, desk.list)
    bus.answers(dataset.SAMPLES, desk.samples)
    bus.answers(dataset.APPROVE, desk.approve)
    bus.answers(dataset.DIFF, desk.compare)
    return Datasets(desk, store)


def _now() -> datetime:
    return datetime.now(UTC)
