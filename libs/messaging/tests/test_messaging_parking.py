"""Dead letters can be read, and replayed to where they came from."""

import pytest

from andon.contracts import BadRequest, NotFound
from andon.contracts.inspection import FRAME_CAPTURED, FrameCaptured
from andon.messaging import Delivery, ParkedMessages, Service
from andon.testing import build, eventually


async def test_a_parked_message_is_replayed_once_the_fault_is_mended(bus_settings):
    done: list[tuple[str | None, bytes]] = []
    mended = False

    async def hear(message: FrameCaptured, delivery: Delivery) -> None:
        if not mended:
            raise BadRequest("station unknown")
        done.append((message.part_id, delivery.body))

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    async with inspection, ParkedMessages(bus_settings) as parked:
        await inspection.say(
            FRAME_CAPTURED, build.frame(part_id="Größe 3"), body=b"\x00\xff" * 1000, once="f"
        )
        (letter,) = await eventually(parked.list)
        mended = True
        assert await parked.replay(letter.sequence) == 2
        await eventually(lambda: done == [("Größe 3", b"\x00\xff" * 1000)])
        assert await parked.list() == []


async def test_a_replay_that_fails_again_is_parked_again(bus_settings):
    async def hear(_message: FrameCaptured, _delivery: Delivery) -> None:
        raise BadRequest("still unknown")

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    async with inspection, ParkedMessages(bus_settings) as parked:
        await inspection.say(FRAME_CAPTURED, build.frame(), body=b"x")
        (letter,) = await eventually(parked.list)
        await parked.replay(letter.sequence)
        (again,) = await eventually(parked.list)
        assert again.origin_sequence == letter.origin_sequence + 1


async def test_letters_are_listed_newest_first_up_to_a_limit(bus_settings):
    async def hear(message: FrameCaptured, _delivery: Delivery) -> None:
        raise BadRequest(f"frame {message.frame_id}")

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    async with inspection, ParkedMessages(bus_settings) as parked:
        for number in range(4):
            await inspection.say(FRAME_CAPTURED, build.frame(frame_id=str(number)), body=b"x")
        await eventually(lambda: _count(parked, 4))
        assert [letter.reason for letter in await parked.list(limit=2)] == ["frame 3", "frame 2"]


async def test_a_letter_that_is_not_there_is_not_found(bus_settings):
    async with ParkedMessages(bus_settings) as parked:
        with pytest.raises(NotFound, match="no dead letter 7"):
            await parked.replay(7)


async def _count(parked: ParkedMessages, count: int) -> bool:
    return len(await parked.list()) == count
