"""Whether what a station sees and scores is as it was when its version was new there."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from andon.contracts import Refused, inspection, rollout
from andon.contracts.inspection import Bins, HourTally, Tally
from andon.contracts.rollout import Drift, DriftNews, GetDrift, HourDrift, Measure
from andon.messaging import Delivery, Service
from andon.telemetry import log
from andon.training.rollout.deploying import summed
from andon.training.rollout.stability import stability
from andon.training.rollout.store import DriftStore, Reference

FALSE_ALARMS = 0.001
_AT_THE_END = 0.0004
MATTERS = 0.2
"""The usual reading of the index: from here on a shift is significant."""
_REFERENCE_PARTS = 200
_HOUR_PARTS = 50
_MOST_HOURS = 216
_WINDOW_HOURS = 26
_HOUR = timedelta(hours=1)

_log = log("andon.training")
_Places = defaultdict[tuple[str, str], list[HourTally]]
"""Hours by station and version."""


@dataclass(eq=False)
class DriftDesk:
    """Compares every hour with the first two hundred parts that the version judged at the station."""

    bus: Service
    store: DriftStore
    clock: Callable[[], datetime]
    seconds: float
    """Between two looks."""
    _looked: bool = False

    async def get(self, query: GetDrift, _delivery: Delivery) -> Drift:
        every = await self._compared(await self._told(query.station_id, query.hours))
        return Drift(false_alarm_rate=FALSE_ALARMS, threshold=MATTERS, hours=tuple(every))

    async def run(self) -> NoReturn:
        """Background task."""
        while True:
            await asyncio.sleep(self.seconds)
            try:
                await self.look()
            except Refused as error:
                _log.warning("drift can't be looked after", reason=str(error))

    async def look(self) -> None:
        """Tell what began to drift since the last look, and what ended."""
        told = await self._told(None, _WINDOW_HOURS if self._looked else _MOST_HOURS)
        await self._refer(told)
        self._looked = True
        newest: dict[tuple[str, Measure], HourDrift] = {}
        for each in await self._compared(told):
            newest[each.station_id, each.measure] = each
        known = {(each.station_id, each.measure): each for each in await self.store.drifting()}
        for place, each in newest.items():
            before = known.get(place)
            if each.drifted and before is None:
                await self._begun(each)
            elif before is not None and not each.drifted and each.hour >= before.hour:
                await self._ended(before, each)

    async def _begun(self, each: HourDrift) -> None:
        news = _news(each, each.hour, self.clock())
        await self.bus.say(rollout.DRIFT_STARTED, news, once=_key(news))
        await self.store.opened(news)

    async def _ended(self, before: DriftNews, each: HourDrift) -> None:
        news = _news(each, before.since, self.clock())
        await self.bus.say(rollout.DRIFT_ENDED, news, once=_key(news))
        await self.store.closed(news)

    async def _told(self, station_id: str | None, hours: int) -> _Places:
        wanted = inspection.GetTallies(station_id=station_id, hours=hours)
        places: _Places = defaultdict(list)
        for each in (await self.bus.ask(inspection.TALLIES, wanted)).hours:
            places[each.station_id, each.version_id].append(each)
        return places

    async def _compared(self, places: _Places) -> list[HourDrift]:
        """Oldest hour first."""
        references = await self.store.references()
        now = self.clock()
        found: list[HourDrift] = []
        for place, hours in places.items():
            if (known := references.get(place)) is None:
                continue
            for each in hours:
                if each.hour > known.until and each.tally.parts >= _HOUR_PARTS:
                    rate = _AT_THE_END if each.hour + _HOUR <= now else self._in_between
                    found += [_compare(known, each, measure, rate) for measure in Measure]
        return sorted(found, key=lambda each: each.hour)

    @property
    def _in_between(self) -> float:
        """An hour that is not over is looked at again and again: all these looks share one rate."""
        return (FALSE_ALARMS - _AT_THE_END) * min(1.0, self.seconds / _HOUR.total_seconds())

    async def _refer(self, places: _Places) -> None:
        known = await self.store.references()
        this_hour = self.clock().replace(minute=0, second=0, microsecond=0)
        for place, hours in places.items():
            if place not in known and (first := reference(hours, this_hour)) is not None:
                await self.store.refer(first)


def reference(hours: Sequence[HourTally], this_hour: datetime) -> Reference | None:
    """The first hours that are over and hold enough parts together; None while they don't."""
    taken: list[Tally] = []
    for each in hours:
        if each.hour >= this_hour:
            return None
        taken.append(each.tally)
        if sum(tally.parts for tally in taken) >= _REFERENCE_PARTS:
            return Reference(
                station_id=each.station_id,
                version_id=each.version_id,
                until=each.hour,
                tally=summed(taken),
            )
    return None


def _compare(known: Reference, each: HourTally, measure: Measure, rate: float) -> HourDrift:
    found = stability(_bins(known.tally, measure), _bins(each.tally, measure), rate)
    return HourDrift(
        station_id=each.station_id,
        version_id=each.version_id,
        measure=measure,
        hour=each.hour,
        parts=each.tally.parts,
        reference_parts=known.tally.parts,
        psi=round(found.psi, 4),
        critical=round(found.critical, 4),
        drifted=found.beyond(MATTERS),
    )


def _bins(tally: Tally, measure: Measure) -> Bins:
    return tally.scores if measure is Measure.SCORE else tally.brightness


def _news(each: HourDrift, since: datetime, at: datetime) -> DriftNews:
    return DriftNews(
        station_id=each.station_id,
        version_id=each.version_id,
        measure=each.measure,
        psi=each.psi,
        critical=each.critical,
        hour=each.hour,
        since=since,
        at=at,
    )


def _key(news: DriftNews) -> str:
    return f"{news.station_id}-{news.measure}-{news.hour.isoformat()}"
