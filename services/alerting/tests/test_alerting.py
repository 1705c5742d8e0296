"""Alerts about parts that were judged on a real bus, kept in a real database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from andon.alerting.app import SERVICE, AlertingSettings, RuleSettings
from andon.alerting.domain.builtin import PassRate, builtin
from andon.alerting.domain.lifecycle import opened
from andon.alerting.domain.scopes import Subject
from andon.alerting.store.alerts import Alerts
from andon.alerting.store.rollups import Rollups
from andon.contracts import NotFound, alerting, inspection, stream_of
from andon.contracts.alerting import AcknowledgeAlert, Alert, AlertState, ListAlerts, Severity
from andon.contracts.inspection import Decision
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import Mongo, MongoSettings
from andon.testing import build, eventually


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AlertingSettings:
    rules = RuleSettings(minimum_parts=10, pass_rate_target=0.9, clear_margin=0.02)
    return AlertingSettings(bus=bus_settings, mongo=mongo_settings, rules=rules)


@pytest.fixture
async def line(bus_settings: BusSettings) -> AsyncIterator["Line"]:
    async with Service("inspection", bus_settings) as service:
        yield Line(service)


class Line:
    """The inspector that says parts, and a person who looks at alerts."""

    def __init__(self, bus: Service) -> None:
        self.bus = bus
        self._said = 0

    async def judge(self, *, passed: int = 0, failed: int = 0, station: str = "line-1") -> None:
        for decision in [Decision.PASS] * passed + [Decision.FAIL] * failed:
            self._said += 1
            part = build.inspection(
                id=f"part-{self._said}", station_id=station, decision=decision, judged_at=datetime.now(UTC)
            )
            await self.bus.say(inspection.PART_JUDGED, part)

    async def alerts(self, **query: Any) -> tuple[Alert, ...]:
        return (await self.bus.ask(alerting.LIST, ListAlerts(**query))).alerts

    async def said(self) -> list[tuple[str, str | None]]:
        kept = await self.bus.replay(stream_of(alerting.OPENED), 0, 100)
        return [
            (address.split(".")[2], alert.station_id)
            for address, alert, _ in kept
            if isinstance(alert, Alert)
        ]


def has(line: Line, count: int, **query: Any) -> Callable[[], Awaitable[bool]]:
    async def looked() -> bool:
        found = await line.alerts(**query)
        assert len(found) == count, found
        return True

    return looked


async def counted_to(settings: AlertingSettings, line: Line) -> None:
    """Until alerting has looked at everything that was said."""
    last = await line.bus.last_sequence(stream_of(inspection.PART_JUDGED))
    async with Mongo(settings.mongo) as mongo:
        rollups = Rollups(mongo)

        async def there() -> bool:
            return await rollups.mark(stream_of(inspection.PART_JUDGED)) == last

        await eventually(there)


async def test_a_bad_line_opens_one_alert_and_a_good_one_none(settings: AlertingSettings, line: Line) -> None:
    async with serving(SERVICE, settings):
        await line.judge(passed=8, failed=4)
        await line.judge(passed=20, station="line-2")
        await eventually(has(line, 1))
        await line.judge(failed=5)
        await counted_to(settings, line)
        (alert,) = await line.alerts()
        assert (alert.station_id, alert.severity, alert.state) == (
            "line-1",
            Severity.WARNING,
            AlertState.OPEN,
        )
        assert alert.title == "Pass rate below threshold"
        assert "is below the 90% target" in alert.message
        assert await line.said() == [("opened", "line-1")]


async def test_too_few_parts_open_nothing(settings: AlertingSettings, line: Line) -> None:
    async with serving(SERVICE, settings):
        await line.judge(failed=9)
        await counted_to(settings, line)
        assert await line.alerts() == ()
        await line.judge(failed=1)
        await eventually(has(line, 1))


@pytest.mark.long
async def test_recovery_resolves_and_a_relapse_opens_another(settings: AlertingSettings, line: Line) -> None:
    async with serving(SERVICE, settings):
        await line.judge(failed=10)
        await eventually(has(line, 1))
        (first,) = await line.alerts()
        await line.judge(passed=105)  # 91 %: above the target, not above the margin
        await counted_to(settings, line)
        assert (await line.alerts())[0].state is AlertState.OPEN
        await line.judge(passed=20)

        async def over() -> bool:
            return (await line.alerts())[0].state is AlertState.RESOLVED

        await eventually(over)
        assert await line.alerts(acknowledged=False) == ()
        await line.judge(failed=20)
        await eventually(has(line, 1, acknowledged=False))
        assert len({each.id for each in await line.alerts()} | {first.id}) == 2
        await eventually(lambda: _said_are(line, ["opened", "resolved", "opened"]))


async def _said_are(line: Line, verbs: list[str]) -> bool:
    assert [verb for verb, _ in await line.said()] == verbs
    return True


async def test_an_acknowledged_alert_stays_so_while_the_line_stays_bad(
    settings: AlertingSettings, line: Line
) -> None:
    async with serving(SERVICE, settings):
        await line.judge(failed=10)
        await eventually(has(line, 1, acknowledged=False))
        (alert,) = await line.alerts()
        seen = await line.bus.ask(alerting.ACKNOWLEDGE, AcknowledgeAlert(id=alert.id, by="olga"))
        assert (seen.state, seen.acknowledged_by) == (AlertState.ACKNOWLEDGED, "olga")
        again = await line.bus.ask(alerting.ACKNOWLEDGE, AcknowledgeAlert(id=alert.id, by="otto"))
        assert again == seen
        await line.judge(failed=10)
        await counted_to(settings, line)
        assert await line.alerts() == (seen,)
        assert await line.alerts(acknowledged=True) == (seen,)
        assert await line.alerts(acknowledged=False) == ()
        assert await line.alerts(severity=Severity.CRITICAL) == ()
        assert await line.alerts(severity=Severity.WARNING, station_id="line-1") == (seen,)
        assert [verb for verb, _ in await line.said()] == ["opened", "acknowledged"]


async def test_an_unknown_alert_is_not_found(settings: AlertingSettings, line: Line) -> None:
    async with serving(SERVICE, settings):
        with pytest.raises(NotFound):
            await line.bus.ask(alerting.ACKNOWLEDGE, AcknowledgeAlert(id="nope", by="olga"))


async def test_a_restart_opens_nothing_twice_and_remembers_the_window(
    settings: AlertingSettings, line: Line
) -> None:
    async with serving(SERVICE, settings):
        await line.judge(failed=10)
        await eventually(has(line, 1))
        await line.judge(passed=3, station="line-2")
    await line.judge(failed=7, station="line-2")
    async with serving(SERVICE, settings):
        await eventually(has(line, 2))  # line-2 became bad over the restart: 3 parts before it, 7 while away
        await counted_to(settings, line)
        assert sorted(await line.said()) == [("opened", "line-1"), ("opened", "line-2")]


async def test_two_replicas_open_one_alert(settings: AlertingSettings, line: Line) -> None:
    async with serving(SERVICE, settings), serving(SERVICE, settings):
        await line.judge(failed=12)
        await eventually(has(line, 1))
        await line.judge(failed=12)
        await counted_to(settings, line)
        assert len(await line.alerts()) == 1
        assert await line.said() == [("opened", "line-1")]


async def test_what_was_not_told_before_a_crash_is_told_after_it(
    settings: AlertingSettings, line: Line
) -> None:
    rule = builtin(PassRate())["pass-rate-low"]
    untold = opened(rule, Subject("line-9", "line-9"), "It was bad.", datetime.now(UTC))
    async with Mongo(settings.mongo) as mongo:
        await Alerts(mongo).add(untold)
    async with serving(SERVICE, settings):
        await eventually(lambda: _said_are(line, ["opened"]))
        assert (await line.alerts())[0].id == untold.id
