"""What a stock Modbus client reads, writes and may not."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fieldbus_plant import Line, part
from pydantic import ValidationError
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from andon.contracts import fieldbus
from andon.contracts.inspection import Decision, Detection
from andon.opcua_bridge.adapters.modbus import ModbusSettings
from andon.opcua_bridge.app import SERVICE, OpcuaBridgeSettings
from andon.runtime import serving
from andon.runtime.embedded import LOOPBACK
from andon.testing import eventually

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY, NO_TARGET = 1, 2, 3, 6, 11
DEFAULT, LINE_1 = 100, 101
"""Units that always show these stations."""


def modbus(bare: OpcuaBridgeSettings, **changes: object) -> OpcuaBridgeSettings:
    settings = ModbusSettings(**{"enabled": True, "port": 0, **changes})  # type: ignore[arg-type]
    return bare.model_copy(update={"modbus": settings})


async def status(line: Line) -> fieldbus.ModbusStatus:
    return (await line.bus.ask(fieldbus.STATUS, fieldbus.GetFieldbusStatus())).modbus


async def port_of(line: Line) -> int:
    """Where it listens, once it does and knows both stations."""
    port = await listening(line)
    async with client_at(port) as client:

        async def knows() -> bool:
            return not (await client.read_coils(0, count=4, device_id=LINE_1)).isError()

        await eventually(knows)
    return port


async def listening(line: Line) -> int:
    """The port, once there is one."""
    endpoint = await eventually(lambda: _running(line))
    return int(str(endpoint).rsplit(":", 1)[1])


async def _running(line: Line) -> str:
    found = await status(line)
    return found.endpoint if found.running else ""


@asynccontextmanager
async def client_at(port: int) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient(LOOPBACK, port=port, retries=0, timeout=5, reconnect_delay=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


async def inputs(client: AsyncModbusTcpClient, unit: int = LINE_1) -> list[int]:
    return list((await client.read_input_registers(0, count=15, device_id=unit)).registers)


async def coils(client: AsyncModbusTcpClient, unit: int = LINE_1) -> tuple[bool, ...]:
    """Trigger, pass, fail, ready."""
    return tuple((await client.read_coils(0, count=4, device_id=unit)).bits[:4])


def refused(answer: ModbusPDU) -> int:
    assert answer.isError()
    return answer.exception_code


async def test_a_judged_part_is_in_the_registers(bare: OpcuaBridgeSettings, line: Line) -> None:
    found = [
        Detection(class_name=name, confidence=0.9, bbox=(1, 2, 3, 4)) for name in ("dent", "scratch", "dent")
    ]
    settings = modbus(bare, classes=("scratch", "dent"))
    async with serving(SERVICE, settings), client_at(await port_of(line)) as client:
        assert await inputs(client) == [0] * 15
        assert await coils(client) == (False, False, False, True)
        await line.say(
            *(part(f"{i}") for i in range(3)),
            part("odd", Decision.UNCERTAIN),
            part("bad", Decision.FAIL, detections=tuple(found), objects_found=3),
        )
        seconds_70 = [1, 70_000 - 65_536]
        expected = [2, 3, 1, 2, 0, 0, *seconds_70, 0, 0, 3, 0, 1, 0, 1]

        async def shown() -> bool:
            assert await inputs(client) == expected
            return True

        await eventually(shown)
        assert await coils(client) == (False, False, True, True)
        # The default station shows where nobody selected another, on the units that clients default to.
        for unit in (0, 1, 255, DEFAULT):
            assert await inputs(client, unit) == [0] * 15
        assert (await client.read_holding_registers(0, count=2, device_id=LINE_1)).registers == [0, 1]


async def test_a_rising_edge_takes_a_picture(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with (
        serving(SERVICE, modbus(bare, writes=True)),
        client_at(await port_of(line)) as client,
        client_at(await port_of(line)) as other,
    ):
        line.gate, line.decision = asyncio.Event(), Decision.FAIL
        assert not (await client.write_coil(0, True, device_id=LINE_1)).isError()
        await eventually(lambda: len(line.captured) == 1)
        assert await coils(other) == (True, False, False, False)
        assert (await inputs(other))[8] == 1
        assert refused(await other.write_register(0, 1, device_id=LINE_1)) == BUSY
        line.gate.set()
        await eventually(lambda: _is(coils(other), (True, False, True, True)))
        # Fail is set together with the part's own values: it has been counted.
        assert (await inputs(client))[8:] == [2, 0, 0, 0, 1, 0, 0]
        # The coil stays as it was written: a second 1 is no edge, 0 and 1 is.
        await client.write_coil(0, True, device_id=LINE_1)
        await client.write_coil(0, False, device_id=LINE_1)
        assert (await coils(client))[0] is False
        assert len(line.captured) == 1
        line.decision = Decision.PASS
        await client.write_coils(0, [True], device_id=LINE_1)
        await eventually(lambda: _is(coils(client), (True, True, False, True)))
    assert [each.station_id for each in line.captured] == ["line-1", "line-1"]


async def test_a_command_takes_a_picture_at_the_selected_station(
    bare: OpcuaBridgeSettings, line: Line
) -> None:
    async with serving(SERVICE, modbus(bare, writes=True)), client_at(await port_of(line)) as client:
        answer = await client.write_register(1, 1)  # holding 2: station 1 is line-1
        assert (answer.address, answer.registers) == (1, [1])
        answer = await client.write_register(0, 1)  # holding 1: trigger
        assert (answer.address, answer.registers) == (0, [1])
        await eventually(lambda: _is(coils(client, 1), (False, True, False, True)))
        assert (await client.read_holding_registers(0, count=2)).registers == [0, 1]
        # Both at once: the station that is written is the one that is triggered.
        await client.write_registers(0, [1, 0])
        await eventually(lambda: _is(coils(client, DEFAULT), (False, True, False, True)))
    assert [each.station_id for each in line.captured] == ["line-1", "default"]


async def _is(found: "asyncio.Future[object] | object", wanted: object) -> bool:
    assert await found == wanted  # type: ignore[misc]
    return True


async def test_a_trigger_without_a_camera_fails_and_shows_no_old_result(
    bare: OpcuaBridgeSettings, line: Line
) -> None:
    settings = modbus(bare, writes=True, stations=("default", "line-1", "line-2"))
    async with serving(SERVICE, settings), client_at(await port_of(line)) as client:
        await line.say(part("a", station_id="line-2"))
        await eventually(lambda: _is(coils(client, 102), (False, True, False, True)))
        await client.write_register(0, 1, device_id=102)
        await eventually(lambda: _is(_at(client, 102, 8), 3))
        assert await coils(client, 102) == (False, False, False, True)
        assert "line-2 has no camera" in ((await status(line)).last_error or "")
        await line.say(part("b", station_id="line-2"))
        await eventually(lambda: _is(coils(client, 102), (False, True, False, True)))


async def _at(client: AsyncModbusTcpClient, unit: int, place: int) -> int:
    return (await inputs(client, unit))[place]


async def test_what_can_not_be_is_refused_with_an_exception(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare, writes=True)), client_at(await port_of(line)) as client:
        for wrong, fault in (
            (client.write_coil(1, True), ILLEGAL_ADDRESS),
            (client.write_coil(3, False), ILLEGAL_ADDRESS),
            (client.write_coils(0, [True, True]), ILLEGAL_ADDRESS),
            (client.write_register(2, 1), ILLEGAL_ADDRESS),
            (client.write_register(0, 2), ILLEGAL_VALUE),
            (client.write_register(1, 2), ILLEGAL_VALUE),
            (client.write_registers(0, [1, 9]), ILLEGAL_VALUE),
            (client.write_register(1, 0, device_id=LINE_1), ILLEGAL_ADDRESS),
            (client.read_coils(0, count=5), ILLEGAL_ADDRESS),
            (client.read_coils(4), ILLEGAL_ADDRESS),
            (client.read_input_registers(14, count=2), ILLEGAL_ADDRESS),
            (client.read_holding_registers(65535), ILLEGAL_ADDRESS),
            (client.read_discrete_inputs(0), ILLEGAL_FUNCTION),
            (client.readwrite_registers(read_address=0, read_count=1, values=[1]), ILLEGAL_FUNCTION),
            (client.read_device_information(), ILLEGAL_FUNCTION),
            (client.read_coils(0, device_id=7), NO_TARGET),
            (client.read_coils(0, device_id=102), NO_TARGET),
        ):
            assert refused(await wrong) == fault
    assert line.captured == []


async def test_nobody_writes_until_it_is_allowed(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare)), client_at(await port_of(line)) as client:
        assert refused(await client.write_coil(0, True)) == ILLEGAL_FUNCTION
        assert refused(await client.write_register(0, 1)) == ILLEGAL_FUNCTION
        assert refused(await client.write_register(1, 1)) == ILLEGAL_FUNCTION
        assert not (await status(line)).writes
    assert line.captured == []


async def test_addresses_can_begin_at_one(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare, first_address=1, stations=("line-1",))):
        port = await listening(line)
        async with client_at(port) as client:
            assert refused(await client.read_coils(0)) == ILLEGAL_ADDRESS
            assert (await client.read_coils(4)).bits[0]  # ready


def request(transaction: int, unit: int = LINE_1) -> bytes:
    """Read 15 input registers."""
    return struct.pack(">HHHBBHH", transaction, 0, 6, unit, 4, 0, 15)


async def test_requests_may_come_in_one_piece_or_in_crumbs(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare)):
        reader, writer = await asyncio.open_connection(LOOPBACK, await port_of(line))
        writer.write(b"".join(request(i) for i in range(50)))
        for i in range(50):
            answer = await reader.readexactly(9 + 30)
            assert struct.unpack(">HHHBBB", answer[:9]) == (i, 0, 33, LINE_1, 4, 30)
        for byte in request(77):
            writer.write(bytes([byte]))
            await writer.drain()
        assert (await reader.readexactly(9 + 30))[:2] == b"\x00\x4d"
        writer.close()


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 300, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\xff" * 9],
)
async def test_who_speaks_something_else_is_cut_off(
    bare: OpcuaBridgeSettings, line: Line, garbage: bytes
) -> None:
    async with serving(SERVICE, modbus(bare)):
        port = await port_of(line)
        async with client_at(port) as client:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(garbage)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            assert (await coils(client))[3]


async def test_a_body_that_is_no_request_gets_an_exception(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare, writes=True)):
        reader, writer = await asyncio.open_connection(LOOPBACK, await port_of(line))
        for body, fault in (
            (b"\x04\x00", ILLEGAL_VALUE),  # too short
            (b"\x04\x00\x00\x00\x00", ILLEGAL_VALUE),  # none
            (b"\x04\x00\x00\xff\xff", ILLEGAL_VALUE),  # too many
            (b"\x05\x00\x00\x12\x34", ILLEGAL_VALUE),  # neither on nor off
            (b"\x0f\x00\x00\x00\x01\x09\x01", ILLEGAL_VALUE),  # says more bytes than there are
            (b"\x10\x00\x00\x00\x02\x04\x00\x01", ILLEGAL_VALUE),
            (b"\x10\x00\x00\x00\x00\x00", ILLEGAL_VALUE),
            (b"\x63\x00", ILLEGAL_FUNCTION),
            (b"\x84\x00", ILLEGAL_FUNCTION),  # an answer is no request
        ):
            writer.write(struct.pack(">HHHB", 1, 0, len(body) + 1, 1) + body)
            answer = await asyncio.wait_for(reader.readexactly(9), 5)
            assert (answer[7], answer[8]) == (body[0] | 0x80, fault), body
        writer.close()
    assert line.captured == []


async def test_silent_and_half_open_connections_are_closed(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare, idle_seconds=0.3)):
        port = await port_of(line)
        silent, half = [await asyncio.open_connection(LOOPBACK, port) for _ in range(2)]
        half[1].write(request(1)[:5])
        for reader, writer in (silent, half):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(reader.readexactly(1), 5)
            writer.close()
        await eventually(lambda: _clients(line, 0))


async def _clients(line: Line, count: int) -> bool:
    return (await status(line)).clients == count


async def test_a_flood_of_clients_leaves_those_who_are_there_alone(
    bare: OpcuaBridgeSettings, line: Line
) -> None:
    async with serving(SERVICE, modbus(bare, connections=4)):
        port = await port_of(line)
        async with client_at(port) as client:
            assert (await coils(client))[3]
            flood = [socket.create_connection((LOOPBACK, port)) for _ in range(60)]
            await eventually(lambda: _refused(line, 57))
            assert (await coils(client))[3]
            assert (await status(line)).clients == 4
            for each in flood:
                each.close()
            await eventually(lambda: _clients(line, 1))
            async with client_at(port) as late:
                assert (await coils(late))[3]


async def _refused(line: Line, count: int) -> bool:
    return (await status(line)).refused == count


async def test_a_silent_connection_makes_room(
    bare: OpcuaBridgeSettings, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.opcua_bridge.adapters.modbus._IDLE_ENOUGH", 0.0)
    async with serving(SERVICE, modbus(bare, connections=1)):
        port = await port_of(line)
        with socket.create_connection((LOOPBACK, port)):
            async with client_at(port) as client:
                assert (await coils(client))[3]
                assert (await status(line)).clients == 1


async def test_only_those_named_are_let_in(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, modbus(bare, allow=["192.0.2.0/24"])):
        reader, writer = await asyncio.open_connection(LOOPBACK, await listening(line))
        writer.write(request(1))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        assert (await status(line)).refused == 1


async def test_a_taken_port_is_told_and_tried_again(bare: OpcuaBridgeSettings, line: Line) -> None:
    taken = socket.create_server((LOOPBACK, 0))
    port = taken.getsockname()[1]
    async with serving(SERVICE, modbus(bare, port=port)):

        async def told() -> bool:
            found = await status(line)
            return not found.running and "in use" in (found.last_error or "")

        await eventually(told)
        taken.close()
        await eventually(lambda: _running(line), 15)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"enabled": True, "host": "0.0.0.0"}, "modbus.allow"),
        ({"connections": 0}, "connections"),
        ({"first_address": 2}, "first_address"),
        ({"stations": ["a/b"]}, "stations"),
        ({"classes": list("abcde")}, "classes"),
        ({"allow": ["everybody"]}, "allow"),
    ],
)
def test_settings_that_can_not_work_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ModbusSettings(**changes)  # type: ignore[arg-type]


async def test_off_is_what_it_is_by_default(bare: OpcuaBridgeSettings, line: Line) -> None:
    async with serving(SERVICE, bare):
        found = await line.bus.ask(fieldbus.STATUS, fieldbus.GetFieldbusStatus())
    assert found == fieldbus.FieldbusStatus()
    assert not found.mqtt.enabled
    assert not found.modbus.enabled
