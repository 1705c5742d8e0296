"""Looks after rollouts: counts, takes back what leaves its bounds, ends watches, mends what a crash left."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from andon.contracts import Conflict, Refused, inspection, rollout, station
from andon.contracts.inspection import Tally, TrialTally
from andon.contracts.rollout import RolledBack, Rollout, RolloutState
from andon.contracts.station import Deployment, DeploymentKind, SetModel, Station, TrialRole
from andon.telemetry import log
from andon.training.rollout.bounds import crossed
from andon.training.rollout.deploying import Deployer, version_of
from andon.training.rollout.store import ids

_STARTING = timedelta(minutes=2)
"""Longer than a station takes to load a model."""
_MOST_HOURS = 216
_CALIBRATED = 20
_ITSELF = "andon"

_log = log("andon.training")


@dataclass(frozen=True)
class Watcher:
    """One of these runs in every process; what one of them has ended, the others leave alone."""

    deployer: Deployer
    seconds: float
    """Between two looks."""

    async def run(self) -> NoReturn:
        """Background task."""
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.look()
            except Refused as error:
                _log.warning("rollouts can't be looked after", reason=str(error))

    async def look(self) -> None:
        """Once at every rollout that is not over."""
        running = await self.deployer.rollouts.running()
        if not running:
            return
        now = self.deployer.clock()
        stations = {
            each.id: each
            for each in (await self.deployer.bus.ask(station.LIST, station.ListStations())).stations
        }
        oldest = min(each.started_at for each in running)
        hours = min(_MOST_HOURS, (now - oldest) // timedelta(hours=1) + 2)
        wanted = inspection.GetTallies(hours=hours, rollout_ids=ids(running))
        told = await self.deployer.bus.ask(inspection.TALLIES, wanted)
        figures = {each.rollout_id: each for each in told.trials}
        for one in running:
            await self._look_at(one, stations.get(one.station_id), figures, now)

    async def _look_at(
        self, one: Rollout, known: Station | None, figures: Mapping[str, TrialTally], now: datetime
    ) -> None:
        if known is None or known.trial is None or known.trial.rollout_id != one.id:
            await self._mend(one, known, now)
            return
        if one.state is RolloutState.STARTING:
            await self.deployer.rollouts.begun(one.id)
        new, old = _figures(one, figures[one.id])
        await self.deployer.rollouts.count(one.id, new, old)
        reason = one.reason if one.ending is RolloutState.ROLLED_BACK else None
        reason = reason or crossed(one.role, one.bounds, new, old, ranked=_ranked(known))
        if reason is not None:
            await self._take_back(one, known, reason, now)
        elif one.until is not None and now >= one.until:
            await self._leave(one, now)
            await self.deployer.ended(one, RolloutState.PASSED, "nothing was found", _ITSELF)

    async def _mend(self, one: Rollout, known: Station | None, now: datetime) -> None:
        """The station has left this trial, and who made it do so did not write it down."""
        if one.state is RolloutState.STARTING and now - one.started_at < _STARTING:
            return
        state = one.ending or RolloutState.ABORTED
        if state is RolloutState.PROMOTED and (known is None or version_of(known) != one.version_id):
            state = RolloutState.ABORTED
        reason = one.reason or "another version was taken into use"
        await self.deployer.ended(one, state, reason, _ITSELF)
        if state is RolloutState.ROLLED_BACK:
            await self._tell(one, reason, now)

    async def _take_back(self, one: Rollout, known: Station, reason: str, now: datetime) -> None:
        """The version before judges every part again. A shadow judged none: it only ends."""
        ending = RolloutState.ABORTED if one.role is TrialRole.SHADOW else RolloutState.ROLLED_BACK
        await self.deployer.rollouts.decide(one.id, ending, reason)
        try:
            if one.role is TrialRole.WATCH:
                await self._restore(one, known, reason, now)
            else:
                await self._leave(one, now)
        except Conflict:
            return  # somebody was quicker; the next look tells what it came to
        await self.deployer.ended(one, ending, reason, _ITSELF)
        if ending is RolloutState.ROLLED_BACK:
            await self._tell(one, reason, now)

    async def _restore(self, one: Rollout, known: Station, reason: str, now: datetime) -> None:
        trial = known.trial
        if trial is None:
            return
        entry = Deployment(
            version_id=trial.model.version_id,
            digest=trial.model.digest,
            name=trial.model.name,
            kind=DeploymentKind.AUTOMATIC_ROLLBACK,
            by=_ITSELF,
            at=now,
            note=reason,
        )
        await self.deployer.switch(
            SetModel(
                station_id=one.station_id,
                model=trial.model,
                thresholds=trial.thresholds,
                deployment=entry,
                expects_version=one.version_id,
                expects_trial=one.id,
                at=now,
            )
        )
        before = await self.deployer.versions.get(one.against)
        if before is not None:
            await self.deployer.versions.deployed(before, (one.station_id,))

    async def _leave(self, one: Rollout, now: datetime) -> None:
        """Only the recipe's model is left at the station."""
        await self.deployer.switch(SetModel(station_id=one.station_id, expects_trial=one.id, at=now))

    async def _tell(self, one: Rollout, reason: str, now: datetime) -> None:
        news = RolledBack(
            station_id=one.station_id,
            from_version=one.version_id,
            to_version=one.against,
            automatic=True,
            reason=reason,
            rollout_id=one.id,
            by=_ITSELF,
            at=now,
        )
        await self.deployer.bus.say(rollout.ROLLED_BACK, news, once=one.id)
        _log.warning("rolled back", station=one.station_id, version=one.version_id, reason=reason)


def _ranked(known: Station) -> bool:
    """Whether both versions were calibrated on enough good parts for their ranks to be compared."""
    both = (known.recipe and known.recipe.thresholds, known.trial and known.trial.thresholds)
    return all(each is not None and len(each.calibration) >= _CALIBRATED for each in both)


def _figures(one: Rollout, found: TrialTally) -> tuple[Tally, Tally]:
    """A watch is held against the days before; what stepped in meanwhile saw only what the new one failed."""
    return found.new, one.old if one.role is TrialRole.WATCH else found.old
