"""Hearers and the broker die by SIGKILL; in effect nothing is lost and nothing is done twice."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections import Counter
from pathlib import Path

import pytest

from andon.contracts import Unavailable
from andon.contracts.inspection import FRAME_CAPTURED, RECORD_DELETED, Deleted
from andon.contracts.training import FIT, FitModel
from andon.messaging import BusSettings, Delivery, ParkedMessages, Service, declare_topology
from andon.testing import build, eventually

HEARER = Path(__file__).with_name("messaging_hearer.py")


async def hearer(settings: BusSettings, folder: Path, poison: str = "") -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(HEARER), settings.url, str(folder), poison, stderr=asyncio.subprocess.DEVNULL
    )


async def end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def impatient(bus_settings: BusSettings) -> BusSettings:
    """A bus that gives up on a dead hearer within a second, and on a message after five deliveries."""
    streams = bus_settings.streams.model_copy(update={"ack_seconds": 0.5, "deliveries": 5})
    settings = bus_settings.model_copy(update={"streams": streams})
    await declare_topology(settings)
    return settings


def done(folder: Path) -> set[str]:
    return {path.name.removeprefix("frame-") for path in folder.glob("frame-*")}


def begun(folder: Path) -> list[str]:
    path = folder / "begun"
    return path.read_text().split() if path.exists() else []


@pytest.mark.long
async def test_a_hearer_killed_in_mid_message_loses_and_doubles_nothing_in_effect(impatient, tmp_path):
    frames = [str(number) for number in range(60)]
    async with Service("camera", impatient) as camera:
        for frame in frames:
            await camera.say(FRAME_CAPTURED, build.frame(frame_id=frame), body=b"x" * 1000, once=frame)
        first = await hearer(impatient, tmp_path)
        try:
            await eventually(lambda: len(begun(tmp_path)) > max(len(done(tmp_path)), 20), every=0.002)
        finally:
            await end(first)
        in_work = set(begun(tmp_path)) - done(tmp_path)
        assert in_work
        second = await hearer(impatient, tmp_path)
        try:
            await eventually(lambda: len(done(tmp_path)) == len(frames))
            await eventually(lambda: _kept(camera, "inspection-frames", 0))
        finally:
            await end(second)
        async with ParkedMessages(impatient) as parked:
            assert await parked.list() == []
    repeats = {frame for frame, times in Counter(begun(tmp_path)).items() if times > 1}
    assert in_work <= repeats
    assert len(repeats) <= 6


@pytest.mark.long
async def test_a_message_whose_hearer_dies_every_time_ends_in_the_dead_letters_alone(impatient, tmp_path):
    process = None
    async with Service("camera", impatient) as camera, ParkedMessages(impatient) as parked:
        for frame in ("a", "poison", "b"):
            await camera.say(FRAME_CAPTURED, build.frame(frame_id=frame), body=b"\x00image")
        try:
            while not (letters := await parked.list()):
                if process is None or process.returncode is not None:
                    process = await hearer(impatient, tmp_path, "poison")
                await asyncio.sleep(0.05)
        finally:
            if process is not None:
                await end(process)
        (letter,) = letters
        assert (letter.code, letter.attempts, letter.service) == ("crashed", 5, "inspection")
        assert (letter.headers["frame_id"], letter.body) == ("poison", b"\x00image")
        assert letter.subject == FRAME_CAPTURED.address
        assert done(tmp_path) == {"a", "b"}
        await eventually(lambda: _kept(camera, "inspection-frames", 0))
    assert begun(tmp_path).count("poison") == 5


async def test_hearers_followers_and_sayers_outlive_the_broker(bus_settings, nats_process):
    heard: list[str] = []
    followed: list[tuple[int, str]] = []
    fed: list[str] = []
    running = 0

    async def hear(message: FitModel, _delivery: Delivery) -> None:
        nonlocal running
        running += 1
        await asyncio.sleep(0.005)
        heard.append(message.fit_id)

    async def follow(message, delivery: Delivery) -> None:
        followed.append((delivery.sequence, message.id))

    async def follow_feed(message, _delivery: Delivery) -> None:
        fed.append(message.id)

    async def start() -> int:
        return 0

    training, gateway = Service("training", bus_settings), Service("gateway", bus_settings)
    training.hears(FIT, hear, workers=4)
    gateway.follows([RECORD_DELETED], follow, after=start)
    gateway.follows([RECORD_DELETED], follow_feed, after=start, stream="feed")
    numbers = [str(number) for number in range(300)]

    async def say_all(sayer: Service) -> None:
        for number in numbers:
            await sayer.say(FIT, FitModel(fit_id=number, station_id="default"), once=number)
            await sayer.say(RECORD_DELETED, Deleted(id=number), once=number)

    async with training, gateway, Service("inspection", bus_settings) as inspection:
        saying = asyncio.create_task(say_all(inspection))
        for share in (0.3, 0.6):
            await eventually(lambda share=share: len(heard) > share * len(numbers))
            await nats_process.restart()
        await saying
        await eventually(lambda: set(heard) == set(numbers))
        await eventually(lambda: len(followed) == len(numbers) == len(fed))
        await eventually(lambda: _kept(inspection, "training-commands", 0))
    assert followed == [(place, number) for place, number in enumerate(numbers, start=1)]
    assert fed == numbers
    assert len(heard) <= len(numbers) + 2 * 4


async def test_a_broker_that_stays_away_is_told_to_the_sayer_in_time(bus_settings, nats_process):
    short = bus_settings.model_copy(update={"say_timeout": 0.4})
    async with Service("inspection", short) as inspection:
        nats_process.kill()
        with pytest.raises(Unavailable, match=r"inspection.record.deleted.v1"):
            await inspection.say(RECORD_DELETED, Deleted(id="a"))
        await nats_process.start()
        await eventually(lambda: _said(inspection))


async def _said(service: Service) -> bool:
    return await service.say(RECORD_DELETED, Deleted(id="b"), once="b") > 0


async def _kept(service: Service, stream: str, messages: int) -> bool:
    info = await service._connection.jetstream.stream_info(stream)
    return info.state.messages == messages
