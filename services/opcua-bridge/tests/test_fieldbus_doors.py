"""All doors of one bridge: the same parts behind each, and none that falls with another."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua import Client  # pyright: ignore[reportPrivateImportUsage]
from fieldbus_plant import BRIDGE, Line, Mosquitto, Subscriber, part
from pymodbus.client import AsyncModbusTcpClient

from andon.contracts import fieldbus, opcua
from andon.contracts.inspection import Decision
from andon.opcua_bridge.adapters.modbus import ModbusSettings
from andon.opcua_bridge.adapters.server import NAMESPACE, OpcuaSettings
from andon.opcua_bridge.app import SERVICE, OpcuaBridgeSettings
from andon.runtime import serving
from andon.runtime.embedded import LOOPBACK, Server
from andon.testing import eventually

pytestmark = pytest.mark.long


async def test_a_part_shows_at_every_door_and_a_dead_broker_closes_none(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    doors = {
        "demo": True,
        "opcua": OpcuaSettings(port=0, anonymous=True),
        "mqtt": broker.settings(),
        "modbus": ModbusSettings(enabled=True, port=0, stations=("line-1",)),
    }
    async with serving(SERVICE, bare.model_copy(update=doors)):

        async def state() -> fieldbus.FieldbusStatus:
            return await line.bus.ask(fieldbus.STATUS, fieldbus.GetFieldbusStatus())

        async def up() -> bool:
            now = await state()
            return now.mqtt.connected and now.modbus.running

        await eventually(up)
        endpoint = (await line.bus.ask(opcua.STATUS, opcua.GetStatus())).endpoint
        port = int((await state()).modbus.endpoint.rsplit(":", 1)[1])
        modbus = AsyncModbusTcpClient(LOOPBACK, port=port)
        assert await modbus.connect()
        async with Client(endpoint) as client:
            index = await client.get_namespace_index(NAMESPACE)

            async def counts() -> tuple[list[int], list[int], object]:
                nodes = [
                    client.get_node(f"ns={index};s=station/line-1/{each}Count")
                    for each in ("Pass", "Fail", "Uncertain")
                ]
                words = (await modbus.read_input_registers(9, count=6)).registers
                shown = scada.last_on("andon/line-1/status")
                return (
                    [await node.read_value() for node in nodes],
                    [high << 16 | low for high, low in zip(words[::2], words[1::2], strict=True)],
                    [shown.get(each) for each in ("passed", "failed", "uncertain")],
                )

            async def all_are(*wanted: int) -> bool:
                assert [*await counts()] == [list(wanted)] * 3
                return True

            await line.say(*(part(f"{i}") for i in range(5)), part("5", Decision.FAIL))
            await eventually(lambda: all_are(5, 1, 0))
            broker.server.kill()
            await line.say(*(part(f"{i}", Decision.UNCERTAIN) for i in range(6, 10)))

            async def others_are() -> bool:
                nodes, words, _ = await counts()
                return nodes == words == [5, 1, 4]

            await eventually(others_are)
            scada.close()
            broker.forbid(BRIDGE["user"])
            broker.server.start()
            scada.connect()
            broker.allow(BRIDGE["user"], BRIDGE["password"])
            broker.read_again()
            await eventually(lambda: all_are(5, 1, 4), 20)
        modbus.close()
    heard = dict.fromkeys(each["id"] for each in scada.on("andon/line-1/inspection"))
    assert list(heard) == [str(i) for i in range(10)]


@pytest.fixture
def process(bare: OpcuaBridgeSettings, broker: Mosquitto, tmp_path: Path) -> Iterator[Server]:
    """The bridge as a process of its own, with MQTT."""
    announced = tmp_path / "ready.json"
    environment = {
        **os.environ,
        "ANDON_BUS__URL": bare.bus.url,
        "ANDON_MONGO__URI": bare.mongo.uri,
        "ANDON_MONGO__PREFIX": bare.mongo.prefix,
        "ANDON_DATA": str(tmp_path),
        "ANDON_OPCUA__ENABLED": "false",
        "ANDON_MQTT__URL": f"mqtt://{LOOPBACK}:{broker.port}",
        "ANDON_MQTT__USER": BRIDGE["user"],
        "ANDON_MQTT__PASSWORD": BRIDGE["password"],
        "ANDON_HEALTH__ANNOUNCE": str(announced),
    }
    command = (sys.executable, "-m", "andon.runtime.service", "opcua-bridge")
    server = Server("opcua-bridge", command, announced.exists, log=tmp_path / "bridge.log", env=environment)
    yield server
    server.kill()


async def test_nothing_is_missing_after_the_bridge_was_killed(
    line: Line, broker: Mosquitto, scada: Subscriber, process: Server, tmp_path: Path
) -> None:
    def heard() -> list[str]:
        return list(dict.fromkeys(each["id"] for each in scada.on("andon/line-1/inspection")))

    process.start()
    await eventually(lambda: scada.last_on("andon/status") == {"state": "online"})
    await line.say(*(part(f"{i}") for i in range(120)))
    await eventually(lambda: len(heard()) > 30, every=0.001)
    process.kill()  # while it publishes
    await line.say(*(part(f"{i}") for i in range(120, 150)))
    await eventually(lambda: scada.last_on("andon/status") == {"state": "offline"})  # its last will
    (tmp_path / "ready.json").unlink()
    process.start()
    await line.say(*(part(f"{i}") for i in range(150, 160)))
    await eventually(lambda: len(heard()) == 160, 20)
    assert heard() == [str(i) for i in range(160)]
    await eventually(lambda: scada.last_on("andon/line-1/status").get("total") == 160)
