"""A follower gets every event in order, each once, from where it left off."""

import asyncio

import nats
import pytest

from andon.contracts import FEED, Unavailable
from andon.contracts.alerting import OPENED
from andon.contracts.auth import SESSION_ENDED
from andon.contracts.inspection import PART_JUDGED, RECORD_DELETED, Deleted
from andon.messaging import BusSettings, Delivery, Service
from andon.testing import build, eventually


class Diary:
    """What a follower heard, and where it is."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.ids: list[str] = []
        self.sequences: list[int] = []

    async def after(self) -> int:
        return self.position

    async def hear(self, message, delivery: Delivery) -> None:
        self.ids.append(message.id)
        self.sequences.append(delivery.sequence)
        self.position = delivery.sequence


def follower(settings: BusSettings, diary: Diary, *subjects) -> Service:
    service = Service("gateway", settings)
    service.follows(subjects or (RECORD_DELETED,), diary.hear, after=diary.after)
    return service


async def test_a_follower_hears_the_past_and_then_the_present_in_order(bus_settings):
    diary = Diary()
    async with Service("inspection", bus_settings) as inspection:
        for number in range(600):
            await inspection.say(RECORD_DELETED, Deleted(id=str(number)))
        async with follower(bus_settings, diary):
            await eventually(lambda: len(diary.ids) == 600)
            for number in range(600, 610):
                await inspection.say(RECORD_DELETED, Deleted(id=str(number)))
            await eventually(lambda: len(diary.ids) == 610)
    assert diary.ids == [str(number) for number in range(610)]
    assert diary.sequences == list(range(1, 611))


async def test_a_follower_goes_on_where_it_left_off(bus_settings):
    diary = Diary()
    async with Service("inspection", bus_settings) as inspection:
        async with follower(bus_settings, diary):
            await inspection.say(RECORD_DELETED, Deleted(id="a"))
            await eventually(lambda: diary.ids == ["a"])
        await inspection.say(RECORD_DELETED, Deleted(id="b"))
        async with follower(bus_settings, diary):
            await inspection.say(RECORD_DELETED, Deleted(id="c"))
            await eventually(lambda: diary.ids == ["a", "b", "c"])


async def test_below_zero_means_only_what_is_new(bus_settings):
    diary = Diary(-1)
    async with Service("inspection", bus_settings) as inspection:
        await inspection.say(RECORD_DELETED, Deleted(id="old"))
        async with follower(bus_settings, diary):
            await inspection.say(RECORD_DELETED, Deleted(id="new"))
            await eventually(lambda: diary.ids == ["new"])


async def test_subjects_of_several_contexts_come_in_one_sequence_from_the_feed(bus_settings):
    diary = Diary()
    async with (
        Service("inspection", bus_settings) as inspection,
        Service("alerting", bus_settings) as alerting,
        follower(bus_settings, diary, PART_JUDGED, OPENED),
    ):
        await inspection.say(PART_JUDGED, build.inspection())
        await inspection.say(RECORD_DELETED, Deleted(id="not followed"))
        await alerting.say(OPENED, build.alert())
        await eventually(lambda: sorted(diary.ids) == sorted([build.inspection().id, "alert-1"]))
        assert diary.sequences == sorted(set(diary.sequences))


async def test_a_failing_follower_tries_again_and_skips_nothing(bus_settings):
    heard: list[str] = []
    failures = 3

    async def hear(message, _delivery: Delivery) -> None:
        nonlocal failures
        if message.id == "b" and failures:
            failures -= 1
            raise Unavailable("the store is away")
        heard.append(message.id)

    async def after() -> int:
        return 0

    gateway = Service("gateway", bus_settings)
    gateway.follows([RECORD_DELETED], hear, after=after)
    async with gateway:
        for name in "abc":
            await gateway.say(RECORD_DELETED, Deleted(id=name))
        await eventually(lambda: heard == ["a", "b", "c"])
    assert failures == 0


async def test_a_place_that_can_not_be_read_yet_is_asked_for_again(bus_settings):
    diary = Diary()
    asked = 0

    async def after() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise Unavailable("the store is away")
        return 1

    gateway = Service("gateway", bus_settings)
    gateway.follows([RECORD_DELETED], diary.hear, after=after)
    async with Service("inspection", bus_settings) as inspection:
        for name in "ab":
            await inspection.say(RECORD_DELETED, Deleted(id=name))
        async with gateway:
            await eventually(lambda: diary.ids == ["b"])


async def test_an_unreadable_event_is_passed_over(bus_settings):
    diary = Diary()
    client = await nats.connect(bus_settings.url)
    async with follower(bus_settings, diary) as gateway:
        await client.jetstream().publish(RECORD_DELETED.address, b"not json")
        await gateway.say(RECORD_DELETED, Deleted(id="b"))
        await eventually(lambda: diary.ids == ["b"])
    await client.close()


async def test_a_follower_whose_reader_was_deleted_begins_a_new_one(bus_settings):
    diary = Diary()
    async with follower(bus_settings, diary) as gateway:
        await gateway.say(RECORD_DELETED, Deleted(id="a"))
        await eventually(lambda: diary.ids == ["a"])
        jetstream = gateway._connection.jetstream
        for info in await jetstream.consumers_info("inspection-events"):
            await jetstream.delete_consumer("inspection-events", info.name)
        await gateway.say(RECORD_DELETED, Deleted(id="b"))
        await eventually(lambda: diary.ids == ["a", "b"])


async def test_a_follower_far_ahead_of_its_stream_begins_anew(bus_settings):
    diary = Diary(position=700)
    async with Service("inspection", bus_settings) as inspection:
        await inspection.say(RECORD_DELETED, Deleted(id="a"))
        async with follower(bus_settings, diary):
            await eventually(lambda: diary.ids == ["a"])


async def test_a_follower_of_a_stream_that_lost_its_newest_hears_nothing_twice(bus_settings):
    diary = Diary(position=5)
    async with Service("inspection", bus_settings) as inspection:
        for name in "abc":
            await inspection.say(RECORD_DELETED, Deleted(id=name))
        async with follower(bus_settings, diary):
            await inspection.say(RECORD_DELETED, Deleted(id="d"))
            await eventually(lambda: diary.ids == ["d"])


async def test_stop_lets_the_message_at_work_end(bus_settings):
    begun, heard = asyncio.Event(), []

    async def hear(message, _delivery: Delivery) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        heard.append(message.id)

    async def after() -> int:
        return 0

    gateway = Service("gateway", bus_settings)
    gateway.follows([RECORD_DELETED], hear, after=after)
    await gateway.start()
    for name in "abcdef":
        await gateway.say(RECORD_DELETED, Deleted(id=name))
    await begun.wait()
    await gateway.stop()
    assert heard == ["a"]


async def test_a_stream_is_replayed_from_a_sequence(bus_settings):
    async with Service("inspection", bus_settings) as inspection:
        for number in range(5):
            await inspection.say(RECORD_DELETED, Deleted(id=str(number)))
        await eventually(lambda: _last(inspection, FEED, 5))
        replayed = await inspection.replay(FEED, 1, 3)
        assert [(address, message, delivery.sequence) for address, message, delivery in replayed] == [
            (RECORD_DELETED.address, Deleted(id="1"), 2),
            (RECORD_DELETED.address, Deleted(id="2"), 3),
            (RECORD_DELETED.address, Deleted(id="3"), 4),
        ]
        assert await inspection.replay(FEED, 5, 3) == []
        assert await inspection.replay(FEED, 99, 3) == []
        assert len(await inspection.replay(FEED, 0, 100)) == 5


async def test_a_stream_that_is_not_there_is_unavailable(bus_settings):
    async with Service("gateway", bus_settings) as gateway:
        with pytest.raises(Unavailable):
            await gateway.last_sequence("nowhere")
        with pytest.raises(Unavailable):
            await gateway.replay("nowhere", 0, 1)


def test_what_is_not_in_the_feed_is_not_followed_beside_other_contexts():
    diary = Diary()
    with pytest.raises(ValueError, match=r"auth\.session\.ended\.v1 can't be followed"):
        Service("gateway", BusSettings()).follows([PART_JUDGED, SESSION_ENDED], diary.hear, after=diary.after)


async def _last(service: Service, stream: str, sequence: int) -> bool:
    return await service.last_sequence(stream) == sequence
