"""Takes versions into use at stations, and back out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from andon.contracts import Conflict, NotFound, Refused, inspection, rollout, station, training
from andon.contracts.inspection import Tally
from andon.contracts.rollout import (
    Bounds,
    Rollout,
    RolloutState,
)
from andon.contracts.station import (
    Deployment,
    DeploymentKind,
    ModelRef,
    SetModel,
    Station,
    Thresholds,
    Trial,
    TrialRole,
)
from andon.contracts.training import ModelDeployed, ModelVersion
from andon.messaging import Service
from andon.telemetry import log
from andon.training.rollout.store import RolloutStore
from andon.training.store import Versions

SWITCH_SECONDS = 60.0
"""A station's inspector fetches, compiles, warms and probes a model before it switches."""
_BASELINE_HOURS = 72

_log = log("andon.training")


@dataclass(frozen=True)
class Order:
    """Why a version is taken into use, and how it is watched."""

    by: str
    kind: DeploymentKind = DeploymentKind.DEPLOY
    forced: bool = False
    note: str = ""
    watch_minutes: int | None = None
    once: str | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True)
class Deployer:
    """Where versions judge. What a station's inspector refuses changes nothing there."""

    bus: Service
    versions: Versions
    rollouts: RolloutStore
    clock: Callable[[], datetime]
    watch_minutes: int
    bounds: Bounds

    async def put_to_work(
        self, version: ModelVersion, station_ids: tuple[str, ...], order: Order
    ) -> ModelDeployed:
        """Switch the stations, record it, say it. What was switched before one refuses stays switched."""
        done: list[str] = []
        at = self.clock()
        try:
            for station_id in station_ids:
                await self._use(version, station_id, order, at)
                done.append(station_id)
        except Refused:
            if done:
                await self._told(version, tuple(done), order, at)
            raise
        return await self._told(version, station_ids, order, at)

    async def version(self, version_id: str) -> ModelVersion:
        """Raises NotFound for an unknown or deleted one."""
        version = await self.versions.get(version_id)
        if version is None or version.deleted_at is not None:
            raise NotFound(f"there is no model version {version_id}")
        return version

    async def switch(self, wanted: SetModel) -> Station:
        """Raises what the station's inspector refuses."""
        return await self.bus.ask(station.SET_MODEL, wanted, timeout=SWITCH_SECONDS)

    async def superseded(self, station_id: str, but: Sequence[str] = ()) -> None:
        """A rollout of a station that judges by another version now is over."""
        for each in await self.rollouts.listed(station_id, None, 20, running=True):
            if each.id not in but:
                await self.ended(each, RolloutState.ABORTED, "another version was taken into use", "andon")

    async def ended(self, one: Rollout, state: RolloutState, reason: str, by: str) -> Rollout:
        """The rollout with its end, told once."""
        over = await self.rollouts.end(one, state, reason=reason, by=by, at=self.clock())
        if over is None:
            return await self.rollouts.get(one.id) or one
        await self.bus.say(rollout.CHANGED, over, once=f"{over.id}-{over.state}")
        _log.info("rollout ended", rollout=over.id, state=over.state, reason=reason)
        return over

    async def baseline(self, station_id: str, version_id: str) -> Tally:
        """How a version did at a station in the last days."""
        wanted = inspection.GetTallies(station_id=station_id, hours=_BASELINE_HOURS)
        hours = (await self.bus.ask(inspection.TALLIES, wanted)).hours
        return summed([each.tally for each in hours if each.version_id == version_id])

    async def _use(self, version: ModelVersion, station_id: str, order: Order, at: datetime) -> None:
        known = await self.bus.ask(station.GET, station.GetStation(id=station_id))
        watch = await self._watch(known, version, order, at)
        wanted = SetModel(
            station_id=station_id,
            model=version.model,
            thresholds=version.thresholds,
            deployment=_entry(version.model, order, at),
            trial=watch and _fallback(known, watch.id),
            at=at,
        )
        if watch is not None:
            await self.rollouts.add(watch)
        try:
            await self.switch(wanted)
        except Refused:
            if watch is not None:
                await self.rollouts.drop(watch.id)
            raise
        await self.versions.deployed(version, (station_id,))
        if order.kind is not DeploymentKind.PROMOTE:
            await self.superseded(station_id, (watch.id,) if watch else ())
        if watch is not None:
            await self.rollouts.begun(watch.id)
            started = watch.model_copy(update={"state": RolloutState.RUNNING})
            await self.bus.say(rollout.CHANGED, started, once=f"{watch.id}-running")

    async def _watch(
        self, known: Station, version: ModelVersion, order: Order, at: datetime
    ) -> Rollout | None:
        minutes = self.watch_minutes if order.watch_minutes is None else order.watch_minutes
        before = version_of(known)
        if not minutes or before in (None, version.id):
            return None
        return Rollout(
            id=f"rollout-{uuid4().hex[:12]}",
            station_id=known.id,
            role=TrialRole.WATCH,
            version_id=version.id,
            against=before,
            bounds=order.bounds or self.bounds,
            state=RolloutState.STARTING,
            by=order.by,
            started_at=at,
            until=at + timedelta(minutes=minutes),
            old=await self.baseline(known.id, before),
        )

    async def _told(
        self, version: ModelVersion, stations: tuple[str, ...], order: Order, at: datetime
    ) -> ModelDeployed:
        deployed = ModelDeployed(
            version_id=version.id,
            station_ids=stations,
            model=version.model,
            thresholds=version.thresholds,
            by=order.by,
            at=at,
        )
        await self.bus.say(training.MODEL_DEPLOYED, deployed, once=order.once)
        _log.info("deployed", version=version.id, stations=stations, kind=order.kind, forced=order.forced)
        return deployed


def version_of(known: Station) -> str | None:
    """The version a station judges by."""
    return known.recipe.model.version_id if known.recipe and known.recipe.model else None


def choice_of(known: Station) -> tuple[ModelRef, Thresholds]:
    """What a station judges by. Raises Conflict when that is nothing yet."""
    recipe = known.recipe
    if recipe is None or recipe.model is None or recipe.thresholds is None:
        raise Conflict(f"station '{known.id}' has no model yet: deploy one first", {"station_ids": known.id})
    return recipe.model, recipe.thresholds


def summed(tallies: Sequence[Tally]) -> Tally:
    """Several as one."""
    sums: dict[str, object] = {}
    for name in Tally.model_fields:
        values = [getattr(each, name) for each in tallies]
        if name in ("scores", "ranks", "brightness"):
            keys = {key for bins in values for key in bins}
            sums[name] = {key: sum(bins.get(key, 0) for bins in values) for key in sorted(keys)}
        else:
            sums[name] = sum(values)
    return Tally.model_validate(sums)


def _entry(model: ModelRef, order: Order, at: datetime) -> Deployment:
    return Deployment(
        version_id=model.version_id,
        digest=model.digest,
        name=model.name,
        kind=order.kind,
        by=order.by,
        at=at,
        forced=order.forced,
        note=order.note,
    )


def _fallback(known: Station, rollout_id: str) -> Trial:
    model, thresholds = choice_of(known)
    return Trial(rollout_id=rollout_id, role=TrialRole.WATCH, model=model, thresholds=thresholds)
