"""What is changed in the configuration holds in every service that uses it, while all of them run."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from andon.alerting.app import SERVICE as ALERTING
from andon.alerting.app import AlertingSettings, RuleSettings
from andon.contracts import alerting, auth, config, inspection, station
from andon.contracts.inspection import Decision
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.inspection.app import SERVICE as INSPECTION
from andon.inspection.app import InspectionSettings
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.testing import build, eventually

KEY = "sk-very-secret-1234"


@dataclass
class Stack:
    """Gateway, inspection and alerting, each real; who they are is told by a stand-in for auth."""

    client: httpx.AsyncClient
    bus: Service
    key: str

    def headers(self, role: str) -> dict[str, str]:
        user = auth.User(
            id=f"user-{role}", username=role, roles=(auth.Role(role),), created_at=datetime.now(UTC)
        )
        return {"Authorization": f"Bearer {Signer(self.key).sign(user, f'session-{role}')}"}

    async def change(self, role: str = "engineer", headers: dict[str, str] | None = None, **sections: Any):
        every = self.headers(role) | (headers or {})
        return await self.client.post("/api/v1/config", json=sections, headers=every)

    async def config(self) -> dict[str, Any]:
        answer = await self.client.get("/api/v1/config", headers=self.headers("operator"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def judge(self, passed: int, failed: int) -> None:
        for number, decision in enumerate([Decision.PASS] * passed + [Decision.FAIL] * failed):
            part = build.inspection(
                frame_id=f"f{number}", station_id="line-1", decision=decision, judged_at=datetime.now(UTC)
            )
            await self.bus.say(inspection.PART_JUDGED, part)

    async def alerts(self) -> list[alerting.Alert]:
        return list((await self.bus.ask(alerting.LIST, alerting.ListAlerts())).alerts)


@pytest.fixture
async def stack(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Stack]:
    shared = {"bus": bus_settings, "mongo": mongo_settings}
    key = new_private_key()
    bus = Service("auth", bus_settings)
    keys = auth.Keys(keys=(Signer(key).public,))

    async def told_keys(*_: object) -> auth.Keys:
        return keys

    async def told_ended(*_: object) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    bus.answers(auth.KEYS, told_keys)
    bus.answers(auth.ENDED, told_ended)
    judging = InspectionSettings(**shared, s3=blob_settings, data=tmp_path)
    watching = AlertingSettings(**shared, rules=RuleSettings(minimum_parts=10))
    facing = GatewaySettings(**shared, s3=blob_settings, http=HttpSettings(port=0, drain=1))
    async with AsyncExitStack() as parts:
        await parts.enter_async_context(bus)
        await parts.enter_async_context(serving(INSPECTION, judging))
        await parts.enter_async_context(serving(ALERTING, watching))
        running = await parts.enter_async_context(serving(GATEWAY, facing))
        base = f"http://127.0.0.1:{running.http_port}"
        client = await parts.enter_async_context(httpx.AsyncClient(base_url=base, timeout=15))
        yield Stack(client, bus, key)


@pytest.mark.long
async def test_a_change_is_checked_kept_told_and_lived_by(stack: Stack) -> None:
    before = await stack.config()
    assert before["revision"] == 0
    assert before["alerting"] == {"pass_rate_target": 0.9, "window_minutes": 15, "minimum_parts": 10}
    assert before["opcua"] == {"enabled": False}
    await stack.judge(passed=95, failed=5)

    answer = await stack.change(alerting={"pass_rate_target": 0.97})
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == '"1"'
    after = answer.json()
    assert (after["revision"], after["changed_by"]) == (1, "engineer")
    assert after["alerting"] == {"pass_rate_target": 0.97, "window_minutes": 15, "minimum_parts": 10}
    assert after["chosen"] == ["alerting.pass_rate_target"]

    [alert] = await eventually(stack.alerts, within=5)
    assert "Pass rate 95% is below the 97% target at line-1" in alert.message
    rule = await stack.bus.ask(alerting.RULE, alerting.GetRule())
    assert (rule.pass_rate_target, rule.minimum_parts) == (0.97, 10)

    assert (await stack.change(alerting={"pass_rate_target": None})).json()["revision"] == 2
    assert await stack.config() == {
        **before,
        **{k: v for k, v in (await stack.config()).items() if k[:7] == "changed"},
        "revision": 2,
    }

    async def back() -> bool:
        return (await stack.bus.ask(alerting.RULE, alerting.GetRule())).pass_rate_target == 0.9

    await eventually(back, within=2)


@pytest.mark.long
async def test_what_is_wrong_is_named_and_nothing_of_it_is_applied(stack: Stack) -> None:
    refused = [
        ({"alerting": {"pass_rate_target": 2}}, "alerting.pass_rate_target"),
        ({"alerting": {"pass_rate_target": "0.9"}}, "alerting.pass_rate_target"),
        ({"inspection": {"image_retention_days": 1.5}}, "inspection.image_retention_days"),
        ({"inspection": {"hold_failed": 1}}, "inspection.hold_failed"),
        ({"inspection": {"image_retention_days": 30, "retention": 3}}, "inspection.retention"),
        ({"surprise": {}}, "surprise"),
        ({"query": {"backend": "gemini"}}, "query.backend"),
        ({"query": {"backend": "openai"}}, "query.model"),
        ({"query": {"base_url": "file:///etc/passwd"}}, "query.base_url"),
        ({"query": {"base_url": "http://user:pw@host/"}}, "query.base_url"),
        ({"query": {"api_key_set": True}}, "query.api_key_set"),
        ({"opcua": {"enabled": True}}, "opcua"),
        ({"limits": {"others_per_minute": True}}, "limits.others_per_minute"),
        ({"alerting": 5}, "alerting"),
        ({"revision": -1}, "revision"),
    ]
    for body, field in refused:
        answer = await stack.change(**{"inspection": {"image_retention_days": 30}, **body})
        assert answer.status_code == 400, (body, answer.text)
        assert field in answer.json()["detail"], answer.text
    assert (await stack.change("operator", batch={"max_concurrent": 2})).status_code == 403
    assert (await stack.client.post("/api/v1/config", json={})).status_code == 401
    assert (await stack.client.get("/api/v1/config")).status_code == 401
    now = await stack.config()
    assert (now["revision"], now["inspection"]["image_retention_days"]) == (0, 90)


@pytest.mark.long
async def test_lost_updates_are_refused_and_what_changes_nothing_is_no_revision(stack: Stack) -> None:
    first = (await stack.change(batch={"max_concurrent": 2})).json()
    assert first["revision"] == 1
    late = await stack.change(revision=0, batch={"max_concurrent": 3})
    assert late.status_code == 409
    assert "revision 1" in late.json()["detail"]
    assert (await stack.change(headers={"If-Match": '"0"'}, batch={"max_concurrent": 3})).status_code == 409
    assert (await stack.change(headers={"If-Match": "no"}, batch={"max_concurrent": 3})).status_code == 400
    same = await stack.change(batch={"max_concurrent": 2})
    assert same.json()["revision"] == 1
    whole = await stack.client.post("/api/v1/config", json=first, headers=stack.headers("admin"))
    assert whole.status_code == 200, whole.text
    assert whole.json() == first
    good = await stack.change("admin", headers={"If-Match": '"1"'}, batch={"max_concurrent": 3})
    assert good.json()["revision"] == 2
    told = await stack.client.get("/api/v1/config/history", headers=stack.headers("operator"))
    assert [(each["revision"], each["changed_by"], each["changes"]) for each in told.json()["revisions"]] == [
        (2, "admin", [{"field": "batch.max_concurrent", "before": 2, "after": 3}]),
        (1, "engineer", [{"field": "batch.max_concurrent", "before": 4, "after": 2}]),
    ]
    page = await stack.client.get("/api/v1/config/history?before=2", headers=stack.headers("operator"))
    assert [each["revision"] for each in page.json()["revisions"]] == [1]


@pytest.mark.long
async def test_a_key_can_be_set_and_never_be_read_and_stays_with_its_address(stack: Stack) -> None:
    query = {"backend": "openai", "model": "small", "base_url": "http://127.0.0.1:9", "api_key": KEY}
    answer = await stack.change(query=query)
    assert answer.json()["query"]["api_key_set"] is True
    told = await stack.client.get("/api/v1/config/history", headers=stack.headers("admin"))
    said = await stack.bus.replay("config-events", 0, 10)
    assert KEY not in answer.text + told.text + repr(said) + repr(await stack.config())
    assert {"field": "query.api_key", "before": "not set", "after": "set"} in told.json()["revisions"][0][
        "changes"
    ]
    moved = await stack.change(query={"base_url": "http://127.0.0.1:10"})
    assert moved.json()["query"]["api_key_set"] is False


@pytest.mark.long
async def test_limits_hold_at_the_gateway_and_retention_at_the_inspector(stack: Stack) -> None:
    changed = await stack.change(
        "admin",
        limits={"others_per_minute": 3},
        inspection={"image_retention_days": 12, "max_gb": 5, "keep_passed": 0.25},
    )
    assert changed.status_code == 200, changed.text
    usage = await stack.bus.ask(inspection.USAGE, inspection.GetUsage())
    assert (usage.image_days, usage.max_gb) == (12, 5)
    made = await stack.bus.ask(station.PUT, station.PutStation(id="new"))
    assert made.recipe is not None
    assert made.recipe.evidence.keep_passed == 0.25

    async def limited() -> bool:
        headers = stack.headers("operator")
        return (await stack.client.get("/api/v1/config", headers=headers)).status_code == 429

    await eventually(limited, within=5, every=0.1)


async def test_who_starts_later_reads_the_document_first(stack: Stack, bus_settings, mongo_settings) -> None:
    await stack.change(alerting={"minimum_parts": 33})
    later = mongo_settings.model_copy(update={"prefix": f"{mongo_settings.prefix}x"})
    async with serving(ALERTING, AlertingSettings(bus=bus_settings, mongo=later)):

        async def every() -> bool:
            told = [await stack.bus.ask(alerting.RULE, alerting.GetRule()) for _ in range(8)]
            assert {rule.minimum_parts for rule in told} == {33}
            return True

        await eventually(every, within=3)
    document = await stack.bus.ask(config.GET, config.GetDocument())
    assert document.chosen == ("alerting.minimum_parts",)
