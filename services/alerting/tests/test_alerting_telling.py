"""Who is told of an alert, through real servers, and what becomes of what can't be told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from alerting_line import Line
from alerting_receivers import LOOPBACK, Web, broker, mailbox, web

from andon.alerting.adapters import NotifySettings
from andon.alerting.adapters.webhook import signature
from andon.alerting.app import SERVICE, AlertingSettings, RuleSettings
from andon.contracts import Conflict, Invalid, NotFound, alerting
from andon.contracts.alerting import AcknowledgeAlert, NoticeState
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.runtime.embedded import free_ports
from andon.storage import Mongo, MongoSettings
from andon.testing import eventually

SECRET = "a secret of sixteen and more"


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AlertingSettings:
    notify = NotifySettings(
        private_networks=(ip_network("127.0.0.0/8"),),
        secret="the operator's own secret",  # type: ignore[arg-type] - pydantic makes it one
        timeout=1,
        group_seconds=0.3,
        pause_seconds=0.1,
        attempts=3,
        first_retry=0.1,
        longest_retry=0.2,
    )
    rules = RuleSettings(minimum_parts=10)
    return AlertingSettings(bus=bus_settings, mongo=mongo_settings, rules=rules, notify=notify)


@pytest.fixture
async def line(settings: AlertingSettings, bus_settings: BusSettings) -> AsyncIterator[Line]:
    async with Service("inspection", bus_settings) as service, serving(SERVICE, settings):
        yield Line(service)


@pytest.fixture
async def hook() -> AsyncIterator[Web]:
    async with web() as receiver:
        yield receiver


def webhook(hook: Web, **values: Any) -> dict[str, Any]:
    return {"kind": "webhook", "url": hook.url, "secret": SECRET, **values}


async def notices(line: Line, **query: Any) -> alerting.Notices:
    return await line.ask(alerting.NOTICE_LIST, alerting.ListNotices(**query))


def changes(hook: Web) -> list[tuple[str, str]]:
    return [(each["change"], each["subject"]) for got in hook.got for each in got.json["alerts"]]


@pytest.mark.long
async def test_a_defect_burst_is_one_alert_by_webhook_mail_and_mqtt(
    line: Line, hook: Web, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mailbox())
        there = await stack.enter_async_context(broker(tmp_path, "plant/#", lambda: free_ports(1)[0]))
        await line.put_channel("hook", webhook(hook))
        mail = {"kind": "email", "host": LOOPBACK, "port": box.port, "security": "none",
                "sender": "andon@plant.example", "to": ["olga@plant.example"]}  # fmt: skip
        await line.put_channel("mail", mail, subject="$severity at $station")
        queue = {"kind": "mqtt", "host": LOOPBACK, "port": there.port, "topic": "plant/alerts",
                 "user": "andon", "password": "secret"}  # fmt: skip
        await line.put_channel("queue", queue)
        await line.judge(passed=5, failed=15)
        await eventually(lambda: hook.got and box.got and there.heard, within=20)
        (alert,) = await line.alerts()
        (request,) = hook.got
        seconds = int(request.headers["webhook-timestamp"])
        made = signature(SECRET, request.headers["webhook-id"], seconds, request.body)
        assert request.headers["webhook-signature"] == made
        assert [each["id"] for each in request.json["alerts"]] == [alert.id]
        assert b"Subject: warning at line-1" in (box.got[0].original_content or b"")
        assert there.heard[0][1]["alert_id"] == alert.id
        await line.judge(passed=300)
        await eventually(lambda: changes(hook) == [("opened", "line-1"), ("resolved", "line-1")])
        sent = await notices(line, state="sent")
        assert ({each.channel for each in sent.notices}, sent.dead) == ({"hook", "mail", "queue"}, 0)


async def test_what_comes_together_is_told_together(line: Line, hook: Web) -> None:
    await line.put_channel("hook", webhook(hook))
    for station in ("a", "b", "c"):
        await line.judge(failed=10, station=station)
    await eventually(lambda: len(changes(hook)) == 3)
    assert len(hook.got) <= 2
    assert await line.told() == [("opened", "a"), ("opened", "b"), ("opened", "c")]


@pytest.mark.long
async def test_a_webhook_that_fails_is_tried_again_then_dead_then_retried(line: Line, hook: Web) -> None:
    hook.status = 500
    await line.put_channel("hook", webhook(hook))
    async with web() as other:
        await line.put_channel("other", webhook(other))
        await line.judge(failed=10)

        async def dead() -> bool:
            return (await notices(line, state="dead")).dead == 1

        await eventually(dead, within=20)
        (lost,) = (await notices(line, state="dead")).notices
        assert (lost.attempts, lost.error, lost.channel) == (3, "it answered 500", "hook")
        # The failure is an alert of its own, told to who can still be told.
        await eventually(line.has(1, rule="channel-failing"))
        await eventually(lambda: ("opened", "hook") in changes(other))
        (channel, _) = (await line.ask(alerting.CHANNEL_LIST, alerting.ListChannels())).channels
        assert channel.failing_since is not None
        hook.status, hook.got = 200, []
        again = await line.ask(alerting.NOTICE_RETRY, alerting.RetryNotices(by="erik"))
        assert again.count == 1
        await eventually(lambda: ("opened", "line-1") in changes(hook))
        await eventually(line.has(1, rule="channel-failing", state="resolved"))


async def test_a_webhook_that_hangs_holds_up_nobody_else(line: Line, hook: Web) -> None:
    async with web() as other:
        hook.status = 0
        await line.put_channel("hangs", webhook(hook))
        await line.put_channel("works", webhook(other))
        await line.judge(failed=10)
        await eventually(lambda: other.got)
        assert (await notices(line, channel="hangs")).notices[0].state is not NoticeState.SENT


@pytest.mark.long
async def test_dead_letters_can_be_dropped(line: Line, hook: Web) -> None:
    hook.status = 500
    await line.put_channel("hook", webhook(hook))
    await line.judge(failed=10)

    async def dead() -> bool:
        return (await notices(line)).dead == 1

    await eventually(dead, within=20)
    await line.ask(alerting.NOTICE_RETRY, alerting.RetryNotices(channel="hook", by="erik", discard=True))
    assert (await notices(line)).dead == 0
    assert [each.state for each in (await notices(line)).notices] == [NoticeState.DROPPED]


async def test_the_test_button_tells_the_truth(line: Line, hook: Web) -> None:
    await line.put_channel("hook", webhook(hook))
    press = alerting.ChannelById(id="hook", by="erik")
    assert (await line.ask(alerting.CHANNEL_TEST, press)).arrived
    assert changes(hook) == [("test", "")]
    hook.status = 302
    tested = await line.ask(alerting.CHANNEL_TEST, press)
    assert (tested.arrived, tested.error) == (
        False,
        "it answered 302: redirects are not followed, set the address itself",
    )
    with pytest.raises(NotFound):
        await line.ask(alerting.CHANNEL_TEST, alerting.ChannelById(id="none", by="erik"))


@pytest.mark.long
async def test_nobody_is_told_during_maintenance_and_of_what_was_over_before_its_end(
    line: Line, hook: Web, settings: AlertingSettings
) -> None:
    await line.put_channel("hook", webhook(hook))
    ends = datetime.now(UTC) + timedelta(hours=1)
    silence = await line.ask(
        alerting.SILENCE_ADD, alerting.AddSilence(reason="lamp", by="olga", ends_at=ends, stations=("a", "b"))
    )
    for station in ("a", "b", "c"):
        await line.judge(failed=10, station=station)
    await eventually(line.has(3))
    await eventually(lambda: changes(hook) == [("opened", "c")])
    assert {each.subject: each.silenced_until for each in await line.alerts()} == {
        "a": ends,
        "b": ends,
        "c": None,
    }
    await line.judge(passed=200, station="a")
    await eventually(line.has(1, station_id="a", state="resolved"))
    ended = await line.ask(alerting.SILENCE_END, alerting.EndSilence(id=silence.id, by="erik"))
    assert ended.ended_by == "erik"
    await eventually(lambda: ("opened", "b") in changes(hook))

    async def settled() -> bool:
        return not (await notices(line, state="waiting")).notices

    await eventually(settled)
    assert [change for change in changes(hook) if change[1] == "a"] in (
        [],
        [("opened", "a"), ("resolved", "a")],  # its silence ended before anybody had looked
    )
    with pytest.raises(Invalid, match="ends_at"):
        await line.ask(
            alerting.SILENCE_ADD, alerting.AddSilence(reason="x", by="o", ends_at=silence.begins_at)
        )


@pytest.mark.long
async def test_a_rule_names_who_is_told_and_severity_does_where_it_does_not(line: Line, hook: Web) -> None:
    async with web() as loud, web() as named:
        await line.put_channel("all", webhook(hook))
        await line.put_channel("loud", webhook(loud), minimum_severity="critical")
        await line.put_channel("named", webhook(named), minimum_severity="critical", resolved_too=False)
        row = {"kind": "consecutive", "parts": 2, "clear_parts": 1}
        await line.put_rule("row", condition=row, channels=["named"])
        await line.judge(failed=2, station="a")
        await eventually(lambda: changes(named) == [("opened", "a")])
        await line.judge(passed=1, station="a")
        await eventually(line.has(1, rule="row", state="resolved"))
        await line.judge(failed=10, station="b")
        await eventually(lambda: ("opened", "b") in changes(hook))
        assert ("resolved", "a") not in changes(named)
        assert (loud.got, [each for each in changes(hook) if each[1] == "a"]) == ([], [])
        with pytest.raises(Conflict, match="rule row names"):
            await line.ask(alerting.CHANNEL_DELETE, alerting.ChannelById(id="named", by="erik"))


async def test_secrets_are_sealed_kept_and_never_shown(
    line: Line, hook: Web, settings: AlertingSettings
) -> None:
    saved = await line.put_channel("hook", webhook(hook))
    assert (saved.secret, saved.channel.secret_set, saved.remarks) == (None, True, ())
    shown = (await line.ask(alerting.CHANNEL_LIST, alerting.ListChannels())).model_dump_json()
    assert SECRET not in shown
    async with Mongo(settings.mongo) as mongo:
        kept = await mongo.database("alerting")["channels"].find_one({"_id": "hook"})
    assert kept is not None
    assert SECRET not in str(kept)
    assert kept["secret"].startswith("sealed.")
    await line.put_channel("hook", webhook(hook, secret=None), body="$title: $message")
    await line.ask(alerting.CHANNEL_TEST, alerting.ChannelById(id="hook", by="erik"))
    (request,) = hook.got
    seconds = int(request.headers["webhook-timestamp"])
    made = signature(SECRET, request.headers["webhook-id"], seconds, request.body)
    assert request.headers["webhook-signature"] == made
    moved = await line.put_channel("hook", webhook(hook, secret=None, url=f"{hook.url}/other"))
    assert moved.secret is not None  # another place gets another secret
    assert moved.secret != SECRET


@pytest.mark.parametrize(
    ("target", "body", "field"),
    [
        ({"kind": "webhook", "url": "http://x.example/", "secret": "short"}, {}, "target.secret"),
        ({"kind": "webhook", "url": "http://x.example/"}, {"body": "$nothing"}, "body"),
        ({"kind": "webhook", "url": "http://x.example/"}, {"subject": "costs 5$"}, "subject"),
        ({"kind": "mqtt", "host": "x.example", "password": "p"}, {}, "target.user"),
        (
            {"kind": "email", "host": "x.example", "security": "none", "user": "u", "password": "p",
             "sender": "a@b.example", "to": ["c@d.example"]},
            {},
            "target.security",
        ),
        ({"kind": "apprise", "url": "file:///etc/passwd"}, {}, "target.url"),
        ({"kind": "apprise"}, {}, "target.url"),
    ],
)  # fmt: skip
async def test_a_channel_that_can_not_work_is_refused(line: Line, target, body, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await line.put_channel("mine", target, **body)
    assert list(refused.value.problem.fields) == [field]


@pytest.mark.long
async def test_what_was_not_sent_before_a_restart_is_sent_after_it_once(
    settings: AlertingSettings, bus_settings: BusSettings, hook: Web
) -> None:
    slow = settings.model_copy(update={"notify": settings.notify.model_copy(update={"group_seconds": 2.0})})
    async with Service("inspection", bus_settings) as bus:
        line = Line(bus)
        async with serving(SERVICE, slow):
            await line.put_channel("hook", webhook(hook))
            await line.judge(failed=10)
            await eventually(line.has(1))
        assert hook.got == []
        async with serving(SERVICE, slow):
            await eventually(lambda: hook.got, within=15)
            (alert,) = await line.alerts()
            await line.ask(alerting.ACKNOWLEDGE, AcknowledgeAlert(id=alert.id, by="olga"))
    assert changes(hook) == [("opened", "line-1")]


@pytest.mark.parametrize(
    "flood", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
async def test_a_flood_of_alerts_is_a_few_messages(line: Line, hook: Web, flood: int) -> None:
    await line.put_channel("hook", webhook(hook))
    await line.put_rule("row", condition={"kind": "consecutive", "parts": 2})
    for other in ("pass-rate-low", "fail-rate-high"):
        condition = {"kind": "threshold", "metric": "pass_rate", "limit": 0.9}
        await line.put_rule(other, condition=condition, enabled=False)
    stations = [f"s{number}" for number in range(flood)]
    for begin in range(0, flood, 200):
        await asyncio.gather(*(line.judge(failed=2, station=each) for each in stations[begin : begin + 200]))

    async def sent() -> bool:
        assert sum(got.json["total"] for got in hook.got) == flood
        return True

    await eventually(sent, within=max(45, flood / 25))
    assert len(hook.got) < max(30, flood / 50)
    assert len({subject for _, subject in await line.told()}) == flood
    assert len(await line.alerts(rule="row", limit=1000)) == min(flood, 1000)
