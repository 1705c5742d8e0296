"""What comes and goes at the doors to SCADA is said, so that nobody has to keep asking."""

import sys
from pathlib import Path

import pytest
from asyncua.client.client import Client
from fieldbus_plant import Line, Mosquitto

from andon.contracts import Message, fieldbus, opcua, stream_of
from andon.contracts.opcua import CertificatesChanged, ClientsChanged
from andon.opcua_bridge.adapters.modbus import ModbusSettings
from andon.opcua_bridge.adapters.server import OpcuaSettings
from andon.opcua_bridge.app import SERVICE, OpcuaBridgeSettings
from andon.runtime import serving
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))

from opcua_plant import identity


async def said(line: Line, subject: object) -> list[Message]:
    kept = await line.bus.replay(stream_of(subject), 0, 1000)  # type: ignore[arg-type]
    return [message for address, message, _ in kept if address == subject.address]  # type: ignore[attr-defined]


@pytest.mark.long
async def test_a_broker_that_goes_and_comes_back_is_said_and_parts_are_not(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto
) -> None:
    settings = bare.model_copy(
        update={"mqtt": broker.settings(), "modbus": ModbusSettings(enabled=True, port=0)}
    )

    async def last(*, connected: bool) -> bool:
        told = await said(line, fieldbus.CHANGED)
        assert told
        assert isinstance(told[-1], fieldbus.FieldbusStatus)
        return told[-1].mqtt.connected is connected and told[-1].modbus.running

    async with serving(SERVICE, settings):
        await eventually(lambda: last(connected=True))
        broker.server.kill()
        await eventually(lambda: last(connected=False))
        broker.server.start()
        await eventually(lambda: last(connected=True), within=30)
    assert len(await said(line, fieldbus.CHANGED)) < 10


@pytest.mark.long
async def test_clients_and_certificates_that_come_and_go_are_said_by_their_number(
    bare: OpcuaBridgeSettings, line: Line
) -> None:
    settings = bare.model_copy(
        update={"demo": True, "opcua": OpcuaSettings(port=0, anonymous=True, machine_vision=False)}
    )

    async def clients(*numbers: int) -> bool:
        assert await said(line, opcua.CLIENTS_CHANGED) == [ClientsChanged(sessions=each) for each in numbers]
        return True

    async def certificates(*numbers: int) -> bool:
        told = [CertificatesChanged(trusted=each, rejected=0) for each in numbers]
        assert await said(line, opcua.CERTIFICATES_CHANGED) == told
        return True

    async with serving(SERVICE, settings):
        await eventually(lambda: clients(0))
        await eventually(lambda: certificates(0))
        status = await line.bus.ask(opcua.STATUS, opcua.GetStatus())
        async with Client(status.endpoint):
            await eventually(lambda: clients(0, 1))
        await eventually(lambda: clients(0, 1, 0))
        trust = settings.data / "opcua" / "pki" / "trusted"
        (trust / "by-hand.der").write_bytes(identity("by-hand").der)
        await eventually(lambda: certificates(0, 1))
