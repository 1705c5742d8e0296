"""Reactions of the bridge: what is judged and changed on the bus shows on the nodes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Message, Refused, Unavailable, auth, inspection, station, stream_of
from andon.contracts.opcua import GetStatus, Status
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.domain import (
    Held,
    Lines,
    Quality,
    View,
    judged,
    rate_reading,
    readings,
    resumed,
    with_station,
)
from andon.opcua_bridge.store import Snapshots
from andon.telemetry import log

STREAM = stream_of(inspection.PART_JUDGED)

_BEST, _CATCHING_UP = 255, 200
"""Values of the standard ServiceLevel."""
_SAVE_SECONDS, _SAVE_EVENTS = 1.0, 500
_TICK_SECONDS = 1.0
_ASK_AGAIN_SECONDS = 2.0
_AUTH_SECONDS = 2.5
"""OPC UA clients give up after 4 s or so."""
_LOOK_BACK = 256

_log = log("andon.opcua_bridge")


@dataclass
class Bridge:
    """Holds what the nodes show, and keeps it."""

    bus: Service
    snapshots: Snapshots
    server: OpcuaServer
    clock: Callable[[], datetime]
    lines: Lines = field(default_factory=Lines)
    caught_up: bool = False
    """Until then the nodes say that their values are not there yet."""
    _saved: Lines | None = None
    """What the store has; None before it was read."""
    _until: int = 0
    """The place in the stream that makes us caught up."""
    _unsaved: int = 0
    _full: asyncio.Event = field(default_factory=asyncio.Event)

    async def place(self) -> int:
        """Load what was kept, compare it with the stream, and say where to go on."""
        if self._saved is None:
            self.lines = self._saved = await self.snapshots.load()
        before, held = self.lines, await self._held()
        self.lines = resumed(before, held)
        if self.lines.incomplete and not before.incomplete:
            _log.error(
                "events were dropped unread: counts are low", after=before.last_seq, now=held.first_seq
            )
        if self.lines.last_seq < before.last_seq:
            _log.warning("the stream began anew", was=before.last_seq, now=held.last_seq)
        self._until = await self._last_judged(held.last_seq)
        await self._show_all()
        if self._until <= self.lines.last_seq:
            await self._catch_up()
        return self.lines.last_seq

    async def judged(self, part: Message, delivery: Delivery) -> None:
        """Count a part and show it."""
        assert isinstance(part, inspection.Inspection)  # noqa: S101 - follows names no other event
        before = self.lines
        self.lines = judged(before, part, delivery.sequence, delivery.time, self.clock())
        if self.lines is before:
            return
        self._count_unsaved()
        if self.caught_up:
            await self._show(part.station_id)
        elif self.lines.last_seq >= self._until:
            await self._catch_up()
        await asyncio.sleep(0)  # One event loop serves the clients too.

    async def station_changed(self, changed: Message, _delivery: Delivery) -> None:
        """Give a station its nodes before its first part."""
        assert isinstance(changed, station.Station)  # noqa: S101 - follows names no other event
        await self._know(changed.id)

    async def status(self, _query: GetStatus, _delivery: Delivery) -> Status:
        stations = self.server.stations
        return Status(
            enabled=True,
            running=self.server.running,
            endpoint=self.server.endpoint,
            station_count=len(stations),
            nodes=(*(f"station/{each}" for each in stations), "SystemStatus"),
        )

    async def authenticate(self, username: str, password: str, address: str) -> bool:
        """Whether auth knows them: every role may read. Raises Unavailable."""
        question = auth.VerifyPassword(username=username, password=password, address=address)
        try:
            user = await self.bus.ask(auth.VERIFY_PASSWORD, question, timeout=_AUTH_SECONDS)
        except Unavailable:
            raise
        except Refused as refused:
            _log.warning("a client was refused", username=username, address=address, code=refused.code)
            return False
        return user.active

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

    async def tick(self) -> None:
        """Let pass rates decay where no part comes, and show that we live."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            await self.server.show_status(service_level=_BEST if self.caught_up else _CATCHING_UP)
            if self.caught_up:
                await self.show_rates()

    async def show_rates(self) -> None:
        """Write the rates that are not what their nodes say."""
        now = self.clock()
        for state in self.lines.stations.values():
            reading = rate_reading(state, View(now), now)
            if reading.quality is not Quality.INITIAL and self.server.differs(state.id, reading):
                await self.server.show(state.id, (reading,))
            await asyncio.sleep(0)

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

    async def _held(self) -> Held:
        last_seq = await self.bus.last_sequence(STREAM)
        oldest = await self.bus.replay(STREAM, 0, 1)
        newest = await self.bus.replay(STREAM, last_seq - 1, 1) if last_seq else []
        anchor = await self.bus.replay(STREAM, self.lines.last_seq - 1, 1) if self.lines.last_seq else []
        there = anchor and anchor[0][2].sequence == self.lines.last_seq
        return Held(
            first_seq=oldest[0][2].sequence if oldest else last_seq + 1,
            last_seq=last_seq,
            last_said=newest[0][2].time if newest else None,
            anchor_said=anchor[0][2].time if there else None,
        )

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
        await self._show_all()
        await self.server.show_status(service_level=_BEST)
        _log.info("caught up", stations=len(self.lines.stations), sequence=self.lines.last_seq)

    async def _know(self, station_id: str) -> None:
        self.lines = with_station(self.lines, station_id)
        if station_id not in self.server.stations:
            await self._show(station_id)

    async def _show_all(self) -> None:
        for station_id in self.lines.stations:
            await self._show(station_id)
            await asyncio.sleep(0)

    async def _show(self, station_id: str) -> None:
        view = View(self.clock(), caught_up=self.caught_up, incomplete=self.lines.incomplete)
        await self.server.show(station_id, readings(self.lines.stations[station_id], view))

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
            await self.snapshots.save(lines)
        except Unavailable:
            return  # The store says so itself; what is unsaved is read from the stream again.
        self._saved, self._unsaved = lines, 0
