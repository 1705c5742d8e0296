"""Puts the rollout part of training together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import rollout, training
from andon.contracts.rollout import Bounds
from andon.messaging import Service
from andon.storage import Blobs, Database
from andon.training.rollout.deploying import Deployer
from andon.training.rollout.desk import VersionDesk
from andon.training.rollout.drifting import DriftDesk
from andon.training.rollout.lineage import LineageDesk
from andon.training.rollout.store import DriftStore, RolloutStore
from andon.training.rollout.trials import TrialDesk
from andon.training.rollout.watching import Watcher
from andon.training.store import Versions


class RolloutSettings(BaseModel):
    """How new versions are looked after."""

    watch_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    """After a deployment; 0 is no watch."""
    look_seconds: Annotated[float, Field(gt=0)] = 1.0
    """Between two looks at versions on trial."""
    drift_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Between two looks for drift."""
    bounds: Bounds = Bounds()
    """Of a watch; a trial may be started with its own."""


@dataclass(frozen=True)
class RolloutPart:
    """What others in training work with; entered and left with the service."""

    deployer: Deployer
    drifts: DriftStore
    background: tuple[Callable[[], Awaitable[None]], ...]

    async def __aenter__(self) -> None:
        await self.deployer.rollouts.prepare()

    async def __aexit__(self, *_: object) -> None: ...


def register(
    bus: Service, database: Database, blobs: Blobs, versions: Versions, settings: RolloutSettings
) -> RolloutPart:
    """Tie it to the bus; connects nothing."""
    rollouts, drifts = RolloutStore(database), DriftStore(database)
    deployer = Deployer(bus, versions, rollouts, _now, settings.watch_minutes, settings.bounds)
    desk = VersionDesk(deployer, blobs)
    trials = TrialDesk(deployer)
    watcher = Watcher(deployer, settings.look_seconds)
    drift = DriftDesk(bus, drifts, _now, settings.drift_seconds)
    lineage = LineageDesk(bus, versions)
    bus.answers(training.LIST, desk.list)
    bus.answers(training.DEPLOY, desk.deploy)
    bus.answers(rollout.OFFER, desk.offer)
    bus.answers(rollout.ROLL_BACK, desk.roll_back)
    bus.answers(rollout.DELETE, desk.delete)
    bus.answers(rollout.START, trials.start)
    bus.answers(rollout.PROMOTE, trials.promote)
    bus.answers(rollout.ABORT, trials.abort)
    bus.answers(rollout.GET, trials.get)
    bus.answers(rollout.LIST, trials.list)
    bus.answers(rollout.DRIFT, drift.get)
    bus.answers(rollout.LINEAGE, lineage.get)
    return RolloutPart(deployer, drifts, (watcher.run, drift.run))


def _now() -> datetime:
    return datetime.now(UTC)
