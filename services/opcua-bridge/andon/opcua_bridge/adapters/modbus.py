"""A Modbus TCP server: pymodbus reads and writes the protocol, connections are guarded here."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import BaseModel, Field, IPvAnyNetwork, model_validator
from pymodbus.constants import ExcCodes
from pymodbus.pdu import DecodePDU, ExceptionResponse

from andon.contracts import Name, Unavailable
from andon.opcua_bridge.domain.registers import CLASS_REGISTERS, Fault, Faulty, Table

if TYPE_CHECKING:
    from pymodbus.datastore import ModbusServerContext

_TABLES = {
    1: Table.COILS, 5: Table.COILS, 15: Table.COILS,
    3: Table.HOLDINGS, 6: Table.HOLDINGS, 16: Table.HOLDINGS,
    4: Table.INPUTS,
}  # fmt: skip
"""The function codes that are served, and what they are about."""
_WRITE_COIL, _WRITE_REGISTER = 5, 6
_COIL_VALUES = (0x0000, 0xFF00)
_HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), bytes that follow with the unit, unit."""
_MOST_BYTES = 254
_BODY_SECONDS, _SEND_SECONDS = 5.0, 5.0
_IDLE_ENOUGH = 10.0
"""Seconds of silence after which a connection has to make room for a new one."""

Read = Callable[[int, Table, int, int], list[int]]
"""Unit, table, first cell from 0, how many. Raises Faulty."""
Write = Callable[[int, Table, int, Sequence[int]], None]
"""Unit, table, first cell from 0, values. Raises Faulty."""


