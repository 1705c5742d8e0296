"""Versions tried beside the one that judges: begun, read, promoted, aborted."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from andon.contracts import BadRequest, Conflict, NotFound, Refused, rollout, station
from andon.contracts.rollout import (
    EndTrial,
    GetRollout,
    ListRollouts,
    Rollout,
    Rollouts,
    RolloutState,
    StartTrial,
)
from andon.contracts.station import DeploymentKind, SetModel, Station, Trial, TrialRole
from andon.contracts.training import ModelVersion
from andon.messaging import Delivery
from andon.training.rollout.deploying import Deployer, Order, choice_of

_OVER = "rollout {id} is over: it was {state}"


@dataclass(frozen=True)
class TrialDesk:
    """Shadows and canaries; a station has one trial at a time."""

    deployer: Deployer

    async def start(self, query: StartTrial, _delivery: Delivery) -> Rollouts:
        """Raises NotFound, Conflict where a trial is on already, and what the station's inspector refuses."""
        if query.role is TrialRole.WATCH:
            raise BadRequest("a watch begins with a deployment", {"role": "watch"})
        version = await self.deployer.version(query.version_id)
        stations = [
            await self.deployer.bus.ask(station.GET, station.GetStation(id=station_id))
            for station_id in query.station_ids or (version.station_id,)
        ]
        for known in stations:
            _free_for(known, version)
        return Rollouts(rollouts=tuple([await self._begun(known, version, query) for known in stations]))

    async def get(self, query: GetRollout, _delivery: Delivery) -> Rollout:
        return await self._known(query.id)

    async def list(self, query: ListRollouts, _delivery: Delivery) -> Rollouts:
        found = await self.deployer.rollouts.listed(
            query.station_id, query.version_id, query.limit, running=query.running
        )
        return Rollouts(rollouts=tuple(found))

    async def promote(self, query: EndTrial, _delivery: Delivery) -> Rollout:
        """The trial's version judges every part from now on, and is watched."""
        one = await self._open(query.id)
        if one.role is TrialRole.WATCH:
            raise Conflict(f"rollout {one.id} is a watch: its version judges every part already")
        version = await self.deployer.version(one.version_id)
        await self.deployer.rollouts.decide(one.id, RolloutState.PROMOTED, query.reason)
        order = Order(
            by=query.by,
            kind=DeploymentKind.PROMOTE,
            note=query.reason or f"{one.role} {one.id}",
            bounds=one.bounds,
        )
        await self.deployer.put_to_work(version, (one.station_id,), order)
        return await self.deployer.ended(one, RolloutState.PROMOTED, query.reason, query.by)

    async def abort(self, query: EndTrial, _delivery: Delivery) -> Rollout:
        """What judges stays; a watch's version is no longer watched."""
        one = await self._open(query.id)
        await self.deployer.rollouts.decide(one.id, RolloutState.ABORTED, query.reason)
        wanted = SetModel(station_id=one.station_id, expects_trial=one.id, at=self.deployer.clock())
        with suppress(Conflict, NotFound):  # the station has left this trial already
            await self.deployer.switch(wanted)
        return await self.deployer.ended(one, RolloutState.ABORTED, query.reason, query.by)

    async def _begun(self, known: Station, version: ModelVersion, query: StartTrial) -> Rollout:
        now = self.deployer.clock()
        one = Rollout(
            id=f"rollout-{uuid4().hex[:12]}",
            station_id=known.id,
            role=query.role,
            version_id=version.id,
            against=choice_of(known)[0].version_id,
            share=query.share if query.role is TrialRole.CANARY else 0,
            bounds=query.bounds,
            state=RolloutState.STARTING,
            by=query.by,
            started_at=now,
        )
        trial = Trial(
            rollout_id=one.id,
            role=one.role,
            model=version.model,
            thresholds=version.thresholds,
            share=one.share,
        )
        await self.deployer.rollouts.add(one)
        wanted = SetModel(
            station_id=known.id, trial=trial, expects_version=one.against, expects_trial="", at=now
        )
        try:
            await self.deployer.switch(wanted)
        except Refused:
            await self.deployer.rollouts.drop(one.id)
            raise
        await self.deployer.rollouts.begun(one.id)
        started = one.model_copy(update={"state": RolloutState.RUNNING})
        await self.deployer.bus.say(rollout.CHANGED, started, once=f"{one.id}-running")
        return started

    async def _open(self, rollout_id: str) -> Rollout:
        one = await self._known(rollout_id)
        if one.ended_at is not None:
            raise Conflict(_OVER.format(id=one.id, state=one.state))
        return one

    async def _known(self, rollout_id: str) -> Rollout:
        one = await self.deployer.rollouts.get(rollout_id)
        if one is None:
            raise NotFound(f"there is no rollout {rollout_id}")
        return one


def _free_for(known: Station, version: ModelVersion) -> None:
    model, _ = choice_of(known)
    if model.version_id == version.id:
        raise Conflict(f"station '{known.id}' judges by {version.id} already")
    if known.trial is not None:
        trial = known.trial
        kind = "watches a new version" if trial.role is TrialRole.WATCH else "tries another version"
        raise Conflict(f"station '{known.id}' {kind} already: end rollout {trial.rollout_id} first")
