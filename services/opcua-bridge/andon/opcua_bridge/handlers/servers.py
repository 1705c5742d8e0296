"""What there is to see of the OPC UA servers: this one, and the other shards."""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.contracts import Unavailable, opcua
from andon.contracts.opcua import CertificatesChanged, ClientsChanged, GetStatus, ListServers, Servers, Status
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.store import Shards

_TELL_SECONDS = 1.0
_GONE = timedelta(seconds=10)


@dataclass
class Reception:
    """Answers for all shards: each tells the others of itself through the store."""

    server: OpcuaServer
    shards: Shards
    clock: Callable[[], datetime]

    async def status(self, _query: GetStatus, _delivery: Delivery) -> Status:
        found = await self._all()
        stations = sorted({station for each in found for station in each.stations})
        return Status(
            enabled=True,
            running=self.server.running,
            endpoint=found[0].endpoint,
            station_count=len(stations),
            nodes=(*(f"station/{each}" for each in stations), "SystemStatus"),
        )

    async def servers(self, _query: ListServers, _delivery: Delivery) -> Servers:
        return Servers(servers=tuple(await self._all()))

    async def tell(self) -> None:
        """For as long as it runs."""
        while True:
            with suppress(Unavailable):  # the store says so itself
                await self.shards.put(self.server.described())
            await asyncio.sleep(_TELL_SECONDS)

    def clients(self) -> Hashable:
        """Who is connected to this server."""
        if not self.server.running:
            return frozenset[str]()
        return frozenset(str(each.session_id) for each in self.server.core.sessions if each.client)

    async def say_clients(self, bus: Service) -> None:
        """Raises Unavailable."""
        sessions = len(self.server.described().sessions) if self.server.running else 0
        group = self.server.settings.group
        await bus.say(opcua.CLIENTS_CHANGED, ClientsChanged(group=group, sessions=sessions))

    async def say_certificates(self, bus: Service) -> None:
        """Raises Unavailable."""
        trusted, rejected = self.server.trust.names()
        group = self.server.settings.group
        told = CertificatesChanged(group=group, trusted=len(trusted), rejected=len(rejected))
        await bus.say(opcua.CERTIFICATES_CHANGED, told)

    async def _all(self) -> list[opcua.Server]:
        own = self.server.described()
        if not own.group:
            return [own]
        try:
            others = await self.shards.since(self.clock() - _GONE)
        except Unavailable:
            others = []
        return sorted(
            [own, *(each for each in others if each.group != own.group)], key=lambda each: each.group
        )
