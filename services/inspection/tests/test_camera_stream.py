"""Streams of real frames over a socket: fresh ones, through breaks, and clear words while there are none."""

import asyncio
import re
import sys
import threading
import time
from pathlib import Path

import pytest

from andon.contracts import Unavailable
from andon.inspection.camera.stream import Stream, Streams
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from camera_server import CameraServer, jpeg, level_of, ok


@pytest.fixture
async def camera():
    async with CameraServer() as camera:
        yield camera


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
async def streams(clock):
    streams = Streams(lambda: clock[0], idle=60)
    yield streams
    await streams.close_all()
    await eventually(lambda: not any(thread.name == "camera" for thread in threading.enumerate()))


async def test_a_picture_is_of_after_it_was_asked_for(camera, streams):
    url = camera.url("/stream")
    assert level_of(await streams.picture(url, 5)) == pytest.approx(100, abs=3)
    for level in (30, 220):
        camera.picture = jpeg(level)
        seen = camera.frames
        await eventually(lambda seen=seen: camera.frames > seen + 8)  # unread frames would still be old ones
        assert level_of(await streams.picture(url, 5)) == pytest.approx(level, abs=3)
    assert camera.streams == 1


async def test_many_who_ask_share_one_stream_and_one_frame_each(camera, streams):
    url = camera.url("/stream")
    pictures = await asyncio.gather(*(streams.picture(url, 5) for _ in range(20)))
    assert len(pictures) == 20
    assert camera.streams == 1


async def test_a_stream_that_breaks_off_is_opened_again(camera, streams):
    url = camera.url("/stream")
    await streams.picture(url, 5)
    await camera.stop()

    async def told() -> str:
        try:
            await streams.picture(url, 0.5)  # one more may have been on its way
        except Unavailable as error:
            return str(error)
        return ""

    assert re.search(r"no picture within 0\.5 s: it can't be opened|broke off", await eventually(told))
    camera.picture = jpeg(200)
    await camera.start()
    assert level_of(await streams.picture(url, 8)) == pytest.approx(200, abs=3)


async def test_a_camera_that_hangs_is_given_up_in_time(camera, streams):
    began = time.monotonic()
    with pytest.raises(Unavailable, match="no picture within"):
        await streams.picture(camera.url("/silent"), 0.5)
    assert time.monotonic() - began < 2


async def test_a_camera_that_is_not_plugged_in_is_said_so(streams):
    with pytest.raises(Unavailable, match="can't be opened"):
        await streams.picture(63, 0.8)


async def test_neither_reason_nor_output_show_the_password(camera, streams, capfd):
    url = camera.url("/stream", user="eve:s3cret")
    await streams.picture(url, 5)
    await camera.stop()
    with pytest.raises(Unavailable) as error:
        await streams.picture(url, 0.7)
    out, err = capfd.readouterr()
    assert "s3cret" not in f"{error.value}{out}{err}"


async def test_a_stream_nobody_looks_through_is_let_go(camera, streams, clock):
    url = camera.url("/stream")
    await streams.picture(url, 5)
    clock[0] = 59
    await streams.close_idle()
    assert camera.streams == 1
    clock[0] = 61
    await streams.close_idle()
    await eventually(lambda: camera.streams == 0)
    assert await streams.picture(url, 5)


async def test_a_camera_that_is_away_is_not_hammered(camera):
    camera.answers["/gone"] = ok(b"", "404 Not Found")
    stream = Stream(camera.url("/gone"), 1)
    try:
        with pytest.raises(Unavailable, match="can't be opened"):
            await stream.picture(1.2)
        asked = len(camera.requests)
        assert 2 <= asked <= 6
        await asyncio.sleep(1)  # by now it rests for seconds, as nobody wants a picture
        assert len(camera.requests) <= asked + 1
    finally:
        await stream.close()
    assert stream.opened == 0
