"""A burst of defects on the running product's line: one alert, told everywhere, acknowledged in SCADA."""

import asyncio
import hashlib
import hmac
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.runtime.embedded import LOOPBACK, free_ports
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "alerting" / "tests"))

from alerting_receivers import Broker, Mailbox, Request, Web, broker, mailbox, web
from node_opcua import NodeClient
from opcua_line import needs_node

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

STATION = "burst"
OLGA = {"username": "olga", "password": "correct horse battery"}
FIELDS = [
    "EventId",
    "ConditionId",
    "SourceName",
    "Message",
    "ActiveState.Id",
    "AckedState.Id",
    "ClientUserId",
]
SERVER = "i=2253"


@dataclass
class Plant:
    """Whoever stands around the line."""

    admin: httpx.AsyncClient
    hook: Web
    mail: Mailbox
    broker: Broker
    scada: NodeClient

    async def put_channel(self, name: str, **target: Any) -> dict[str, Any]:
        body = {"title": name, "target": {"kind": name, **target}}
        saved = await self.admin.put(f"/api/v1/alert-channels/{name}", json=body)
        assert saved.status_code == 200, saved.text
        return saved.json()

    async def have_judged_like(self, station: str) -> None:
        """Give our station, which nobody has counted at, the model of another one."""
        place = {"mode": "judge", "mm_per_pixel_x": 0.1, "mm_per_pixel_y": 0.1}
        assert (await self.admin.put(f"/api/v1/stations/{STATION}", json=place)).status_code == 200
        active = (await self.admin.get("/api/v1/models/active")).json()["active"]
        (version,) = (each["version_id"] for each in active if each["station_id"] == station)
        deployed = await self.admin.post(f"/api/v1/models/{version}/deploy", json={"station_ids": [STATION]})
        assert deployed.status_code == 200, deployed.text

    def told_by_webhook(self, change: str) -> list[dict[str, Any]]:
        every = [each for got in self.hook.got for each in got.json["alerts"]]
        return [each for each in every if (each["subject"], each["change"]) == (STATION, change)]

    def told_by_mail(self) -> list[str]:
        every = [
            message_from_bytes(each.original_content or b"", policy=policy.default) for each in self.mail.got
        ]
        texts = [str(each.get_content()) for each in every]
        return [each for each in texts if f"at {STATION}" in each]

    def told_by_mqtt(self) -> list[dict[str, Any]]:
        return [each for _, each in self.broker.heard if each["subject"] == STATION]

    def told_by_opcua(self) -> list[dict[str, Any]]:
        return [each for each in self.scada.told(SERVER) if each["SourceName"] == STATION]

    async def recorded(self, alert_id: str, name: str) -> bool:
        """In the audit log."""
        found = await self.admin.get("/api/v1/audit", params={"action": "opcua.alert.acknowledge"})
        entries = [(each["target"], each["actor"]["name"]) for each in found.json()["entries"]]
        return (alert_id, name) in entries

    async def alerts(self) -> list[dict[str, Any]]:
        found = await self.admin.get("/api/v1/alerts", params={"station_id": STATION})
        return found.json()["alerts"]


@pytest.fixture
async def plant(product, tmp_path: Path) -> AsyncIterator[Plant]:
    needs_node()
    async with AsyncExitStack() as stack:
        with product.client() as signed_in:
            headers = {"Authorization": signed_in.headers["Authorization"]}
        admin = httpx.AsyncClient(base_url=product.url, headers=headers, timeout=30)
        await stack.enter_async_context(admin)
        made = await admin.post("/api/v1/users", json={**OLGA, "roles": ["operator"]})
        assert made.status_code in (200, 201), made.text
        for rule in (await admin.get("/api/v1/alert-rules")).json()["rules"]:
            if not rule["builtin"]:  # of another test with the same product
                await admin.delete(f"/api/v1/alert-rules/{rule['id']}")
        hook = await stack.enter_async_context(web())
        box = await stack.enter_async_context(mailbox())
        there = await stack.enter_async_context(broker(tmp_path, "plant/#", lambda: free_ports(1)[0]))
        scada = await stack.enter_async_context(NodeClient(tmp_path / "node"))
        as_olga = {"user": OLGA["username"], "password": OLGA["password"]}
        await scada.connect(product.opcua_url, policy="Basic256Sha256", application="scada", **as_olga)
        yield Plant(admin, hook, box, there, scada)
        for name in ("webhook", "email", "mqtt"):
            await admin.delete(f"/api/v1/alert-channels/{name}")


async def test_a_burst_of_defects_is_one_alert_everywhere_and_acknowledged_in_scada(
    product, plant: Plant
) -> None:
    secret = (await plant.put_channel("webhook", url=plant.hook.url))["secret"]
    await plant.put_channel(
        "email", host=LOOPBACK, port=plant.mail.port, security="none", sender="andon@plant.example",
        to=["olga@plant.example"],
    )  # fmt: skip
    await plant.put_channel(
        "mqtt", host=LOOPBACK, port=plant.broker.port, topic="plant/alerts", user="andon", password="secret"
    )
    await plant.have_judged_like(product.station)
    await plant.scada.ask("events", node=SERVER, fields=FIELDS, type="AlarmConditionType")

    shown = ("--station", STATION, "--rate", "0", "--good", "20", "--defects", "1", "--count", "50")
    await asyncio.to_thread(product.andon, "camera", *shown)

    await eventually(lambda: plant.told_by_webhook("opened"), within=60)
    await eventually(lambda: plant.told_by_mail() and plant.told_by_mqtt(), within=30)
    await eventually(plant.told_by_opcua, within=30)
    (alert,) = await plant.alerts()
    (opened,) = plant.told_by_webhook("opened")
    assert (alert["id"], alert["acknowledged"]) == (opened["id"], False)
    assert all(_is_signed(each, secret) for each in plant.hook.got)
    (letter,) = plant.told_by_mail()
    assert alert["message"] in letter
    assert [each["alert_id"] for each in plant.told_by_mqtt()] == [alert["id"]]

    alarm = plant.told_by_opcua()[-1]
    assert (alarm["Message"], alarm["ActiveState.Id"], alarm["AckedState.Id"]) == (
        alert["message"],
        True,
        False,
    )
    answer = {
        "condition": alarm["ConditionId"],
        "event": alarm["EventId"]["hex"],
        "comment": "cleaning the lens",
    }
    assert (await plant.scada.ask("acknowledge", **answer))["status"] == "Good"
    await eventually(lambda: plant.told_by_opcua()[-1]["AckedState.Id"] is True)
    assert plant.told_by_opcua()[-1]["ClientUserId"] == "olga"

    (alert,) = await plant.alerts()
    assert (alert["acknowledged"], alert["acknowledged_by"]) == (True, "olga")
    history = (await plant.admin.get(f"/api/v1/alerts/{alert['id']}")).json()["history"]
    steps = [(each["what"], each["by"], each["text"]) for each in history[1:]]
    assert ("acknowledged", "olga") in [each[:2] for each in steps]
    assert ("commented", "olga", "cleaning the lens") in steps
    await eventually(lambda: plant.recorded(alert["id"], "olga"))


def _is_signed(request: Request, secret: str) -> bool:
    """As https://www.standardwebhooks.com has a receiver check it."""
    told = request.headers
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + request.body
    key = b64decode(secret.removeprefix("whsec_"))
    made = b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(told["webhook-signature"], f"v1,{made}")
