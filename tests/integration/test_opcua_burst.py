"""A burst of defects, with the real alerting and gateway: acknowledged in SCADA, it shows over HTTP."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.alerting.app import SERVICE as ALERTING
from andon.alerting.app import AlertingSettings
from andon.contracts import Message, auth, inspection, station
from andon.contracts.inspection import Decision
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import BusSettings, Delivery, Service
from andon.opcua_bridge.app import SERVICE as BRIDGE
from andon.runtime import HttpSettings, serving
from andon.runtime.embedded import LOOPBACK
from andon.security import Signer, new_private_key
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import build, eventually

sys.path.insert(0, str(Path(__file__).parent))

from node_opcua import NodeClient
from opcua_line import bridge, connect, needs_node, part, trusted_client

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

FIELDS = ["EventId", "ConditionName", "ConditionId", "SourceName", "ActiveState.Id", "AckedState.Id"]
SERVER = "i=2253"
OLGA = auth.User(id="1", username="olga", roles=(auth.Role.OPERATOR,), created_at=datetime.now(UTC))


def _around(settings: BusSettings, signer: Signer) -> Service:
    service = Service("auth", settings)

    async def keys(_query: Message, _delivery: Delivery) -> auth.Keys:
        return auth.Keys(keys=(signer.public,))

    async def ended(_query: Message, _delivery: Delivery) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    async def verify(_query: auth.VerifyPassword, _delivery: Delivery) -> auth.User:
        return OLGA

    async def stations(_query: Message, _delivery: Delivery) -> station.Stations:
        return station.Stations(stations=(build.station(id="line-1"),))

    service.answers(auth.KEYS, keys)
    service.answers(auth.ENDED, ended)
    service.answers(auth.VERIFY_PASSWORD, verify)
    service.answers(station.LIST, stations)
    return service


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> AsyncIterator[tuple[NodeClient, httpx.AsyncClient, Service]]:
    needs_node()
    signer, said = Signer(new_private_key()), Service("inspection", bus_settings)
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
    opcua = bridge(bus_settings, mongo_settings, tmp_path / "data")
    gateway = GatewaySettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1)
    )
    async with AsyncExitStack() as stack:
        for each in (said, _around(bus_settings, signer)):
            await stack.enter_async_context(each)
        alerting = AlertingSettings(bus=bus_settings, mongo=mongo_settings)
        await stack.enter_async_context(serving(ALERTING, alerting))
        running = await stack.enter_async_context(serving(BRIDGE, opcua))
        door = await stack.enter_async_context(serving(GATEWAY, gateway))
        client = await stack.enter_async_context(trusted_client(tmp_path / "client", opcua.data))
        await connect(client, running.application.resources[1].endpoint)  # type: ignore[attr-defined]
        headers = {"Authorization": f"Bearer {signer.sign(OLGA, 'session-1')}"}
        url = f"http://{LOOPBACK}:{door.http_port}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=20))
        yield client, http, said


async def test_an_alert_of_a_burst_is_acknowledged_in_scada_and_seen_over_http(
    plant: tuple[NodeClient, httpx.AsyncClient, Service],
) -> None:
    client, http, said = plant
    await client.ask("events", node=SERVER, fields=FIELDS, type="AlarmConditionType")

    async def alerts() -> list[dict[str, Any]]:
        found = (await http.get("/api/v1/alerts", params={"station_id": "line-1"})).json()["alerts"]
        assert found
        return found

    for number in range(60):
        parts = part(f"b-{number}", Decision.FAIL)
        await said.say(inspection.PART_JUDGED, parts)
    await eventually(alerts, within=40)
    opened = len(await alerts())
    await eventually(lambda: len(client.told(SERVER)) >= opened, within=20)
    for told in client.told(SERVER):
        assert (told["SourceName"], told["ActiveState.Id"], told["AckedState.Id"]) == ("line-1", True, False)
        done = await client.ask(
            "acknowledge", condition=told["ConditionId"], event=told["EventId"]["hex"], comment="on my way"
        )
        assert done["status"] == "Good"

    async def seen() -> bool:
        assert all(each["acknowledged"] for each in await alerts())
        return True

    await eventually(seen)
    await eventually(lambda: client.told(SERVER)[-1]["AckedState.Id"] is True)
