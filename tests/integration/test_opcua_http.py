"""The OPC UA servers behind the real gateway: shards and the trust list, over HTTP and by the command."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from andon.contracts import Message, NotFound, auth, inspection, station
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import BusSettings, Delivery, Service
from andon.opcua_bridge.adapters.papers import CertificateRefused, fingerprint
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.app import SERVICE as BRIDGE
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.opcua_bridge.command import app
from andon.runtime import HttpSettings, serving
from andon.runtime.embedded import LOOPBACK
from andon.security import Signer, new_private_key
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import build, eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "opcua-bridge" / "tests"))

from opcua_plant import identity

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

USERS = {
    "1": auth.User(id="1", username="eve", roles=(auth.Role.ADMIN,), created_at=datetime.now(UTC)),
    "2": auth.User(id="2", username="olga", roles=(auth.Role.OPERATOR,), created_at=datetime.now(UTC)),
}


@dataclass
class Plant:
    http: httpx.AsyncClient
    operator: dict[str, str]
    command: dict[str, str]
    shards: list[OpcuaServer]
    line: Service
    judged: int = 0
    """Parts so far."""

    async def get(self, path: str) -> Any:
        answer = await self.http.get(f"/api/v1/opcua/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def run(self, *words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=self.command)


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> AsyncIterator[Plant]:
    """Two shards: one for the presses, one for all that welds."""
    signer = Signer(new_private_key())
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()

    def shard(group: str, pattern: str) -> OpcuaBridgeSettings:
        opcua = OpcuaSettings(port=0, group=group, stations=(pattern,), machine_vision=False)
        return OpcuaBridgeSettings(bus=bus_settings, mongo=mongo_settings, data=tmp_path, opcua=opcua)

    gateway = GatewaySettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1)
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_around(bus_settings, signer))
        line = await stack.enter_async_context(Service("inspection", bus_settings))
        shards = [
            await stack.enter_async_context(serving(BRIDGE, settings))
            for settings in (shard("press", "press-*"), shard("weld", "weld-*"))
        ]
        running = await stack.enter_async_context(serving(GATEWAY, gateway))
        url = f"http://{LOOPBACK}:{running.http_port}"
        tokens = {name: signer.sign(user, f"session-{name}") for name, user in USERS.items()}
        headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
        async with httpx.AsyncClient(base_url=url, headers=headers["1"], timeout=20) as http:
            servers = [each.application.resources[1] for each in shards]
            command = {"ANDON_URL": url, "ANDON_KEY": tokens["1"]}
            yield Plant(http, headers["2"], command, servers, line)  # type: ignore[arg-type]


def _around(settings: BusSettings, signer: Signer) -> Service:
    service = Service("auth", settings)

    async def keys(_query: Message, _delivery: Delivery) -> auth.Keys:
        return auth.Keys(keys=(signer.public,))

    async def ended(_query: Message, _delivery: Delivery) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    async def user(query: auth.GetUser, _delivery: Delivery) -> auth.User:
        if query.id not in USERS:
            raise NotFound("no")
        return USERS[query.id]

    async def stations(_query: Message, _delivery: Delivery) -> station.Stations:
        return station.Stations(
            stations=tuple(build.station(id=each) for each in ("press-1", "press-2", "weld-1"))
        )

    service.answers(auth.KEYS, keys)
    service.answers(auth.ENDED, ended)
    service.answers(auth.USER, user)
    service.answers(station.LIST, stations)
    return service


async def test_shards_are_told_as_one_and_certificates_are_managed(plant: Plant, tmp_path: Path) -> None:
    async def whole() -> bool:
        found = await plant.get("status")
        assert found == {
            "enabled": True, "running": True, "endpoint": plant.shards[0].endpoint, "station_count": 3,
            "nodes": ["station/press-1", "station/press-2", "station/weld-1", "SystemStatus"],
        }  # fmt: skip
        servers = (await plant.get("servers"))["servers"]
        assert [(each["group"], each["stations"]) for each in servers] == [
            ("press", ["press-1", "press-2"]), ("weld", ["weld-1"]),
        ]  # fmt: skip
        return True

    await eventually(whole)
    await _each_shard_has_its_own(plant)
    refused = await plant.http.get("/api/v1/opcua/certificates", headers=plant.operator)
    assert refused.status_code == 403
    rogue = identity("rogue")
    with pytest.raises(CertificateRefused):  # as at a channel that it wants to open
        plant.shards[0].trust.check(rogue.der, datetime.now(UTC))
    (rejected,) = (await plant.get("certificates?state=rejected"))["certificates"]
    assert (rejected["fingerprint"], rejected["application_uri"]) == (fingerprint(rogue.der), rogue.uri)
    trusted = await plant.http.post(f"/api/v1/opcua/certificates/{fingerprint(rogue.der)}/trust", json={})
    assert trusted.json()["state"] == "trusted"
    plant.shards[1].trust.check(rogue.der, datetime.now(UTC))
    rejected = await plant.http.post(f"/api/v1/opcua/certificates/{fingerprint(rogue.der)}/reject")
    assert rejected.json()["state"] == "rejected"
    gone = await plant.http.delete(f"/api/v1/opcua/certificates/{fingerprint(rogue.der)}")
    assert gone.json() == {"fingerprint": fingerprint(rogue.der)}
    await _bad_input(plant)
    await _commands(plant, tmp_path)


async def _each_shard_has_its_own(plant: Plant) -> None:
    for station_id in ("press-1", "weld-1", "weld-1"):
        plant.judged += 1
        part = build.inspection(id=f"part-{plant.judged}", station_id=station_id, judged_at=datetime.now(UTC))
        await plant.line.say(inspection.PART_JUDGED, part)

    def shown(shard: OpcuaServer, station_id: str) -> object:
        node = shard.node_id(f"station/{station_id}/PassCount")
        found = shard.core.read_attribute_value(node)
        return found.Value.Value if found.StatusCode.is_good() else found.StatusCode.name  # type: ignore[union-attr]

    def counted() -> bool:
        press, weld = plant.shards
        seen = [(shown(each, "press-1"), shown(each, "weld-1")) for each in (press, weld)]
        assert seen == [(1, "BadNodeIdUnknown"), ("BadNodeIdUnknown", 2)]
        return True

    await eventually(counted)


async def _bad_input(plant: Plant) -> None:
    scada = base64.b64encode(identity("scada").der).decode()
    for path, body, status, word in (
        ("", {"certificate": "nonsense"}, 400, "certificate"),
        ("", {"certificate": scada, "use": "user"}, 400, "user_id"),
        ("", {"certificate": scada, "use": "user", "user_id": "nobody"}, 400, "user_id"),
        ("", {"certificate": scada, "use": "authority"}, 400, "certificate"),
        ("", {"certificate": scada, "use": "king"}, 422, "use"),
        (f"/{'00' * 32}/trust", {}, 404, "certificate"),
        ("/xyz/trust", {}, 400, "fingerprint"),
    ):
        answer = await plant.http.post(f"/api/v1/opcua/certificates{path}", json=body)
        assert answer.status_code in (status, 400), answer.text
        assert word in answer.text


async def _commands(plant: Plant, folder: Path) -> None:
    file, _ = identity("person").files(folder)
    done = await plant.run("trust", str(file), "--use", "user", "--user", "2")
    assert done.exit_code == 0, done.output
    listed = await plant.run("list", "--state", "trusted")
    assert "CN=person" in listed.output
    assert "user" in listed.output
    print_ = fingerprint(identity("person").der)[:10]
    assert "rejected: CN=person" in (await plant.run("reject", print_)).output
    assert (await plant.run("delete", print_)).exit_code == 0
    assert (await plant.run("list")).output == ""
    status = await plant.run("status")
    assert f"{plant.shards[1].endpoint}  weld  stations 1" in status.output
    assert (await plant.run("reject", "abcdef")).exit_code == 1
