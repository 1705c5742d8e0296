"""The helper's feed: calm about what repeats itself, bounded towards who does not read."""

import asyncio
from datetime import UTC, datetime

import pytest

from andon.contracts import NotFound, queue, sync
from andon.contracts.queue import DeviceDeleted
from andon.contracts.sync import Change, FileChanged
from andon.gateway.cvlab.events import feed_of
from andon.gateway.realtime.feed import Ending
from andon.messaging import Delivery, Service

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def grown(size: int) -> FileChanged:
    return FileChanged(
        uid="20261121_0000", path="experiment/terminal_log.log", change=Change.GROWN, generation=1,
        offset=1, size=size, at=NOW,
    )  # fmt: skip


def told(subject, sequence: int) -> Delivery:
    return Delivery(subject.address, sequence, 1, NOW, {}, b"")


@pytest.fixture
async def bus(bus_settings):
    async def unknown(*_):
        raise NotFound("there is no such job")

    line, bus = Service("queue", bus_settings), Service("gateway", bus_settings)
    line.answers(queue.GET, unknown)
    async with line, bus:
        yield bus


async def test_a_client_that_does_not_read_is_cut_off_and_holds_up_nobody(bus):
    feed = feed_of(bus)
    slow, quick = await feed.join("s1", "ws"), await feed.join("s2", "ws")
    for number in range(300):
        gone = DeviceDeleted(id=f"edge-{number}", at=NOW)
        await feed.hear(gone, told(queue.DEVICE_DELETED, number + 1))
        assert (await quick.next()).sequence == number + 1
    assert (slow.ending, quick.ending) == (Ending.SLOW, None)


async def test_the_latest_of_what_repeats_itself_is_never_lost(bus):
    feed = feed_of(bus)
    feed.rest = 0.05
    client = await feed.join("s", "ws")
    for size in range(1, 6):
        await feed.hear(grown(size), told(sync.FILE_CHANGED, size))
    async with asyncio.timeout(10):
        first, last = await client.next(), await client.next()
    assert ('"size":1' in first.body, first.sequence) == (True, 1)
    assert ('"size":5' in last.body, last.sequence) == (True, 0)
