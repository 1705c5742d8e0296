"""Statistics and trends are asked for once in a while, and at once when a part came or went."""

import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from andon.contracts import Unavailable, inspection
from andon.gateway.answers import Answers
from andon.testing import build, eventually

STATISTICS = "/api/v1/statistics"
TRENDS = "/api/v1/trends"


@pytest.fixture(autouse=True)
def counting(line):
    """The line's total is the number of times it was asked, so that an old answer shows."""

    def statistics(question, _):
        total = len(line.questions(inspection.STATISTICS))
        return inspection.Statistics(
            total_inspections=total, passed=total, failed=0, uncertain=0, pass_rate=1.0,
            avg_inspection_time_ms=8.5, defect_breakdown={}, period_hours=question.hours,
        )  # fmt: skip

    def trends(question, _):
        total = (len(line.questions(inspection.TRENDS)),)
        return inspection.Trends(labels=("x",), total=total, passed=total, failed=(0,), uncertain=(0,))

    line.answers[inspection.STATISTICS] = statistics
    line.answers[inspection.TRENDS] = trends


async def total(client, path=STATISTICS):
    found = (await client.get(path)).json()
    return found["total_inspections"] if path.startswith(STATISTICS) else found["total"][0]


@pytest.mark.parametrize(
    ("path", "other"), [(STATISTICS, f"{STATISTICS}?station_id=a"), (TRENDS, f"{TRENDS}?interval=day")]
)
async def test_the_same_question_is_passed_on_once(client, path, other):
    assert [await total(client, path) for _ in range(3)] == [1, 1, 1]
    assert await total(client, other) == 2
    assert await total(client, path) == 1


async def test_many_that_ask_at_the_same_time_are_one_question(client):
    answers = await asyncio.gather(*(total(client, f"{STATISTICS}?hours=7") for _ in range(10)))
    assert answers == [1] * 10


@pytest.mark.long
async def test_after_a_part_s_event_the_answer_is_new(client, line, address):
    async with connect(f"ws://{address}/ws/dashboard?token={line.token()}", proxy=None) as socket:
        for number in range(5):
            before = await total(client, f"{STATISTICS}?hours=3")
            record = build.inspection(frame_id=f"frame-{number}")
            await line.bus.say(inspection.PART_JUDGED, record, once=record.id)
            async with asyncio.timeout(10):
                while json.loads(await socket.recv())["type"] != "inspection":
                    pass
            assert await total(client, f"{STATISTICS}?hours=3") > before


@pytest.mark.long
async def test_after_a_replayed_event_the_answer_is_new(client, line, address):
    for number in range(20):
        record = build.inspection(frame_id=f"frame-{number}")
        await total(client)
        await line.bus.say(inspection.PART_JUDGED, record, once=record.id)
        before = len(line.questions(inspection.STATISTICS))
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": str(number)}) as answer:
            async for text in answer.aiter_lines():
                if text.startswith("data: "):
                    break
        assert await total(client) > before


async def test_after_a_deleted_record_the_answer_is_new(client, line):
    before = await total(client, TRENDS)
    await line.bus.say(inspection.RECORD_DELETED, inspection.Deleted(id="x"))

    async def new():
        return await total(client, TRENDS) > before

    await eventually(new)


async def test_who_deletes_sees_the_difference_at_once(client, line):
    line.answers[inspection.DELETE] = inspection.Deleted(id="x")
    before = await total(client)
    await client.delete("/api/v1/inspect/x")
    assert await total(client) > before


async def test_what_is_refused_is_not_kept(client, line):
    kept = line.answers[inspection.STATISTICS]
    line.answers[inspection.STATISTICS] = Unavailable("The store is away.")
    assert (await client.get(STATISTICS)).status_code == 503
    line.answers[inspection.STATISTICS] = kept
    assert await total(client) == 2


async def test_an_answer_grows_old(line, bus_settings):
    from andon.messaging import Service  # noqa: PLC0415 - only this test needs a gateway's bus of its own

    now = 0.0
    async with Service("gateway", bus_settings) as bus:
        answers = Answers(bus, clock=lambda: now)

        async def asked():
            return (await answers.ask(inspection.STATISTICS, question, seconds=30)).total_inspections

        question = inspection.GetStatistics()
        assert await asked() == 1
        now = 29.9
        assert await asked() == 1
        now = 30.0
        assert await asked() == 2


async def test_an_answer_that_was_on_its_way_when_a_part_came_serves_nobody_after(line, bus_settings):
    from andon.messaging import Service  # noqa: PLC0415 - as above

    async with Service("gateway", bus_settings) as bus:
        answers = Answers(bus)
        early = asyncio.create_task(answers.ask(inspection.STATISTICS, inspection.GetStatistics(), 30))
        await asyncio.sleep(0)
        answers.drop()
        late = await answers.ask(inspection.STATISTICS, inspection.GetStatistics(), 30)
        assert (await early).total_inspections == 1
        assert late.total_inspections == 2
        again = await answers.ask(inspection.STATISTICS, inspection.GetStatistics(), 30)
        assert again.total_inspections == 2
