"""The OPC UA server: nodes by name, values with their quality and time."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from asyncua import Server, ua

from andon.contracts import opcua
from andon.opcua_bridge.adapters.certificate import identity
from andon.opcua_bridge.adapters.events import harden_events
from andon.opcua_bridge.adapters.hardening import HardenedServer, harden
from andon.opcua_bridge.adapters.memory import building, settle, unsettle
from andon.opcua_bridge.adapters.papers import fingerprint
from andon.opcua_bridge.adapters.sessions import OwnedSession
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.adapters.trust import TrustList
from andon.opcua_bridge.adapters.values import STATION_TYPES, STATUS_TYPES, nothing_yet, says, value_of
from andon.opcua_bridge.adapters.visitors import Door
from andon.opcua_bridge.domain.readings import HISTORY_NODES, Quality, Reading
from andon.telemetry import log, metrics

__all__ = ["API_VERSION", "NAMESPACE", "OpcuaServer", "OpcuaSettings"]

NAMESPACE = "urn:andon:opcua"
"""Clients look its index up by this name."""
API_VERSION = "1.0.0"
"""What SystemStatus/APIVersion says."""

_POLICIES = (
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
)
_LOOK_SECONDS = 0.25
_TRUST_EVERY = 8
"""Looks; files may have been taken away by hand."""
_SETTLE_EVERY = 240
"""Looks: soon after stations were added, their nodes stand too."""
_CALM = 0.5
"""How much of the latest look counts in the lag."""

_log = log("andon.opcua_bridge")


class OpcuaServer:
    """Started by entering it; node names are `station/<id>/<node>` in our namespace."""

    def __init__(self, settings: OpcuaSettings, folder: Path, door: Door | None = None) -> None:
        self.settings = settings
        self.door = door or Door()
        """Asked for each session that names a user."""
        self.trust = TrustList(settings.pki or folder / "pki")
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        """Called before it listens, to add what it shows besides."""
        self.on_station: list[Callable[[str], Awaitable[None]]] = []
        """Told of a station that has got nodes."""
        self.certificate = ""
        """Fingerprint of the server's own; known once it runs."""
        self.index = 0
        """Of our namespace."""
        self.service_level = 0
        self.lag = 0.0
        """Seconds."""
        self.stations: tuple[str, ...] = ()
        """Stations that have nodes, by id."""
        self._folder = folder
        self._ua: Server | None = None
        self._listening = False
        self._planting = asyncio.Lock()
        self._written: dict[str, ua.NodeId] = {}
        self._began = datetime.now(UTC)

    @property
    def running(self) -> bool:
        """Whether clients can connect."""
        return self._listening

    @property
    def stack(self) -> Server:
        """Raises RuntimeError when it is not running."""
        if self._ua is None:
            raise RuntimeError("the OPC UA server is not running")
        return self._ua

    @property
    def core(self) -> HardenedServer:
        """The part of asyncua that holds sessions and nodes."""
        core = self.stack.iserver
        assert isinstance(core, HardenedServer)  # noqa: S101 - made in _prepared
        return core

    @property
    def endpoint(self) -> str:
        """Where it listens, with the port it really got."""
        bound = self._ua.bserver if self._ua else None
        host, port = (bound.hostname, bound.port) if bound else (self.settings.host, self.settings.port)
        return f"opc.tcp://{host}:{port}{self.settings.path}"

    def serves(self, station_id: str) -> bool:
        """Whether a station is one of this shard's."""
        return any(fnmatchcase(station_id, pattern) for pattern in self.settings.stations)

    def node_id(self, name: str) -> ua.NodeId:
        """Of a node in our namespace."""
        return ua.NodeId(name, self.index)

    async def __aenter__(self) -> Self:
        harden()
        harden_events()
        await asyncio.to_thread(self.trust.prepare)
        with building():
            self._ua = await self._prepared()
            self.index = await self._ua.register_namespace(NAMESPACE)
            await self._plant()
            for add in self.on_start:
                await add()
        settle()
        self._began = datetime.now(UTC)
        await self.show_status(service_level=0)
        await self._ua.start()
        self._listening = True
        _log.info("OPC UA server is listening", endpoint=self.endpoint, anonymous=self.settings.anonymous)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._ua, self._listening = self._ua, None, False
        unsettle()
        if server is not None:
            await server.stop()

    async def show(self, station_id: str, readings: Sequence[Reading]) -> None:
        """Write a station's values, all with one server time; its nodes are made at the first call."""
        if not self.serves(station_id):
            return
        await self.know(station_id)
        now = datetime.now(UTC)
        for reading in readings:
            value = value_of(STATION_TYPES[reading.node], reading, now)
            await self.write(f"station/{station_id}/{reading.node}", value)
        metrics.OPCUA_NOTIFICATIONS.inc(len(readings))

    async def know(self, station_id: str) -> None:
        """Make a station's nodes, if it is ours and has none yet."""
        if station_id in self.stations or not self.serves(station_id):
            return
        async with self._planting:
            if station_id in self.stations:
                return
            await self._add(f"station/{station_id}", station_id, STATION_TYPES)
            self.stations = tuple(sorted((*self.stations, station_id)))
            for tell in self.on_station:
                await tell(station_id)

    def differs(self, station_id: str, reading: Reading) -> bool:
        """Whether a node of ours shows another value or quality."""
        if station_id not in self.stations:
            return False
        node = self.node_id(f"station/{station_id}/{reading.node}")
        return not says(self.core.read_attribute_value(node), reading)

    async def show_status(self, *, service_level: int) -> None:
        """Write SystemStatus and the standard ServiceLevel."""
        now = datetime.now(UTC)
        self.service_level = service_level
        values = {
            "IsRunning": True,
            "APIVersion": API_VERSION,
            "UptimeSeconds": int((now - self._began).total_seconds()),
        }
        for node, value in values.items():
            reading = Reading(node, value, Quality.GOOD, now)
            await self.write(f"SystemStatus/{node}", value_of(STATUS_TYPES[node], reading, now))
        number = ua.Variant(service_level, ua.VariantType.Byte)
        level = ua.DataValue(number, SourceTimestamp=now, ServerTimestamp=now)
        await self.core.write_attribute_value(ua.NodeId(ua.ObjectIds.Server_ServiceLevel), level)
        metrics.OPCUA_CLIENTS.set(len(self.core.sessions))

    async def write(self, name: str, value: ua.DataValue) -> None:
        """Write a node of our namespace."""
        node = self._written.get(name)
        if node is None:  # Making an id takes a third of the time that writing does.
            node = self._written[name] = self.node_id(name)
        await self.core.write_attribute_value(node, value)

    async def end(self, session: OwnedSession) -> None:
        """Close a session and its connection."""
        await session.close_session()
        for protocol in list(self.stack.bserver.clients):
            if protocol.processor.session is session and protocol.transport is not None:
                protocol.transport.close()

    async def watch(self) -> None:
        """See how late we are, and end the sessions of clients that are trusted no more."""
        clock, looks, settled = asyncio.get_running_loop().time, 0, self.stations
        while True:
            looks += 1
            due = clock() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            self.lag = (1 - _CALM) * self.lag + _CALM * max(0.0, clock() - due)
            self.core.busy = self.lag > self.settings.budgets.lag_seconds
            if looks % _TRUST_EVERY == 0:
                await self.end_untrusted()
            if looks % _SETTLE_EVERY == 0 and self.stations != settled:
                settle()
                settled = self.stations

    async def end_untrusted(self) -> None:
        """End the sessions whose client's certificate is not good any more."""
        if self.settings.anonymous:
            return
        now = datetime.now(UTC)
        for session in self.core.sessions:
            if session.client is not None and not self.trust.trusts(session.client.certificate, now):
                _log.warning("a session ends: its certificate is trusted no more", user=session.visitor.name)
                await self.end(session)

    def described(self) -> opcua.Server:
        """As it is now."""
        return opcua.Server(
            group=self.settings.group,
            endpoint=self.endpoint,
            stations=self.stations,
            service_level=self.service_level,
            lag_ms=round(self.lag * 1000, 1),
            notifications=self.core.notifications,
            refused=self.core.refused,
            budgets=self.settings.budgets,
            sessions=tuple(self._described(each) for each in self.core.sessions if each.client),
            certificate=self.certificate,
            at=datetime.now(UTC),
        )

    def _described(self, session: OwnedSession) -> opcua.Session:
        client, visitor = session.client, session.visitor
        return opcua.Session(
            id=str(session.session_id.Identifier),
            server=self.settings.group,
            user=visitor.name or "",
            signed_in_by=visitor.by,
            application=client.application,
            address=client.address,
            policy=client.policy,
            certificate=fingerprint(client.certificate) if client.certificate else "",
            since=client.since,
            subscriptions=len(session.owned),
            items=session.items,
        )

    async def _prepared(self) -> Server:
        settings = self.settings
        name = f"opcua-bridge:{settings.group}".removesuffix(":")
        uri = settings.application_uri or f"urn:{socket.gethostname()}:andon:{name}"
        core = HardenedServer(self.door, self.trust, settings.budgets, anonymous=settings.anonymous)
        server = Server(iserver=core)
        server.application_type = ua.ApplicationType.Server
        server.product_uri, server.manufacturer_name, server.name = "urn:andon", "Andon", "Andon"
        server.set_endpoint(f"opc.tcp://{settings.host}:{settings.port}{settings.path}")
        await server.init()
        await server.set_application_uri(uri)
        own = await asyncio.to_thread(identity, self._folder / settings.group, uri)
        self.certificate = fingerprint(own.certificate.read_bytes())
        await server.load_certificate(own.certificate)
        await server.load_private_key(own.key)
        plain = [ua.SecurityPolicyType.NoSecurity] if settings.anonymous else []
        server.set_security_policy([*_POLICIES, *plain])
        return server

    async def _plant(self) -> None:
        name = ua.QualifiedName("Andon", self.index)
        await self.stack.nodes.objects.add_folder(self.node_id("Andon"), name)
        await self._add("SystemStatus", "SystemStatus", STATUS_TYPES)

    async def _add(self, name: str, shown: str, types: dict[str, ua.VariantType]) -> None:
        folder = self.stack.get_node(self.node_id("Andon"))
        parent = await folder.add_object(self.node_id(name), ua.QualifiedName(shown, self.index))
        for node, kind in types.items():
            value, title = nothing_yet(kind), ua.QualifiedName(node, self.index)
            added: Any = await parent.add_variable(
                self.node_id(f"{name}/{node}"), title, value.Value.Value, kind
            )
            await self.write(f"{name}/{node}", value)
            if node in HISTORY_NODES and self.settings.history_days:
                await added.write_attribute(ua.AttributeIds.Historizing, ua.DataValue(True))
                for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
                    await added.set_attr_bit(attribute, ua.AccessLevel.HistoryRead)
