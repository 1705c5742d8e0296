"""Counting what is judged, exactly: every door of the bridge shows these counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Message, Refused, Unavailable, inspection, station, stream_of
from andon.messaging import Delivery, Service
from andon.opcua_bridge.domain.lines import Lines, StationState, counted, judged, resumed, with_station
from andon.opcua_bridge.domain.place import Place
from andon.opcua_bridge.handlers.streams import held
from andon.opcua_bridge.store import Snapshots
from andon.telemetry import log

STREAM = stream_of(inspection.PART_JUDGED)

_SAVE_SECONDS, _SAVE_EVENTS = 1.0, 500
_ASK_AGAIN_SECONDS = 2.0
_LOOK_BACK = 256

_log = log("andon.opcua_bridge")


async def _nobody_of(_station_id: str) -> None: ...


async def _nobody() -> None: ...


async def _nobody_to(_station: station.Station) -> None: ...


async def _nobody_with(_state: StationState, _part: inspection.Inspection) -> None: ...


def _forget(_state: StationState, _part: inspection.Inspection, _seq: int) -> None: ...


@dataclass
class Counting:
    """Holds what the stations' parts add up to, and keeps it."""

    bus: Service
    snapshots: Snapshots
    clock: Callable[[], datetime]
    changed: Callable[[str], Awaitable[None]] = _nobody_of
    """Told of a station whose counts are others, or that is new."""
    renewed: Callable[[], Awaitable[None]] = _nobody
    """Told when all may be others: at the start, and once caught up."""
    noted: Callable[[StationState, inspection.Inspection, int], None] = _forget
    """Told of each part that counts, with what its station came to."""
    told: Callable[[StationState, inspection.Inspection], Awaitable[None]] = _nobody_with
    """The same, once the counts show it."""
    station_told: Callable[[station.Station], Awaitable[None]] = _nobody_to
    """Told of a station that changed."""
    kept_first: Callable[[], Awaitable[None]] = _nobody
    """What must be kept before the counts are: after a crash, all that follows them is read again."""
    lines: Lines = field(default_factory=Lines)
    kept: bool = True
    """Whether the counts could be saved when that was tried last."""
    caught_up: bool = False
    """Until then the counts are those of some time ago."""
    _saved: Lines | None = None
    """What the store has; None before it was read."""
    _until: int = 0
    """The place in the stream that makes us caught up."""
    _unsaved: int = 0
    _full: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def known(self) -> tuple[str, ...]:
        """Stations that were known when this was saved last. Raises Unavailable."""
        return tuple((await self.snapshots.load()).stations)

    async def place(self) -> int:
        """Load what was kept, compare it with the stream, and say where to go on."""
        if self._saved is None:
            self._saved = await self._loaded()
            self.lines = self._saved
        before = self.lines
        now = await held(self.bus, STREAM, Place(before.last_seq, before.last_said))
        self.lines = resumed(before, now)
        if self.lines.incomplete and not before.incomplete:
            _log.error("events were dropped unread: counts are low", after=before.last_seq, now=now.first_seq)
        if self.lines.last_seq < before.last_seq:
            _log.warning("the stream began anew", was=before.last_seq, now=now.last_seq)
        self._until = await self._last_judged(now.last_seq)
        self.caught_up = False
        await self.renewed()
        if self._until <= self.lines.last_seq:
            await self._catch_up()
        return self.lines.last_seq

    async def compare(self) -> None:
        """See again whether all that was judged is counted. Raises Unavailable."""
        self._until = await self._last_judged(await self.bus.last_sequence(STREAM))
        self.caught_up = self._until <= self.lines.last_seq

    async def judged(self, part: Message, delivery: Delivery) -> None:
        """Count a part."""
        assert isinstance(part, inspection.Inspection)  # noqa: S101 - follows names no other event
        before = self.lines
        self.lines = judged(before, part, delivery.sequence, delivery.time, self.clock())
        if self.lines is before:
            return
        new = self._note(before, part, delivery.sequence)
        self._count_unsaved()
        async with self._moved:
            self._moved.notify_all()
        if self.caught_up:
            await self.changed(part.station_id)
        elif self.lines.last_seq >= self._until:
            await self._catch_up()
        if new:
            await self.told(self.lines.stations[part.station_id], part)
        await asyncio.sleep(0)  # One event loop serves the clients too.

    async def until_counted(self, part: inspection.Inspection, within: float) -> bool:
        """Wait until a part is in the counts, `within` seconds; whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait_for(lambda: self._counted(part))
        return self._counted(part)

    async def station_changed(self, changed: Message, _delivery: Delivery) -> None:
        """Know a station before its first part."""
        assert isinstance(changed, station.Station)  # noqa: S101 - follows names no other event
        await self._know(changed.id)
        await self.station_told(changed)

    async def ask_stations(self) -> None:
        """Learn of the stations there are, as soon as somebody can tell."""
        while True:
            try:
                known = await self.bus.ask(station.LIST, station.ListStations())
            except Refused:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            else:
                break
        for each in known.stations:
            await self._know(each.id)

    async def keep(self) -> None:
        """Save every second, or sooner when much has come."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), _SAVE_SECONDS)
            await self._save()

    @asynccontextmanager
    async def remembering(self) -> AsyncIterator[None]:
        """Save once more at the end, when nothing comes any more."""
        yield
        await self._save()

    async def _loaded(self) -> Lines:
        loaded = await self.snapshots.load()
        for station_id in self.lines.stations:  # heard of while the store was away
            loaded = with_station(loaded, station_id)
        return loaded

    def _note(self, before: Lines, part: inspection.Inspection, seq: int) -> bool:
        was, now = before.stations.get(part.station_id), self.lines.stations[part.station_id]
        if was is not None and was.recent == now.recent:
            return False  # it had been counted already
        self.noted(now, part, seq)
        return True

    def _counted(self, part: inspection.Inspection) -> bool:
        return counted(self.lines.stations.get(part.station_id), part.id)

    async def _last_judged(self, last_seq: int) -> int:
        """Where the newest judged part is; other events share the stream, and we don't get those."""
        high = last_seq
        while high > self.lines.last_seq:
            low = max(self.lines.last_seq, high - _LOOK_BACK)
            found = await self.bus.replay(STREAM, low, high - low)
            here = [each.sequence for address, _, each in found if address == inspection.PART_JUDGED.address]
            if here:
                return max(here)
            high = low
        return self.lines.last_seq

    async def _catch_up(self) -> None:
        self.caught_up = True
        await self.renewed()
        _log.info("caught up", stations=len(self.lines.stations), sequence=self.lines.last_seq)

    async def _know(self, station_id: str) -> None:
        if station_id not in self.lines.stations:
            self.lines = with_station(self.lines, station_id)
            await self.changed(station_id)

    def _count_unsaved(self) -> None:
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVENTS:
            self._full.set()

    async def _save(self) -> None:
        lines = self.lines
        self._full.clear()
        if self._saved is None or lines is self._saved:
            return
        try:
            await self.kept_first()
            await self.snapshots.save(lines)
        except Unavailable:
            self.kept = False
            return  # The store says so itself; what is unsaved is read from the stream again.
        self._saved, self._unsaved, self.kept = lines, 0, True
