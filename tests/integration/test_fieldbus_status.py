"""The real bridge behind the real gateway: what its fieldbuses are doing."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pymodbus.client import AsyncModbusTcpClient

from andon.contracts import Message, auth
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import BusSettings, Delivery, Service
from andon.opcua_bridge.adapters.modbus import ModbusSettings
from andon.opcua_bridge.adapters.mqtt import MqttSettings
from andon.opcua_bridge.adapters.server import OpcuaSettings
from andon.opcua_bridge.app import SERVICE as BRIDGE
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.runtime import HttpSettings, serving
from andon.runtime.embedded import LOOPBACK, free_ports
from andon.security import Signer, new_private_key
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import eventually

pytestmark = pytest.mark.long


async def test_the_status_of_a_running_bridge_is_told_over_http(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> None:
    key = new_private_key()
    await _bucket(blob_settings)
    (nobody,) = free_ports(1)
    bridge = OpcuaBridgeSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        data=tmp_path,
        opcua=OpcuaSettings(enabled=False),
        mqtt=MqttSettings(url=f"mqtt://{LOOPBACK}:{nobody}"),
        modbus=ModbusSettings(enabled=True, port=0),
    )
    gateway = GatewaySettings(bus=bus_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1))
    async with _auth(bus_settings, key), serving(BRIDGE, bridge), serving(GATEWAY, gateway) as running:
        user = auth.User(id="1", username="eve", roles=(auth.Role.ADMIN,), created_at=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {Signer(key).sign(user, 'session-1')}"}
        async with httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{running.http_port}", headers=headers
        ) as client:

            async def told() -> dict[str, dict[str, object]]:
                answer = await client.get("/api/v1/fieldbus/status")
                assert answer.status_code == 200, answer.text
                assert answer.json()["modbus"]["running"]
                assert answer.json()["mqtt"]["last_error"]
                return answer.json()

            await eventually(told)
            found = await told()
            assert "refused" in str(found["mqtt"]["last_error"])
            assert (found["mqtt"]["enabled"], found["mqtt"]["connected"]) == (True, False)
            port = int(str(found["modbus"]["endpoint"]).rsplit(":", 1)[1])
            async with AsyncModbusTcpClient(LOOPBACK, port=port) as modbus:
                assert not (await modbus.read_coils(0, count=4)).isError()
                assert (await told())["modbus"]["clients"] == 1


async def _bucket(settings: S3Settings) -> None:
    async with Blobs(settings) as blobs:
        await blobs.prepare()


def _auth(settings: BusSettings, key: str) -> Service:
    service = Service("auth", settings)

    async def keys(_query: Message, _delivery: Delivery) -> auth.Keys:
        return auth.Keys(keys=(Signer(key).public,))

    async def ended(_query: Message, _delivery: Delivery) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    service.answers(auth.KEYS, keys)
    service.answers(auth.ENDED, ended)
    return service
