"""Alerting dies by SIGKILL while parts come: nothing is counted twice or left out, one alert is told."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from andon.contracts import Unavailable, alerting
from andon.messaging import BusSettings, Service
from andon.storage import Mongo, MongoSettings
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "alerting" / "tests"))
from alerting_line import Line
from alerting_receivers import web

pytestmark = pytest.mark.long

ROUNDS, PARTS = 2, 250


async def started(bus: BusSettings, mongo: MongoSettings) -> Process:
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    variables = own | {
        "ANDON_BUS__URL": bus.url,
        "ANDON_MONGO__URI": mongo.uri,
        "ANDON_MONGO__PREFIX": mongo.prefix,
        "ANDON_NOTIFY__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "ANDON_NOTIFY__GROUP_SECONDS": "0.1",
        "ANDON_NOTIFY__PAUSE_SECONDS": "0.1",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "alerting",
        env=variables, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def answers(bus: Service) -> bool:
    try:
        await bus.ask(alerting.LIST, alerting.ListAlerts(), timeout=0.5)
    except Unavailable:
        return False
    return True


async def place(mongo: MongoSettings) -> int:
    """How far alerting says it has counted."""
    async with Mongo(mongo) as database:
        mark = await database.database("alerting")["marks"].find_one({"_id": "inspection-events"})
    return mark["seq"] if mark else 0


async def moved(mongo: MongoSettings, before: int) -> bool:
    return await place(mongo) > before


async def judged(mongo: MongoSettings) -> tuple[int, int]:
    """Parts in the kept counts, and how many of them passed."""
    async with Mongo(mongo) as database:
        hours = await database.database("alerting")["hours"].find({}).to_list()
    tallies = [minute["tally"] for hour in hours for minute in hour["minutes"]]
    return (
        sum(each["passed"] + each["failed"] + each["uncertain"] for each in tallies),
        sum(each["passed"] for each in tallies),
    )


@pytest.mark.timeout(120)
async def test_a_killed_alerting_counts_each_part_once_and_tells_one_alert(
    bus_settings: BusSettings, mongo_settings: MongoSettings
) -> None:
    async with Service("inspection", bus_settings) as bus, web() as hook:
        line = Line(bus)
        process = await started(bus_settings, mongo_settings)
        try:
            await eventually(lambda: answers(bus), within=40)
            await line.put_channel("hook", {"kind": "webhook", "url": hook.url, "secret": "s" * 20})
            for _ in range(ROUNDS):
                before = await place(mongo_settings)
                saying = asyncio.create_task(line.judge(passed=PARTS, failed=PARTS))
                await eventually(lambda before=before: moved(mongo_settings, before), within=40, every=0.01)
                process.kill()
                await process.wait()
                await saying
                process = await started(bus_settings, mongo_settings)
            await eventually(lambda: answers(bus), within=40)
            await eventually(await line.counted(mongo_settings), within=60, every=0.2)
            assert await judged(mongo_settings) == (2 * ROUNDS * PARTS, ROUNDS * PARTS)
            await eventually(line.has(1, rule="pass-rate-low"), within=20)
            await eventually(lambda: hook.got, within=20)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        told = [(each["change"], each["rule"]) for got in hook.got for each in got.json["alerts"]]
        assert told.count(("opened", "pass-rate-low")) == 1
