"""Shots on a real bus: each once, at its pace, and waiting where the bus takes nothing."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from andon.contracts import BadRequest
from andon.contracts.inspection import FRAME_CAPTURED, FrameCaptured
from andon.inspection.camera import Shot, feed, open_source
from andon.messaging import BusSettings, Delivery, Service, declare_topology
from andon.testing import eventually


class Belt:
    """A source that is drawn at once."""

    about = "a belt"
    good_first = 2
    total = None

    def __init__(self, size: int = 100) -> None:
        self._numbers = iter(range(1, 10_000))
        self._data = b"\xff\xd8\xff" + bytes(size)

    def __iter__(self) -> Iterator[Shot]:
        return self

    def __next__(self) -> Shot:
        number = next(self._numbers)
        defect = number > 2 and number % 2 == 0
        return Shot(self._data, f"P-{number}", "defect" if defect else "good", "dent" if defect else "good")


class Eye:
    """What the inspection service would get."""

    def __init__(self, settings: BusSettings) -> None:
        self.frames = list[tuple[FrameCaptured, bytes]]()
        self.bus = Service("inspection", settings)
        self.bus.hears(FRAME_CAPTURED, self.see)

    async def see(self, frame: FrameCaptured, delivery: Delivery) -> None:
        self.frames.append((frame, delivery.body))


async def test_frames_arrive_with_their_headers_and_bytes_and_without_the_truth(bus_settings: BusSettings):
    eye = Eye(bus_settings)
    async with eye.bus, Service("integrations", bus_settings) as bus:
        fed = await feed(bus, Belt(), "line-7", count=6)
        await eventually(lambda: len(eye.frames) == 6)
    frame, body = eye.frames[3]
    assert (frame.station_id, frame.part_id, frame.content_type) == ("line-7", "P-4", "image/jpeg")
    assert frame.frame_id == f"{fed.run}-000004"
    assert body == Belt()._data
    assert "defect" not in frame.model_dump_json()
    assert [seen.frame_id for seen, _ in eye.frames] == list(fed.frames)
    assert fed.truth == {f"P-{n}": "defect" if n in (4, 6) else "good" for n in range(1, 7)}


async def test_another_feed_goes_on_with_the_next_part_and_other_frame_ids(bus_settings: BusSettings):
    source = Belt()
    async with Service("integrations", bus_settings) as bus:
        taught = await feed(bus, source, "line-7", count=2)
        judged = await feed(bus, source, "line-7", count=3)
    assert [sent.part_id for sent in judged.frames.values()] == ["P-3", "P-4", "P-5"]
    assert not taught.frames.keys() & judged.frames.keys()


async def test_the_same_run_again_is_the_same_frames(bus_settings: BusSettings):
    eye = Eye(bus_settings)
    async with eye.bus, Service("integrations", bus_settings) as bus:
        await feed(bus, Belt(), "line-7", count=3, run="r1")
        await feed(bus, Belt(), "line-7", count=3, run="r1")
        await feed(bus, Belt(), "line-7", count=1, run="r2")
        await eventually(lambda: len(eye.frames) >= 4)
    assert [frame.frame_id for frame, _ in eye.frames] == ["r1-000001", "r1-000002", "r1-000003", "r2-000001"]


async def test_parts_come_at_their_rate(bus_settings: BusSettings):
    async with Service("integrations", bus_settings) as bus:
        started = time.monotonic()
        await feed(bus, Belt(), "line-7", rate=20, count=11)
        took = time.monotonic() - started
    assert 0.49 < took < 2, "ten pauses of 50 ms"


async def test_a_full_stream_makes_the_camera_wait_and_then_lose_nothing(bus_settings: BusSettings):
    tight = bus_settings.model_copy(
        update={"say_timeout": 0.3, "streams": bus_settings.streams.model_copy(update={"frame_mebibytes": 1})}
    )
    await declare_topology(tight)
    waited = list[str]()
    eye = Eye(tight)
    async with Service("integrations", tight) as bus:
        feeding = asyncio.create_task(feed(bus, Belt(200_000), "line-7", count=12, waits=waited.append))
        await eventually(lambda: waited)
        assert not feeding.done()
        async with eye.bus:
            fed = await asyncio.wait_for(feeding, 20)
            await eventually(lambda: len(eye.frames) == 12)
    assert "maximum bytes" in waited[0]
    assert [frame.frame_id for frame, _ in eye.frames] == list(fed.frames)


def test_a_camera_is_opened_by_name():
    source = open_source("plate", good_first=7)
    assert source.good_first == 7
    with pytest.raises(BadRequest, match="--images"):
        open_source("folder")
