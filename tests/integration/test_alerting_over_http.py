"""Rules, silences, channels and alerts through the gateway, with alerting behind it."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.alerting.adapters import NotifySettings
from andon.alerting.app import SERVICE as ALERTING
from andon.alerting.app import AlertingSettings, RuleSettings
from andon.contracts import auth
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "alerting" / "tests"))
from alerting_line import Line
from alerting_receivers import Web, web

RULE = {
    "title": "Scratches",
    "severity": "error",
    "condition": {"kind": "consecutive", "parts": 3, "clear_parts": 2},
    "scope": {"stations": ["line-1"]},
}


@dataclass
class Plant:
    engineer: httpx.AsyncClient
    operator: httpx.AsyncClient
    line: Line
    hook: Web


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings) -> AsyncIterator[Plant]:
    key, keys = new_private_key(), Service("auth", bus_settings)

    async def public(*_: object) -> auth.Keys:
        return auth.Keys(keys=(Signer(key).public,))

    async def none_ended(*_: object) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, none_ended)
    notify = NotifySettings(
        private_networks=(ip_network("127.0.0.0/8"),), group_seconds=0.1, pause_seconds=0.1, timeout=2
    )
    watching = AlertingSettings(
        bus=bus_settings, mongo=mongo_settings, rules=RuleSettings(minimum_parts=1000), notify=notify
    )
    facing = GatewaySettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1)
    )
    async with AsyncExitStack() as parts:
        await parts.enter_async_context(keys)
        inspector = await parts.enter_async_context(Service("inspection", bus_settings))
        await parts.enter_async_context(serving(ALERTING, watching))
        running = await parts.enter_async_context(serving(GATEWAY, facing))
        clients: list[httpx.AsyncClient] = []
        for role in ("engineer", "operator"):
            user = auth.User(id=role, username=role, roles=(auth.Role(role),), created_at=datetime.now(UTC))
            headers = {"Authorization": f"Bearer {Signer(key).sign(user, f'session-{role}')}"}
            url = f"http://127.0.0.1:{running.http_port}/api/v1"
            client = httpx.AsyncClient(base_url=url, headers=headers, timeout=20)
            clients.append(await parts.enter_async_context(client))
        hook = await parts.enter_async_context(web())
        yield Plant(clients[0], clients[1], Line(inspector), hook)


def good(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.long
async def test_from_a_rule_to_an_alert_that_is_seen_to(plant: Plant) -> None:
    engineer, operator = plant.engineer, plant.operator
    channel = {"title": "Line", "target": {"kind": "webhook", "url": plant.hook.url}}
    saved = good(await engineer.put("/alert-channels/line", json=channel))
    assert saved["secret"].startswith("whsec_")
    assert saved["channel"]["target"]["secret"] is None
    assert good(await engineer.post("/alert-channels/line/test"))["arrived"] is True
    saved = good(await engineer.put("/alert-rules/scratches", json={**RULE, "channels": ["line"]}))
    assert (saved["rule"]["revision"], saved["rule"]["changed_by"]) == (1, "engineer")
    await plant.line.judge(failed=3)
    await eventually(lambda: len(plant.hook.got) == 2)
    (group,) = good(await operator.get("/alert-groups"))["groups"]
    assert (group["rule"], group["open"], group["subjects"]) == ("scratches", 1, ["line-1"])
    early = {"until": "2020-01-01T00:00:00Z"}
    untouched = good(await operator.post("/alert-groups/scratches/acknowledge", json=early))
    assert untouched == {"count": 0, "left": 1}
    (alert,) = good(await operator.get("/alerts", params={"acknowledged": False}))["alerts"]
    assert (alert["title"], alert["severity"], alert["acknowledged"]) == ("Scratches", "error", False)
    seen = good(await operator.post(f"/alerts/{alert['id']}/acknowledge"))
    assert (seen["acknowledged"], seen["acknowledged_by"]) == (True, "operator")
    good(await operator.post(f"/alerts/{alert['id']}/comments", json={"text": "Wiped\nit"}))
    details = good(await operator.get(f"/alerts/{alert['id']}"))
    assert [each["what"] for each in details["history"]] == ["opened", "acknowledged", "commented"]
    assert (
        good(await operator.get("/alerts?acknowledged=true&state=acknowledged"))["alerts"][0]["comments"] == 1
    )
    over = good(await operator.post(f"/alerts/{alert['id']}/resolve", json={"reason": "clean"}))
    assert over["state"] == "resolved"
    sent = good(await engineer.get("/alert-notices", params={"alert_id": alert["id"]}))
    assert {each["change"] for each in sent["notices"]} == {"opened", "resolved"}


async def test_rules_are_tried_refused_and_put_back(plant: Plant) -> None:
    engineer = plant.engineer
    never = {**RULE, "condition": {"kind": "threshold", "metric": "fail_rate", "limit": 1}}
    refused = await engineer.put("/alert-rules/never", json=never)
    assert (refused.status_code, "can never fire" in refused.json()["detail"]) == (422, True)
    preview = good(await engineer.post("/alert-rules/preview", json={"rule": RULE, "hours": 1}))
    assert preview["total"] == 0
    assert preview["remarks"] == []
    good(await engineer.put("/alert-rules/fail-rate-high", json={**RULE, "revision": 0}))
    conflict = await engineer.put("/alert-rules/fail-rate-high", json={**RULE, "revision": 0})
    assert conflict.status_code == 409
    history = good(await engineer.get("/alert-rules/fail-rate-high/history"))["revisions"]
    assert [each["revision"] for each in history] == [1]
    back = good(await engineer.delete("/alert-rules/fail-rate-high"))
    assert back["rule"]["title"] == "High Defect Rate"
    assert "fail-rate-high" in [each["id"] for each in good(await engineer.get("/alert-rules"))["rules"]]


async def test_a_silence_is_made_shown_and_ended(plant: Plant) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {"reason": "Lamp is changed", "ends_at": ends, "stations": ["line-1"]}
    made = good(await plant.engineer.post("/alert-silences", json=body))
    assert [each["id"] for each in good(await plant.operator.get("/alert-silences"))["silences"]] == [
        made["id"]
    ]
    good(await plant.engineer.delete(f"/alert-silences/{made['id']}"))
    assert good(await plant.operator.get("/alert-silences"))["silences"] == []
    ended = good(await plant.operator.get("/alert-silences", params={"ended": True}))["silences"]
    assert ended[0]["ended_by"] == "engineer"


BAD = [
    ("put", "/alert-rules/x", {**RULE, "condition": {"kind": "magic"}}, "condition"),
    ("put", "/alert-rules/x", {**RULE, "surprise": 1}, "surprise"),
    ("put", "/alert-rules/.x", RULE, "id"),
    ("put", "/alert-rules/x", {**RULE, "channels": ["nobody"]}, "channels"),
    ("put", "/alert-channels/x", {"title": "t", "target": {"kind": "webhook", "url": "file:///x"}}, "url"),
    (
        "put",
        "/alert-channels/x",
        {"title": "t", "target": {"kind": "webhook", "url": "http://u:p@h/"}},
        "url",
    ),
    ("post", "/alert-silences", {"reason": "x", "ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
    ("post", "/alert-silences", {"reason": "x", "ends_at": "2020-01-01T00:00:00"}, "ends_at"),
    ("post", "/alerts/none/comments", {"text": ""}, "text"),
    ("post", "/alert-groups/x/acknowledge", {"until": "yesterday"}, "until"),
    ("get", "/alert-notices?state=lost", None, "state"),
    ("get", "/alerts?before=yesterday", None, "before"),
]


@pytest.mark.parametrize("what", ["bad input", "strangers", "what is not there"])
async def test_what_can_not_be_done_is_said(plant: Plant, what: str) -> None:
    engineer, operator = plant.engineer, plant.operator
    if what == "bad input":
        for method, path, body, field in BAD:
            answer = await engineer.request(method, path, json=body)
            assert answer.status_code in (400, 422), (path, answer.text)
            assert field in answer.json()["detail"], (path, answer.text)
        nan = '{"title": "t", "condition": {"kind": "threshold", "metric": "pass_rate", "limit": NaN}}'
        answer = await engineer.put(
            "/alert-rules/x", content=nan, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422), answer.text
    elif what == "strangers":
        for method, path in (
            ("put", "/alert-rules/x"), ("delete", "/alert-rules/x"), ("get", "/alert-channels"),
            ("post", "/alert-channels/x/test"), ("get", "/alert-notices"), ("delete", "/alert-silences/x"),
        ):  # fmt: skip
            answer = await operator.request(method, path, json=RULE if method == "put" else None)
            assert answer.status_code == 403, (path, answer.text)
    else:
        for method, path, body in (
            ("get", "/alerts/none", None), ("post", "/alerts/none/acknowledge", None),
            ("post", "/alerts/none/comments", {"text": "x"}), ("post", "/alerts/none/resolve", {}),
            ("get", "/alert-rules/none", None), ("delete", "/alert-rules/none", None),
            ("get", "/alert-rules/none/history", None), ("delete", "/alert-channels/none", None),
            ("post", "/alert-channels/none/test", None), ("delete", "/alert-silences/none", None),
        ):  # fmt: skip
            answer = await engineer.request(method, path, json=body)
            assert answer.status_code == 404, (path, answer.text)