class ModbusSettings(BaseModel):
    """Where line controllers connect, and what they may do there."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 502
    """0 takes a free port."""
    allow: tuple[IPvAnyNetwork, ...] = ()
    """Whose connections are taken. The protocol has no password: needed unless the host is loopback."""
    writes: bool = False
    """Let clients choose the station and trigger."""
    connections: Annotated[int, Field(ge=1, le=256)] = 16
    idle_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Silence after which a connection is closed."""
    first_address: Annotated[int, Field(ge=0, le=1)] = 0
    """The address on the wire of coil 1 and register 1."""
    stations: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    """Stations by index, to keep indices when stations are added; by default `default`, then all by name."""
    classes: Annotated[tuple[str, ...], Field(max_length=CLASS_REGISTERS)] = ("anomaly",)
    """Whose objects input registers 3 to 6 count."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _known_clients_only(self) -> Self:
        if self.enabled and not self.loopback and not self.allow:
            raise ValueError("modbus.allow says who may connect when modbus.host is not loopback")
        return self


@dataclass(eq=False)
class _Client:
    writer: asyncio.StreamWriter
    heard_at: float = field(default_factory=time.monotonic)


class ModbusServer:
    """Serves one map to a bounded number of clients; whoever sends no Modbus is cut off."""

    def __init__(self, settings: ModbusSettings, read: Read, write: Write) -> None:
        self._settings = settings
        self._context = cast("ModbusServerContext", _Context(read, write, settings.first_address))
        self._decoder = DecodePDU(True)
        self._clients: dict[asyncio.Task[Any], _Client] = {}
        self._server: asyncio.Server | None = None
        self.requests = 0
        self.refused = 0

    @property
    def running(self) -> bool:
        return self._server is not None

    @property
    def clients(self) -> int:
        """Connected now."""
        return len(self._clients)

    @property
    def endpoint(self) -> str:
        """Where it listens, with the port it really got."""
        host, port = self._settings.host, self._settings.port
        if self._server is not None:
            port = self._server.sockets[0].getsockname()[1]
        return f"modbus+tcp://{host}:{port}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take connections for the time of the block. Raises Unavailable when the port is not to be had."""
        settings = self._settings
        try:
            server = await asyncio.start_server(self._connected, settings.host, settings.port, limit=1024)
        except OSError as error:
            raise Unavailable(f"{self.endpoint} can't be listened on: {error}") from error
        self._server = server
        try:
            yield
        finally:
            self._server = None
            server.close()
            for client in self._clients.values():
                client.writer.transport.abort()
            await asyncio.gather(*self._clients, return_exceptions=True)
            await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._allowed(writer) or not self._room():
            self.refused += 1
            writer.transport.abort()
            return
        me = cast("asyncio.Task[Any]", asyncio.current_task())
        client = self._clients[me] = _Client(writer)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            with suppress(EOFError):
                await self._talk(reader, client)
            writer.close()
        except OSError:  # reset, or silent for too long: there is nobody to flush to
            writer.transport.abort()
        finally:
            self._clients.pop(me, None)

    async def _talk(self, reader: asyncio.StreamReader, client: _Client) -> None:
        while True:
            async with asyncio.timeout(self._settings.idle_seconds):
                header = await reader.readexactly(_HEADER.size)
            transaction, protocol, size, unit = _HEADER.unpack(header)
            if protocol != 0 or not 2 <= size <= _MOST_BYTES:  # noqa: PLR2004 - unit and function code
                return  # Not Modbus, or out of step: there is no way to find the next header.
            async with asyncio.timeout(_BODY_SECONDS):
                body = await reader.readexactly(size - 1)
            client.heard_at = time.monotonic()
            answer = await self._answered(unit, body)
            self.requests += 1
            client.writer.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
            async with asyncio.timeout(_SEND_SECONDS):
                await client.writer.drain()
            await asyncio.sleep(0)  # A client that never stops asking gets its turn, like everybody else.

    async def _answered(self, unit: int, body: bytes) -> bytes:
        code = body[0]
        if code not in _TABLES:
            return _exception(code, ExcCodes.ILLEGAL_FUNCTION)
        request = self._decoder.decode(body)
        if request is None or (code == _WRITE_COIL and int.from_bytes(body[3:5]) not in _COIL_VALUES):
            return _exception(code, ExcCodes.ILLEGAL_VALUE)
        response = await request.datastore_update(self._context, unit)
        if code in (_WRITE_COIL, _WRITE_REGISTER) and not response.isError():
            return body[:5]  # An echo, by the protocol; a command's register does not read back as written.
        return bytes([response.function_code]) + response.encode()

    def _allowed(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        if not self._settings.allow or peer is None:
            return peer is not None
        address = ip_address(peer[0].split("%", 1)[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._settings.allow)

    def _room(self) -> bool:
        """Whether there is room for one more; the longest silent one makes it, if silent long enough."""
        if len(self._clients) < self._settings.connections:
            return True
        task, silent = min(self._clients.items(), key=lambda each: each[1].heard_at)
        if time.monotonic() - silent.heard_at < _IDLE_ENOUGH:
            return False
        del self._clients[task]
        silent.writer.transport.abort()
        return True


@dataclass(frozen=True)
class _Context:
    """The map, in the form in which pymodbus's requests ask for it."""

    read: Read
    write: Write
    first_address: int

    async def async_getValues(  # noqa: N802 - pymodbus's name
        self, device_id: int, func_code: int, address: int, count: int = 1
    ) -> list[int] | ExcCodes:
        try:
            return self.read(device_id, _TABLES[func_code], address - self.first_address, count)
        except Faulty as faulty:
            return _code(faulty.fault)

    async def async_setValues(  # noqa: N802 - pymodbus's name
        self, device_id: int, func_code: int, address: int, values: Sequence[int]
    ) -> ExcCodes | None:
        try:
            self.write(device_id, _TABLES[func_code], address - self.first_address, values)
        except Faulty as faulty:
            return _code(faulty.fault)
        return None


def _exception(code: int, why: ExcCodes) -> bytes:
    response = ExceptionResponse(code & 0x7F, why)
    return bytes([response.function_code]) + response.encode()


def _code(fault: Fault) -> ExcCodes:
    return ExcCodes(int(fault))
