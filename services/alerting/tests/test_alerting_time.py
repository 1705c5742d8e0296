"""What time does to alerts: clocks that jump, cameras that fall silent, shifts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from alerting_line import Line

from andon.alerting.app import AlertingSettings, RuleSettings, build
from andon.messaging import BusSettings, Service
from andon.runtime import ServiceDefinition, serving
from andon.storage import MongoSettings
from andon.testing import eventually


class Clock:
    """The wall clock, and how wrong it is."""

    def __init__(self) -> None:
        self.off = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.off


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def plant(bus: BusSettings, mongo: MongoSettings, clock: Clock) -> AsyncIterator[Line]:
    settings = AlertingSettings(bus=bus, mongo=mongo, rules=RuleSettings(minimum_parts=10))
    definition = ServiceDefinition("alerting", AlertingSettings, lambda chosen: build(chosen, clock))
    async with Service("inspection", bus) as service, serving(definition, settings):
        yield Line(service)


@pytest.mark.long
async def test_a_clock_that_jumps_opens_nothing_and_forgets_nothing(
    bus_settings: BusSettings, mongo_settings: MongoSettings, clock: Clock
) -> None:
    clock.off = timedelta(minutes=-18)
    async with plant(bus_settings, mongo_settings, clock) as line:
        await line.judge(failed=12, ago=18 * 60)
        await eventually(line.has(1, rule="pass-rate-low"))
        clock.off = timedelta()
        await line.judge(passed=200)
        await eventually(line.has(1, rule="pass-rate-low", state="resolved"))
        for minutes in (-17, 300, -2000, 0):  # at the first the defects are a minute old, and nothing else is
            clock.off = timedelta(minutes=minutes)
            for _ in range(2):  # what is kept after the second was looked at by this clock
                await line.judge(passed=2, station="other", ago=-60 * minutes)
                await eventually(await line.counted(mongo_settings))
            assert len(await line.alerts(rule="pass-rate-low")) == 1
        await line.judge(failed=100)
        await eventually(line.has(2, rule="pass-rate-low"))


@pytest.mark.long
async def test_a_camera_that_falls_silent_is_noticed_until_it_is_back(
    bus_settings: BusSettings, mongo_settings: MongoSettings, clock: Clock
) -> None:
    async with plant(bus_settings, mongo_settings, clock) as line:
        await line.put_rule("camera-silent", condition={"kind": "camera_silent", "seconds": 10})
        await line.judge(passed=1)
        await eventually(await line.counted(mongo_settings))
        clock.off = timedelta(hours=2)  # no jump of the clock makes a camera silent
        await line.judge(passed=1, ago=-7200)
        await eventually(await line.counted(mongo_settings))
        assert await line.alerts(rule="camera-silent") == ()
        await eventually(line.has(1, rule="camera-silent"), within=20, every=0.2)
        await line.judge(passed=1, ago=-7200)
        await eventually(line.has(1, rule="camera-silent", state="resolved"))


async def test_a_rule_holds_in_its_shift_alone(
    bus_settings: BusSettings, mongo_settings: MongoSettings, clock: Clock
) -> None:
    async with plant(bus_settings, mongo_settings, clock) as line:
        later = clock() + timedelta(hours=2)
        begin, end = later, later + timedelta(hours=8)
        days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        shift = {"days": days, "begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
        row = {"kind": "consecutive", "parts": 2}
        await line.put_rule("night", condition=row, schedule={"shifts": [shift]})
        await line.put_rule("always", condition=row)
        await line.judge(failed=3)
        await eventually(line.has(1, rule="always"))
        assert await line.alerts(rule="night") == ()
        clock.off = timedelta(hours=3)
        await line.judge(failed=3, ago=-3 * 3600)
        await eventually(line.has(1, rule="night"))
