"""Puts the learning part of training together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import Unavailable, learning, queue, review
from andon.messaging import Service
from andon.storage import Database
from andon.training.adapters.files import FitFiles
from andon.training.adapters.process import FittingProcess
from andon.training.learning.desk import LearningDesk
from andon.training.learning.keeping import Keeping
from andon.training.learning.packing import Packing
from andon.training.learning.placing import Placing
from andon.training.learning.refitting import Refitting
from andon.training.learning.runner import Runner
from andon.training.learning.store import Evaluations, Labels, Runs
from andon.training.learning.wishes import Wishes
from andon.training.rollout.deploying import Deployer
from andon.training.store import Versions

_AGAIN = 2.0
"""Seconds until the database is tried again."""


class LearningSettings(BaseModel):
    """When the classes of a station's defects are learned again by themselves."""

    refit_after: Annotated[int, Field(ge=0, le=1000)] = 5
    """New annotated parts; 0 is never."""
    refit_deploys: bool = True
    """A new classifier changes names, never decisions."""


@dataclass(frozen=True)
class Learning:
    """What others in training work with; entered and left with the service."""

    desk: LearningDesk
    runs: Runs
    labels: Labels
    evaluations: Evaluations

    async def __aenter__(self) -> None:
        await self.runs.prepare()
        await self.labels.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.desk.close()

    async def settle(self) -> None:
        """Once, after a start: what was cut off has an end."""
        while True:
            try:
                return await self.desk.interrupted()
            except Unavailable:
                await asyncio.sleep(_AGAIN)


def register(  # noqa: PLR0913 - what the service lends
    bus: Service,
    database: Database,
    settings: LearningSettings,
    *,
    versions: Versions,
    files: FitFiles,
    process: FittingProcess,
    deployer: Deployer,
    threads: int,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Learning:
    """Tie it to the bus; connects nothing."""
    runs, labels, evaluations = Runs(database), Labels(database), Evaluations(database)
    packing = Packing(files.blobs, files)
    keeping = Keeping(bus, versions, evaluations, packing, deployer, clock)
    runner = Runner(bus, runs, packing, process, keeping, asyncio.Semaphore(1), clock)
    wishes = Wishes(bus, versions, labels, files.blobs, threads)
    desk = LearningDesk(bus, runs, labels, evaluations, wishes, runner, Placing(bus), clock)
    refitting = Refitting(labels, runs, desk, settings.refit_after, settings.refit_deploys, clock)
    desk.then = refitting.ended
    bus.answers(learning.START, desk.start)
    bus.answers(learning.GET, desk.get)
    bus.answers(learning.LIST, desk.list)
    bus.answers(learning.STOP, desk.stop)
    bus.answers(learning.EVALUATION, desk.evaluation)
    bus.hears(queue.JOB_CHANGED, runner.changed)
    bus.hears(queue.JOB_PROGRESSED, runner.progressed)
    bus.hears(review.ANNOTATION_MADE, refitting.annotated)
    return Learning(desk, runs, labels, evaluations)
