"""A flood of alerts is a few lines to look at, and a few answers to give."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from alerting_line import Line

from andon.alerting.app import SERVICE, AlertingSettings, RuleSettings
from andon.alerting.domain.builtin import PassRate, builtin
from andon.alerting.domain.groups import SHOWN, grouped
from andon.alerting.domain.lifecycle import Record, acknowledged, opened, resolved
from andon.alerting.domain.scopes import Subject
from andon.contracts import alerting
from andon.contracts.alerting import AcknowledgeGroup, ListGroups, Severity
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import MongoSettings
from andon.testing import eventually

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = builtin(PassRate())


def alert(rule: str, station: str, minute: int) -> Record:
    at = NOON + timedelta(minutes=minute)
    return opened(RULES[rule], Subject(station, station), "bad", at)


def test_alerts_are_put_together_by_their_rule_worst_first() -> None:
    low = [alert("pass-rate-low", f"s{number}", number) for number in range(SHOWN + 10)]
    low[-1] = acknowledged(low[-1], "olga", NOON + timedelta(hours=2))
    over = resolved(alert("pass-rate-low", "over", 500), NOON, "andon", "")
    lost = alert("device-lost", "gpu-1", 5)
    worst, most = grouped([*low, over, lost])
    assert (worst.rule, worst.severity, worst.open) == ("device-lost", Severity.ERROR, 1)
    assert (most.rule, most.open, most.acknowledged) == ("pass-rate-low", SHOWN + 9, 1)
    assert most.subjects == tuple(f"s{number}" for number in range(SHOWN + 8, 8, -1))
    assert (most.began_at, most.latest_at) == (low[0].timestamp, low[-1].timestamp)
    assert grouped([over]) == ()


def test_what_was_acknowledged_is_named_last() -> None:
    seen = acknowledged(alert("drift", "new", 9), "olga", NOON + timedelta(hours=1))
    (group,) = grouped([seen, alert("drift", "old", 1)])
    assert group.subjects == ("old", "new")


@pytest.fixture
async def line(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AsyncIterator[Line]:
    settings = AlertingSettings(
        bus=bus_settings, mongo=mongo_settings, rules=RuleSettings(minimum_parts=1000)
    )
    async with Service("inspection", bus_settings) as service, serving(SERVICE, settings):
        yield Line(service)


@pytest.mark.long
async def test_a_group_is_acknowledged_as_it_was_when_somebody_looked(line: Line) -> None:
    await line.put_rule("row", condition={"kind": "consecutive", "parts": 2})
    for station in ("a", "b"):
        await line.judge(failed=2, station=station)
    await eventually(line.has(2, rule="row"))
    looked = datetime.now(UTC)
    await line.judge(failed=2, station="later")
    await eventually(line.has(3, rule="row"))
    (group,) = (await line.ask(alerting.GROUP_LIST, ListGroups())).groups
    assert (group.rule, group.open, set(group.subjects)) == ("row", 3, {"a", "b", "later"})
    question = AcknowledgeGroup(rule="row", by="olga", until=looked)
    done = await line.ask(alerting.GROUP_ACKNOWLEDGE, question)
    assert (done.count, done.left) == (2, 1)
    again = await line.ask(alerting.GROUP_ACKNOWLEDGE, question)
    assert (again.count, again.left) == (0, 1)
    assert {(each.subject, each.acknowledged_by) for each in await line.alerts(rule="row")} == {
        ("a", "olga"), ("b", "olga"), ("later", None),
    }  # fmt: skip
    nobody = AcknowledgeGroup(rule="nothing", by="olga", until=looked)
    assert (await line.ask(alerting.GROUP_ACKNOWLEDGE, nobody)).count == 0
