"""A question gets its answer, or the error that the other side raised."""

import asyncio

import nats
import pytest

from andon.contracts import Conflict, Invalid, NotFound, Refused, TooLarge, Unavailable
from andon.contracts.inspection import INSPECT, FrameCaptured, Inspection
from andon.contracts.station import GET, LIST, GetStation, ListStations, Station, Stations
from andon.messaging import Delivery, Service
from andon.telemetry import trace
from andon.testing import build, eventually


async def test_a_question_gets_its_answer(bus_settings):
    async def answer(question: GetStation, _delivery: Delivery) -> Station:
        return build.station(id=question.id)

    inspection = Service("inspection", bus_settings)
    inspection.answers(GET, answer)
    async with inspection, Service("gateway", bus_settings) as gateway:
        assert await gateway.ask(GET, GetStation(id="press-4")) == build.station(id="press-4")


async def test_a_question_may_carry_an_image(bus_settings):
    seen = []

    async def answer(frame: FrameCaptured, delivery: Delivery) -> Inspection:
        seen.append((frame, delivery.body, delivery.sequence))
        return build.inspection(frame_id=frame.frame_id)

    inspection = Service("inspection", bus_settings)
    inspection.answers(INSPECT, answer)
    async with inspection, Service("gateway", bus_settings) as gateway:
        record = await gateway.ask(INSPECT, build.frame(frame_id="f 1"), body=b"\xff\xd8" * 50_000)
    assert record.frame_id == "f 1"
    assert seen == [(build.frame(frame_id="f 1"), b"\xff\xd8" * 50_000, 0)]


async def test_a_refusal_arrives_as_the_error_that_was_raised(bus_settings):
    async def answer(_question: GetStation, _delivery: Delivery) -> Station:
        raise Conflict("changed meanwhile", {"revision": "is 4"})

    inspection = Service("inspection", bus_settings)
    inspection.answers(GET, answer)
    async with inspection, Service("gateway", bus_settings) as gateway:
        with trace("test") as span, pytest.raises(Conflict, match="changed meanwhile") as caught:
            await gateway.ask(GET, GetStation(id="a"))
    assert caught.value.problem.fields == {"revision": "is 4"}
    assert caught.value.problem.trace_id == format(span.get_span_context().trace_id, "032x")


async def test_a_bug_arrives_as_a_500_that_tells_nothing_but_its_trace(bus_settings):
    async def answer(_question: GetStation, _delivery: Delivery) -> Station:
        raise KeyError("secret")

    inspection = Service("inspection", bus_settings)
    inspection.answers(GET, answer)
    async with inspection, Service("gateway", bus_settings) as gateway:
        with pytest.raises(Refused) as caught:
            await gateway.ask(GET, GetStation(id="a"))
    problem = caught.value.problem
    assert (problem.code, problem.status) == ("internal", 500)
    assert "secret" not in problem.message
    assert problem.trace_id


async def test_an_unreadable_question_is_invalid(bus_settings):
    async def answer(_question: GetStation, _delivery: Delivery) -> Station:
        raise NotFound("never reached")

    inspection = Service("inspection", bus_settings)
    inspection.answers(GET, answer)
    client = await nats.connect(bus_settings.url)
    try:
        async with inspection:
            reply = await client.request(GET.address, b'{"id": "no spaces allowed"}', timeout=2)
    finally:
        await client.close()
    assert reply.headers == {"Andon-Problem": "1"}
    assert Invalid.code.encode() in reply.data
    assert b'"id"' in reply.data


async def test_no_answerer_is_unavailable(bus_settings):
    async with Service("gateway", bus_settings) as gateway:
        with pytest.raises(Unavailable, match=r"nobody answers station.definition.list.v1"):
            await gateway.ask(LIST, ListStations(), timeout=0.3)


async def test_an_answerer_that_comes_late_is_waited_for(bus_settings):
    async def answer(_question: ListStations, _delivery: Delivery) -> Stations:
        return Stations(stations=())

    inspection = Service("inspection", bus_settings)
    inspection.answers(LIST, answer)
    async with Service("gateway", bus_settings) as gateway:
        asking = asyncio.create_task(gateway.ask(LIST, ListStations()))
        await asyncio.sleep(0)
        async with inspection:
            assert await asking == Stations(stations=())


async def test_a_slow_answerer_is_unavailable_in_time(bus_settings):
    async def answer(_question: ListStations, _delivery: Delivery) -> Stations:
        await asyncio.sleep(5)
        return Stations(stations=())

    inspection = Service("inspection", bus_settings)
    inspection.answers(LIST, answer)
    async with Service("gateway", bus_settings) as gateway:
        await inspection.start()
        with pytest.raises(Unavailable, match="no answer"):
            await gateway.ask(LIST, ListStations(), timeout=0.2)
        await inspection.stop(grace=0)


async def test_questions_are_answered_side_by_side_by_whoever_is_there(bus_settings):
    met = asyncio.Barrier(6)
    answered: list[str] = []

    def answerer(name: str) -> Service:
        async def answer(_question: ListStations, _delivery: Delivery) -> Stations:
            await met.wait()
            answered.append(name)
            return Stations(stations=())

        service = Service("inspection", bus_settings)
        service.answers(LIST, answer)
        return service

    async with answerer("a"), answerer("b"), Service("gateway", bus_settings) as gateway:
        await asyncio.gather(*(gateway.ask(LIST, ListStations()) for _ in range(6)))
    assert len(answered) == 6


async def test_stop_lets_a_running_answer_arrive(bus_settings):
    asked = asyncio.Event()

    async def answer(_question: ListStations, _delivery: Delivery) -> Stations:
        asked.set()
        await asyncio.sleep(0.2)
        return Stations(stations=())

    inspection = Service("inspection", bus_settings)
    inspection.answers(LIST, answer)
    async with Service("gateway", bus_settings) as gateway:
        await inspection.start()
        asking = asyncio.create_task(gateway.ask(LIST, ListStations()))
        await asked.wait()
        await inspection.stop()
        assert await asking == Stations(stations=())


async def test_more_than_the_bus_takes_is_too_large(bus_settings):
    async with Service("gateway", bus_settings) as gateway:
        body = bytes(gateway._connection.client.max_payload + 1)
        with pytest.raises(TooLarge):
            await gateway.ask(INSPECT, build.frame(), body=body)


async def test_ping_tells_whether_the_broker_is_there(bus_settings, nats_process):
    async with Service("gateway", bus_settings) as gateway:
        await gateway.ping()
        nats_process.kill()
        with pytest.raises(Unavailable):
            await gateway.ping()
        await nats_process.start()
        await eventually(lambda: _pings(gateway))


async def _pings(service: Service) -> bool:
    try:
        await service.ping()
    except Unavailable:
        return False
    return True
