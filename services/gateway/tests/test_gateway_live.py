"""The WebSocket and the event stream: what clients are told, in which order, and when they are cut off."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from andon.contracts import FEED, alerting, auth, inspection
from andon.contracts.alerting import AlertState
from andon.contracts.inspection import Detection
from andon.gateway.app import SERVICE
from andon.gateway.realtime import feed
from andon.gateway.realtime.feed import Ending, Listener, Notice
from andon.runtime import serving
from andon.testing import build, eventually

SCRATCH = Detection(class_name="scratch", confidence=0.9, bbox=(1, 2, 3, 4))


async def judged(line, number, **changes):
    record = build.inspection(frame_id=f"frame-{number}", part_id=f"part-{number}", **changes)
    return record, await line.bus.say(inspection.PART_JUDGED, record, once=record.id)


@asynccontextmanager
async def dashboard(address, token):
    async with connect(f"ws://{address}/ws/dashboard?token={token}", proxy=None) as socket:
        yield socket


async def heard(socket, kind):
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == kind:
                return message["data"]


@pytest.mark.long
async def test_a_dashboard_hears_parts_alerts_and_statistics(line, address):
    async with dashboard(address, line.token("operator")) as socket:
        await heard(socket, "ping")
        record, _ = await judged(line, 1, annotated=build.stored_image())
        part = await heard(socket, "inspection")
        assert (part["id"], part["part_id"]) == (record.id, "part-1")
        assert part["annotated_url"].startswith("/static/images/")
        assert (await heard(socket, "stats"))["pass_rate"] == 0.75
        await line.bus.say(alerting.OPENED, build.alert())
        assert (await heard(socket, "alert"))["acknowledged"] is False
        await line.bus.say(
            alerting.ACKNOWLEDGED, build.alert(state=AlertState.ACKNOWLEDGED, acknowledged_at=build.NOON)
        )
        assert (await heard(socket, "alert"))["acknowledged"] is True


@pytest.mark.long
async def test_the_heart_beats_every_five_seconds_with_current_statistics(line, address):
    async with dashboard(address, line.token()) as socket:
        assert (await heard(socket, "ping"))["total_inspections"] == 4
        await heard(socket, "ping")
        before = asyncio.get_running_loop().time()
        assert (await heard(socket, "ping"))["pass_rate"] == 0.75
        assert asyncio.get_running_loop().time() - before == pytest.approx(5, abs=1.5)


@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_a_bad_token_closes_with_4401(line, address, token):
    async with dashboard(address, token) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4401


async def test_a_session_that_ends_closes_its_dashboards_alone(line, address):
    async with (
        dashboard(address, line.token(session="one")) as one,
        dashboard(address, line.token(session="two")) as two,
    ):
        await heard(one, "ping")
        await line.bus.say(
            auth.SESSION_ENDED,
            auth.SessionEnded(session_id="one", user_id="user-1", reason="logout", at=build.NOON),
        )
        with pytest.raises(ConnectionClosed):
            await heard(one, "never")
        assert one.close_code == 4401
        await judged(line, 1)
        assert (await heard(two, "inspection"))["part_id"] == "part-1"


@pytest.mark.long
async def test_a_token_that_expires_closes_its_dashboard(line, address):
    async with dashboard(address, line.token(lifetime=-8)) as socket:  # good for two seconds of leeway
        with pytest.raises(ConnectionClosed):
            await heard(socket, "never")
        assert socket.close_code == 4401


async def test_what_a_client_says_is_ignored(line, address):
    async with dashboard(address, line.token()) as socket:
        await heard(socket, "ping")
        await socket.send("hello")
        await socket.send(b"\x00" * 1000)
        await judged(line, 1)
        assert (await heard(socket, "inspection"))["part_id"] == "part-1"


@pytest.mark.long
async def test_a_client_that_does_not_read_is_shed_and_holds_up_nobody(line, address, client):
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(
            f"GET /ws/dashboard?token={line.token()} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with dashboard(address, line.token()) as reading:
            await heard(reading, "ping")
            many = tuple(SCRATCH.model_copy(update={"area_px": n}) for n in range(400))
            shed = number = 0
            while not shed and number < 3000:
                await asyncio.gather(*(judged(line, number + n, detections=many) for n in range(20)))
                number += 20
                for _ in range(20):
                    await heard(reading, "inspection")
                shed = 'andon_live_clients_shed_total{kind="ws"}' in (await client.get("/metrics")).text
            assert shed
            await judged(line, number)
            assert (await heard(reading, "inspection"))["part_id"] == f"part-{number}"


async def test_messages_are_encoded_once_for_all_clients(line, address, monkeypatch):
    rendered = []
    encode = feed.encoded
    monkeypatch.setattr(feed, "encoded", lambda data: rendered.append(data) or encode(data))
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(dashboard(address, line.token(session=f"s{n}"))) for n in range(8)
        ]
        for one in sockets:
            await heard(one, "ping")
        await judged(line, 1)
        for one in sockets:
            assert (await heard(one, "inspection"))["part_id"] == "part-1"
    assert len([data for data in rendered if data.get("part_id") == "part-1"]) == 1


def test_a_client_that_reads_too_slowly_is_cut_off_and_holds_nothing():
    listener = Listener("session", "ws")
    for number in range(300):
        listener.offer(Notice(number, "", "inspection", "{}"))
    assert listener.ending is Ending.SLOW


@asynccontextmanager
async def stream(client, **headers):
    async with client.stream("GET", "/api/v1/events", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_in(answer)


async def events_in(answer):
    event = {}
    async for text in answer.aiter_lines():
        name, _, value = text.partition(": ")
        if text == "":
            if "event" in event:
                yield event
            event = {}
        elif name:
            event[name] = value


async def take(events, count):
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


def parts(events):
    return [json.loads(event["data"])["part_id"] for event in events]


async def test_the_stream_tells_what_happens_under_the_feed_s_numbers(line, client):
    async with stream(client) as events:
        await eventually_listening(client)
        await judged(line, 1)
        (event,) = await take(events, 1)
        assert event["event"] == "inspection.part.judged.v1"
        assert int(event["id"]) == await line.bus.last_sequence(FEED)
        assert parts([event]) == ["part-1"]


async def eventually_listening(client):
    async def listening():
        return 'andon_live_clients{kind="sse"} 1.0' in (await client.get("/metrics")).text

    await eventually(listening)


async def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(line, client):
    for number in range(1, 6):
        await judged(line, number)
    await eventually(lambda: fed(line, 5))
    async with stream(client, **{"Last-Event-ID": "2"}) as events:
        assert parts(await take(events, 3)) == ["part-3", "part-4", "part-5"]
        await judged(line, 6)
        assert parts(await take(events, 1)) == ["part-6"]


async def fed(line, count):
    return await line.bus.last_sequence(FEED) >= count


async def test_replay_and_live_meet_without_a_gap_while_parts_keep_coming(line, client):
    async def feeding():
        for number in range(1, 301):
            await judged(line, number)

    feeder = asyncio.create_task(feeding())
    await eventually(lambda: fed(line, 50))
    async with stream(client, **{"Last-Event-ID": "0"}) as events:
        got = parts(await take(events, 300))
    await feeder
    assert got == [f"part-{number}" for number in range(1, 301)]


async def test_the_stream_takes_its_place_and_token_from_the_address_too(line, stranger):
    await judged(line, 1)
    await eventually(lambda: fed(line, 1))
    path = f"/api/v1/events?token={line.token()}&last_event_id=0"
    async with stranger.stream("GET", path) as answer:
        assert parts(await take(events_in(answer), 1)) == ["part-1"]


async def test_a_place_beyond_the_feed_s_end_is_from_another_feed(line, client):
    await judged(line, 1)
    await eventually(lambda: fed(line, 1))
    async with stream(client, **{"Last-Event-ID": "99999"}) as events:
        assert parts(await take(events, 1)) == ["part-1"]


async def test_a_place_that_is_no_number_is_400(client):
    answer = await client.get("/api/v1/events", headers={"Last-Event-ID": "x"})
    assert answer.status_code == 400


async def test_a_gateway_that_restarts_goes_on_where_the_client_was(line, settings):
    async with started(line, settings) as client, stream(client) as events:
        await eventually_listening(client)
        await judged(line, 1)
        (last,) = await take(events, 1)
    await judged(line, 2)
    async with started(line, settings) as client, stream(client, **{"Last-Event-ID": last["id"]}) as events:
        assert parts(await take(events, 1)) == ["part-2"]


@asynccontextmanager
async def started(line, settings):
    headers = {"Authorization": f"Bearer {line.token()}"}
    async with serving(SERVICE, settings) as running:
        url = f"http://127.0.0.1:{running.http_port}"
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            yield client
