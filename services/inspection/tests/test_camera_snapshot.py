"""Snapshots over HTTP: one request, one picture, and no way to hold us up."""

import sys
import time
from base64 import b64encode
from pathlib import Path

import pytest

from andon.contracts import Unavailable
from andon.inspection.camera.snapshot import snapshot

sys.path.insert(0, str(Path(__file__).parent))
from camera_server import CameraServer, ok


@pytest.fixture
async def camera():
    async with CameraServer() as camera:
        yield camera


async def test_the_bytes_are_as_the_camera_sent_them(camera):
    assert await snapshot(camera.url("/a.jpg?channel=2"), 5) == camera.picture
    assert camera.requests[0].startswith("GET /a.jpg?channel=2 ")
    assert "authorization" not in camera.requests[0].lower()


async def test_a_password_is_given_by_digest_and_by_basic_only_where_the_camera_knows_no_other(camera):
    camera.answers["/digest"] = ok(
        b"", "401 Unauthorized", 'WWW-Authenticate: Digest realm="cam", nonce="1", qop="auth"\r\n'
    )
    with pytest.raises(Unavailable, match="401"):
        await snapshot(camera.url("/digest", user="eve:p%40ss"), 5)
    given = [head for head in camera.requests if "authorization" in head.lower()]
    assert 'username="eve"' in given[0]
    assert "response=" in given[0]
    camera.requests.clear()
    camera.answers["/basic"] = ok(b"", "401 Unauthorized", 'WWW-Authenticate: Basic realm="cam"\r\n')
    with pytest.raises(Unavailable, match="401"):
        await snapshot(camera.url("/basic", user="eve:p%40ss"), 5)
    assert b64encode(b"eve:p@ss").decode() in camera.requests[-1]


async def test_an_answer_that_is_no_picture_is_said_so(camera, subtests):
    camera.answers |= {
        "/moved": ok(b"", "302 Found", "Location: http://127.0.0.1:1/secret\r\n"),
        "/broken": ok(b"", "500 Internal Server Error"),
        "/large": ok(bytes((20 << 20) + 1)),
        "/nonsense": b"hello\r\n\r\n",
    }
    for path, why in (("/moved", "302"), ("/broken", "500"), ("/large", "20 MB"), ("/nonsense", "answer")):
        with subtests.test(path), pytest.raises(Unavailable, match=why):
            await snapshot(camera.url(path), 5)


async def test_a_camera_that_is_away_or_silent_is_given_up_in_time_without_its_address(camera):
    url = camera.url("/silent", user="eve:s3cret")
    began = time.monotonic()
    with pytest.raises(Unavailable) as silent:
        await snapshot(url, 0.3)
    assert time.monotonic() - began < 2
    await camera.stop()
    with pytest.raises(Unavailable) as away:
        await snapshot(url, 2)
    assert "s3cret" not in f"{silent.value}{away.value}"
    await camera.start()


async def test_a_picture_that_trickles_in_is_given_up_in_time(camera):
    with pytest.raises(Unavailable, match=r"within 0\.5 s"):
        await snapshot(camera.url("/trickle"), 0.5)
