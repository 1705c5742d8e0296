"""What people change of alerting is said, and no secret with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from alerting_line import Line

from andon.alerting.app import SERVICE, AlertingSettings
from andon.contracts import alerting, stream_of
from andon.contracts.alerting import ChannelChanged, RuleChanged, Silence
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import MongoSettings

FAILS = {"kind": "threshold", "metric": "fail_rate", "limit": 0.5, "window_minutes": 60, "minimum_parts": 4}


@pytest.fixture
async def line(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AsyncIterator[Line]:
    settings = AlertingSettings(bus=bus_settings, mongo=mongo_settings)
    async with Service("inspection", bus_settings) as service, serving(SERVICE, settings):
        yield Line(service)


async def said(line: Line) -> list[object]:
    """Everything but alerts, oldest first."""
    kept = await line.bus.replay(stream_of(alerting.RULE_CHANGED), 0, 1000)
    return [message for _, message, _ in kept if not isinstance(message, alerting.Alert)]


async def test_who_made_changed_and_removed_a_rule_is_said(line: Line) -> None:
    saved = await line.put_rule("mine", condition=FAILS)
    came = await line.ask(alerting.RULE_READ, alerting.ReadRule(id="device-lost"))
    changed = await line.put_rule("device-lost", condition={"kind": "device_lost"}, enabled=False)
    for rule_id in ("mine", "device-lost"):
        await line.ask(alerting.RULE_DELETE, alerting.DeleteRule(id=rule_id, by="olga"))
    assert await said(line) == [
        RuleChanged(id="mine", by="erik", rule=saved.rule),
        RuleChanged(id="device-lost", by="erik", rule=changed.rule),
        RuleChanged(id="mine", by="olga", rule=None),
        RuleChanged(id="device-lost", by="olga", rule=came),
    ]


async def test_a_silence_is_said_when_it_is_made_and_when_it_is_ended(line: Line) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    made = await line.ask(
        alerting.SILENCE_ADD, alerting.AddSilence(reason="lamp", by="olga", ends_at=ends, stations=("a",))
    )
    ended = await line.ask(alerting.SILENCE_END, alerting.EndSilence(id=made.id, by="erik"))
    await line.ask(alerting.SILENCE_END, alerting.EndSilence(id=made.id, by="erik"))
    assert await said(line) == [made, ended]
    assert isinstance(ended, Silence)
    assert ended.ended_by == "erik"


async def test_a_channel_is_said_without_what_it_holds(line: Line) -> None:
    await line.put_channel("hook", {"kind": "webhook", "url": "https://10.0.0.1/x", "secret": "s" * 20})
    tested = await line.ask(alerting.CHANNEL_TEST, alerting.ChannelById(id="hook", by="erik"))
    assert not tested.arrived
    await line.ask(alerting.CHANNEL_DELETE, alerting.ChannelById(id="hook", by="olga"))
    assert await said(line) == [
        ChannelChanged(id="hook", by="erik"),
        ChannelChanged(id="hook"),
        ChannelChanged(id="hook", by="olga", gone=True),
    ]
