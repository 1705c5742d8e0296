"""A document of another service is known as it is, whoever starts first and whatever was missed."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from andon.contracts import config
from andon.contracts.config import Document
from andon.messaging import Current, Service
from andon.testing import build, eventually


def document(number: int) -> Document:
    return Document(revision=number, changed_at=build.NOON + timedelta(seconds=number), changed_by="eve")


@asynccontextmanager
async def owner(settings, *said: int, answers: int | None = None):
    async def told(*_: object) -> Document:
        return document(answers or 0)

    service = Service("inspection", settings)
    if answers is not None:
        service.answers(config.GET, told)
    async with service:
        for number in said:
            await service.say(config.CHANGED, document(number))
        yield service


@asynccontextmanager
async def reader(settings):
    bus = Service("alerting", settings)
    current = Current(bus, config.GET, config.GetDocument(), config.CHANGED, lambda state: state.order)
    current.follow()
    async with bus:
        reading = asyncio.ensure_future(current.read())
        yield current
        reading.cancel()


async def test_the_owners_answer_counts_where_no_event_is_left(bus_settings):
    async with owner(bus_settings, answers=4), reader(bus_settings) as current:
        await asyncio.wait_for(current.settled.wait(), 5)
        assert current.value == document(4)


async def test_events_count_while_the_owner_is_away_and_it_is_asked_again(bus_settings):
    async with owner(bus_settings, 1, 2, 3):
        pass
    async with reader(bus_settings) as current:
        await asyncio.wait_for(current.settled.wait(), 10)
        assert current.value == document(3)
        async with owner(bus_settings, answers=7):
            await eventually(lambda: current.value == document(7))


async def test_every_newer_state_is_told_and_an_older_one_passed_over(bus_settings):
    async with owner(bus_settings, answers=5) as service, reader(bus_settings) as current:
        seen: list[int] = []
        current.on_change.append(lambda state: seen.append(state.revision))
        await asyncio.wait_for(current.settled.wait(), 5)
        for number in (4, 6, 2, 8):
            await service.say(config.CHANGED, document(number))
        await eventually(lambda: seen[-2:] == [6, 8])
        assert current.value == document(8)
