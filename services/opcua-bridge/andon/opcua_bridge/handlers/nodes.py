"""The OPC UA door: what is counted shows on the nodes."""

import asyncio
from dataclasses import dataclass, field

from andon.contracts import Unavailable
from andon.messaging import Service
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.domain.readings import (
    Health,
    Quality,
    View,
    rate_reading,
    readings,
    service_level,
)
from andon.opcua_bridge.handlers.counting import Counting
from andon.telemetry import log

_TICK_SECONDS = 1.0
_PING_SECONDS = 2.0

_log = log("andon.opcua_bridge")


@dataclass
class Nodes:
    """Shows the counts on an OPC UA server."""

    bus: Service
    server: OpcuaServer
    counting: Counting
    _away: bool = False
    """The bus does not answer: what is shown is of some time ago."""
    _showing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self) -> None:
        """Make the nodes there were: a client that comes back at once would not ask for them again."""
        try:
            known = await self.counting.known()
        except Unavailable:
            return
        for station_id in known:
            await self.server.know(station_id)

    async def show(self, station_id: str) -> None:
        """Write a station's nodes."""
        await self.server.show(station_id, readings(self.counting.lines.stations[station_id], self._view()))

    async def show_all(self) -> None:
        """Write the nodes of all stations, and how far we are."""
        async with self._showing:
            for station_id in tuple(self.counting.lines.stations):
                await self.show(station_id)
                await asyncio.sleep(0)
        await self._show_status()

    async def show_rates(self) -> None:
        """Write the rates that are not what their nodes say."""
        view = self._view()
        for state in tuple(self.counting.lines.stations.values()):
            reading = rate_reading(state, view, view.now)
            if reading.quality is not Quality.INITIAL and self.server.differs(state.id, reading):
                await self.server.show(state.id, (reading,))
            await asyncio.sleep(0)

    async def tick(self) -> None:
        """Let pass rates decay where no part comes, and show that we live."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            await self._look_at_bus()
            await self._show_status()
            if self.counting.caught_up:
                await self.show_rates()

    async def _look_at_bus(self) -> None:
        before, self._away = self._away, not await self._answers()
        if self._away == before:
            return
        _log.warning("the bus is away" if self._away else "the bus is back")
        if not self._away:
            try:
                await self.counting.compare()
            except Unavailable:
                self._away = True
        await self.show_all()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                await self.bus.ping()
        except (TimeoutError, Unavailable):
            return False
        return True

    def _view(self) -> View:
        counting = self.counting
        return View(
            counting.clock(),
            caught_up=counting.caught_up,
            incomplete=counting.lines.incomplete,
            stale=self._away,
        )

    async def _show_status(self) -> None:
        health = Health(
            bus=not self._away,
            store=self.counting.kept,
            caught_up=self.counting.caught_up,
            complete=not self.counting.lines.incomplete,
        )
        await self.server.show_status(service_level=service_level(health))
