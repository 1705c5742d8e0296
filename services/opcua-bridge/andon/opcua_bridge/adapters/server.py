"""The OPC UA server: nodes by name, values with their quality and time."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

import asyncio
import ctypes
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from asyncua import Server, ua
from pydantic import BaseModel, Field

from andon.opcua_bridge.adapters.certificate import identity
from andon.opcua_bridge.adapters.hardening import Authenticate, HardenedServer, harden
from andon.opcua_bridge.domain import Quality, Reading
from andon.telemetry import log, metrics

NAMESPACE = "urn:andon:opcua"
"""Clients look its index up by this name."""
API_VERSION = "1.0.0"
"""What SystemStatus/APIVersion says."""

_TYPES = {
    "LastDecision": ua.VariantType.String,
    "LastConfidence": ua.VariantType.Float,
    "ObjectsFound": ua.VariantType.Int32,
    "CycleTimeMs": ua.VariantType.Float,
    "PassCount": ua.VariantType.Int32,
    "FailCount": ua.VariantType.Int32,
    "UncertainCount": ua.VariantType.Int32,
    "PassRate1h": ua.VariantType.Float,
    "LastInspectionTime": ua.VariantType.DateTime,
}
_STATUS_TYPES = {
    "IsRunning": ua.VariantType.Boolean,
    "APIVersion": ua.VariantType.String,
    "UptimeSeconds": ua.VariantType.UInt64,
}
_EMPTY: dict[ua.VariantType, Any] = {
    ua.VariantType.String: "",
    ua.VariantType.Float: 0.0,
    ua.VariantType.Int32: 0,
    ua.VariantType.UInt64: 0,
    ua.VariantType.Boolean: False,
    ua.VariantType.DateTime: datetime(1601, 1, 1, tzinfo=UTC),
}
_STATUS_CODES = {
    Quality.GOOD: ua.StatusCodes.Good,
    Quality.INITIAL: ua.StatusCodes.UncertainInitialValue,
    Quality.LAST_USABLE: ua.StatusCodes.UncertainLastUsableValue,
    Quality.INCOMPLETE: ua.StatusCodes.UncertainDataSubNormal,
}
_MAX_INT32 = 2**31 - 1
_MAX_CONNECTIONS = 100
"""One event loop serves them all: beyond what it can, refusing is better than collapsing."""

_log = log("andon.opcua_bridge")


async def _nobody(_username: str, _password: str, _address: str) -> bool:
    return False


class OpcuaSettings(BaseModel):
    """Where SCADA connects, and how."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 4840
    """0 takes a free port."""
    path: str = "/andon"
    anonymous: bool = False
    """Let everybody read, also unencrypted. For the demo, on loopback only."""
    application_uri: str | None = None
    """Identifies this server to clients and stands in its certificate; by default it names the host."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class OpcuaServer:
    """Started by entering it; node names are `station/<id>/<node>` in our namespace."""

    def __init__(self, settings: OpcuaSettings, folder: Path, authenticate: Authenticate = _nobody) -> None:
        self._settings = settings
        self._folder = folder
        self.authenticate = authenticate
        """Asked for each session that names a user."""
        self._server: Server | None = None
        self._index = 0
        self._began = datetime.now(UTC)
        self.stations: tuple[str, ...] = ()
        """Stations that have nodes, by id."""

    @property
    def running(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    @property
    def endpoint(self) -> str:
        """Where it listens, with the port it really got."""
        bound = self._server.bserver if self._server else None
        host, port = (bound.hostname, bound.port) if bound else (self._settings.host, self._settings.port)
        return f"opc.tcp://{host}:{port}{self._settings.path}"

    @property
    def sessions(self) -> int:
        """Clients connected now."""
        return len(self._server.bserver.clients) if self._server and self._server.bserver else 0

    async def __aenter__(self) -> Self:
        harden()
        server = await self._prepared()
        self._index = await server.register_namespace(NAMESPACE)
        await self._plant(server)
        await server.start()
        self._server = server
        self._began = datetime.now(UTC)
        await self.show_status(service_level=200)
        _log.info("OPC UA server is listening", endpoint=self.endpoint, anonymous=self._settings.anonymous)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def show(self, station_id: str, readings: Sequence[Reading]) -> None:
        """Write a station's values, all with one server time; its nodes are made at the first call."""
        server = self._running_server()
        if station_id not in self.stations:
            await self._add(server, f"station/{station_id}", station_id, _TYPES)
            self.stations = tuple(sorted((*self.stations, station_id)))
        now = datetime.now(UTC)
        for reading in readings:
            value = _value(_TYPES[reading.node], reading, now)
            await self._write(server, f"station/{station_id}/{reading.node}", value)
        metrics.OPCUA_NOTIFICATIONS.inc(len(readings))

    def differs(self, station_id: str, reading: Reading) -> bool:
        """Whether a node shows another value or quality."""
        shown = self._running_server().iserver.read_attribute_value(
            ua.NodeId(f"station/{station_id}/{reading.node}", self._index)
        )
        code = ua.StatusCode(_STATUS_CODES[reading.quality])
        return shown.Value is None or (shown.Value.Value, shown.StatusCode) != (reading.value, code)

    async def show_status(self, *, service_level: int) -> None:
        """Write SystemStatus and the standard ServiceLevel (255 is best, 200 still catching up)."""
        server, now = self._running_server(), datetime.now(UTC)
        values = {
            "IsRunning": True,
            "APIVersion": API_VERSION,
            "UptimeSeconds": int((now - self._began).total_seconds()),
        }
        for node, value in values.items():
            reading = Reading(node, value, Quality.GOOD, now)
            await self._write(server, f"SystemStatus/{node}", _value(_STATUS_TYPES[node], reading, now))
        number = ua.Variant(service_level, ua.VariantType.Byte)
        level = ua.DataValue(number, SourceTimestamp=now, ServerTimestamp=now)
        await server.iserver.write_attribute_value(ua.NodeId(ua.ObjectIds.Server_ServiceLevel), level)
        metrics.OPCUA_CLIENTS.set(self.sessions)

    async def _prepared(self) -> Server:
        settings = self._settings
        uri = settings.application_uri or f"urn:{socket.gethostname()}:andon:opcua-bridge"
        server = Server(iserver=HardenedServer(self.authenticate, anonymous=settings.anonymous))
        server.iserver.max_connections = _MAX_CONNECTIONS
        server.application_type = ua.ApplicationType.Server
        server.product_uri, server.manufacturer_name, server.name = "urn:andon", "Andon", "Andon"
        server.set_endpoint(f"opc.tcp://{settings.host}:{settings.port}{settings.path}")
        await server.init()
        _give_back_memory()
        await server.set_application_uri(uri)
        own = await asyncio.to_thread(identity, self._folder, uri)
        await server.load_certificate(own.certificate)
        await server.load_private_key(own.key)
        plain = [ua.SecurityPolicyType.NoSecurity] if settings.anonymous else []
        server.set_security_policy([*plain, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        return server

    async def _plant(self, server: Server) -> None:
        name = ua.QualifiedName("Andon", self._index)
        await server.nodes.objects.add_folder(ua.NodeId("Andon", self._index), name)
        await self._add(server, "SystemStatus", "SystemStatus", _STATUS_TYPES)

    async def _add(self, server: Server, name: str, shown: str, types: dict[str, ua.VariantType]) -> None:
        folder = server.get_node(ua.NodeId("Andon", self._index))
        parent = await folder.add_object(ua.NodeId(name, self._index), ua.QualifiedName(shown, self._index))
        for node, kind in types.items():
            node_id = ua.NodeId(f"{name}/{node}", self._index)
            await parent.add_variable(node_id, ua.QualifiedName(node, self._index), _EMPTY[kind], kind)

    async def _write(self, server: Server, name: str, value: ua.DataValue) -> None:
        await server.iserver.write_attribute_value(ua.NodeId(name, self._index), value)

    def _running_server(self) -> Server:
        if self._server is None:
            raise RuntimeError("the OPC UA server is not running")
        return self._server


def _give_back_memory() -> None:
    # Building the 6,174 standard nodes leaves 35 of 186 MB free that glibc would hold on to.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _value(kind: ua.VariantType, reading: Reading, now: datetime) -> ua.DataValue:
    # asyncua guesses types from Python's: a float would go out as a Double, an int as an Int64.
    value = min(reading.value, _MAX_INT32) if kind is ua.VariantType.Int32 else reading.value
    return ua.DataValue(
        ua.Variant(value, kind),
        StatusCode=ua.StatusCode(_STATUS_CODES[reading.quality]),
        SourceTimestamp=reading.at,
        ServerTimestamp=now,
    )
