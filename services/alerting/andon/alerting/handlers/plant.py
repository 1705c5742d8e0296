"""What alerting knows of the plant besides parts: lines, machines that run jobs, room for evidence."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.alerting.domain.machines import Machines
from andon.alerting.domain.scopes import Subject
from andon.alerting.domain.verdicts import GOOD, UNSURE, Finding, Verdict
from andon.alerting.store.rollups import Rollups
from andon.contracts import Message, Unavailable, inspection, queue, rollout, station, stream_of
from andon.contracts.alerting import Drifting, EvidenceFull, ModelTakenBack
from andon.messaging import Delivery, Service

QUEUE_EVENTS = (queue.JOB_CHANGED, queue.DEVICE_CHANGED, queue.DEVICE_DELETED)
QUEUE_STREAM = stream_of(queue.JOB_CHANGED)
MODEL_EVENTS = (rollout.DRIFT_STARTED, rollout.DRIFT_ENDED, rollout.ROLLED_BACK)
MODEL_STREAM = stream_of(rollout.DRIFT_STARTED)

_ASK_SECONDS = 60.0
_FIRST_SECONDS = 2.0
_GB = 2**30
_LONGEST_WINDOW = timedelta(days=1)


@dataclass
class Lines:
    """The line of each station."""

    bus: Service
    lines: dict[str, str] = field(default_factory=dict[str, str])

    async def changed(self, message: Message, _delivery: Delivery) -> None:
        if isinstance(message, station.Station):
            self.lines[message.id] = message.line

    async def run(self) -> None:
        """Ask until there was an answer, then now and then."""
        asked = False
        while True:
            with suppress(Unavailable):
                found = await self.bus.ask(station.LIST, station.ListStations(), timeout=2)
                self.lines = {each.id: each.line for each in found.stations}
                asked = True
            await asyncio.sleep(_ASK_SECONDS if asked else _FIRST_SECONDS)


@dataclass
class Fleet:
    """Machines and jobs, by the queue's events."""

    bus: Service
    rollups: Rollups
    clock: Callable[[], datetime]
    machines: Machines = field(default_factory=Machines)
    news: Callable[[], None] = lambda: None
    dirty: bool = False
    _loaded: bool = False

    async def place(self) -> int:
        """Load what was kept and say where to go on."""
        if not self._loaded:
            self.machines = await self.rollups.machines()
            self._loaded = True
        last = await self.bus.last_sequence(QUEUE_STREAM)
        if last < self.machines.seq:
            self.machines = Machines()
        return self.machines.seq

    async def heard(self, message: Message, delivery: Delivery) -> None:
        if delivery.sequence <= self.machines.seq:
            return
        match message:
            case queue.Device():
                self.machines.device(message)
            case queue.DeviceDeleted():
                self.machines.deleted(message.id)
            case queue.JobChanged():
                self.machines.job(message)
            case _:
                pass
        self.machines.seq = delivery.sequence
        self.dirty = True
        self.news()

    async def save(self) -> None:
        """Raises Unavailable."""
        if self.dirty:
            self.dirty = False
            self.machines.age(self.clock())
            await self.rollups.save_machines(self.machines)


@dataclass
class Models:
    """Stations that are no longer as they were, and versions taken back there, by training's events."""

    bus: Service
    rollups: Rollups
    clock: Callable[[], datetime]
    news: Callable[[], None] = lambda: None
    drifting: dict[Subject, rollout.DriftNews] = field(default_factory=dict[Subject, rollout.DriftNews])
    taken_back: dict[Subject, rollout.RolledBack] = field(default_factory=dict[Subject, rollout.RolledBack])
    seq: int = 0
    _loaded: bool = False

    async def place(self) -> int:
        """Load what was kept and say where to go on."""
        if not self._loaded:
            self.seq, drifting, taken_back = await self.rollups.models()
            self.drifting = {_drifted(each): each for each in drifting}
            self.taken_back = {_taken_back(each): each for each in taken_back}
            self._loaded = True
        if await self.bus.last_sequence(MODEL_STREAM) < self.seq:
            self.seq, self.drifting, self.taken_back = 0, {}, {}
        return self.seq

    async def heard(self, message: Message, delivery: Delivery) -> None:
        if delivery.sequence <= self.seq:
            return
        match message:
            case rollout.DriftNews() if delivery.subject == rollout.DRIFT_STARTED.address:
                self.drifting[_drifted(message)] = message
            case rollout.DriftNews():
                self.drifting.pop(_drifted(message), None)
            case rollout.RolledBack():
                self.taken_back[_taken_back(message)] = message
            case _:
                return
        oldest = self.clock() - _LONGEST_WINDOW
        self.taken_back = {subject: each for subject, each in self.taken_back.items() if each.at > oldest}
        self.seq = delivery.sequence
        await self.rollups.save_models(self.seq, self.drifting.values(), self.taken_back.values())
        self.news()

    def findings(self, condition: Drifting | ModelTakenBack) -> Iterator[tuple[Subject, str, Finding]]:
        """Each with the version that it is about."""
        return self._drifts(condition) if isinstance(condition, Drifting) else self._rollbacks(condition)

    def _drifts(self, condition: Drifting) -> Iterator[tuple[Subject, str, Finding]]:
        for subject, news in self.drifting.items():
            if not condition.measures or news.measure.value in condition.measures:
                since = news.since.isoformat(timespec="minutes")
                index = f"its index is {news.psi:.3g} where {news.critical:.3g} is usual"
                why = f"{news.measure.value} at {news.station_id} has drifted since {since}: {index}"
                yield subject, news.version_id, Finding(Verdict.BAD, why)

    def _rollbacks(self, condition: ModelTakenBack) -> Iterator[tuple[Subject, str, Finding]]:
        oldest = self.clock() - timedelta(minutes=condition.window_minutes)
        for subject, news in self.taken_back.items():
            if news.at > oldest and (news.automatic or not condition.automatic_only):
                by = "by itself" if news.automatic else f"by {news.by}"
                what = f"{news.from_version} was taken back {by}"
                why = f"{what}, {news.station_id} judges by {news.to_version} again: {news.reason}"
                yield subject, news.from_version, Finding(Verdict.BAD, why, news.at)


def _drifted(news: rollout.DriftNews) -> Subject:
    return Subject(f"{news.station_id}/{news.measure.value}", news.station_id)


def _taken_back(news: rollout.RolledBack) -> Subject:
    return Subject(f"{news.station_id}/{news.from_version}", news.station_id)


@dataclass
class Evidence:
    """How full the room for kept images is."""

    bus: Service
    used: float | None = None
    """Share of what they may take; None while it is not known."""

    async def run(self) -> None:
        while True:
            with suppress(Unavailable):
                found = await self.bus.ask(inspection.USAGE, inspection.GetUsage(), timeout=5)
                taken = sum(each.bytes for each in found.evidence)
                self.used = taken / (found.max_gb * _GB) if found.max_gb > 0 else None
            await asyncio.sleep(_ASK_SECONDS)

    def finding(self, condition: EvidenceFull) -> tuple[Subject, Finding]:
        subject = Subject("evidence")
        if self.used is None:
            return subject, UNSURE
        if self.used > condition.share:
            share = f"{100 * condition.share:g}%"
            return subject, Finding(
                Verdict.BAD, f"kept images take {100 * self.used:.1f}% of their room; {share} is the limit"
            )
        return subject, GOOD if self.used <= condition.share - condition.clear_margin else UNSURE
