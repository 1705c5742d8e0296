"""What happens, told to dashboards: live, by topics, and again to who comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from helper_plant import refused
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from andon.contracts import queue


@dataclass
class Stream:
    """Reads an event stream frame by frame."""

    lines: AsyncIterator[str]

    async def frame(self) -> dict[str, Any]:
        """Its message; `id` where the frame had one."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(20):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if not line and "type" in found:
                    return found
                if name == "data":
                    found |= json.loads(value)
                elif name == "id":
                    found["id"] = int(value)
                else:
                    assert name in ("", "retry"), line
        raise AssertionError("the stream ended")

    async def news(self, kind: str | None = None) -> dict[str, Any]:
        while (found := await self.frame())["type"] in ("heartbeat", "connection") or (
            kind is not None and found["type"] != kind
        ):
            pass
        return found


@asynccontextmanager
async def streaming(plant: Any, after: int | None = None) -> AsyncIterator[Stream]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with plant.admin.stream("GET", "/api/events/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = Stream(answer.aiter_lines())
        first = await stream.frame()
        assert (first["type"], "id" in first, "timestamp" in first) == ("connection", True, True)
        yield stream


@pytest.mark.long
async def test_everything_is_streamed_and_told_again_to_who_comes_back(plant: Any):
    worker = await plant.worker()
    async with streaming(plant) as stream:
        assert (await stream.frame())["type"] == "heartbeat"
        uid = (await plant.add())["experiment_uid"]
        created = await stream.news()
        assert (created["type"], created["data"]["event_type"]) == ("queue_update", "created")
        assert (created["data"]["experiment_uid"], created["data"]["status"]) == (uid, "queued")
        await worker.beat(cpu_util=50)
        device = await stream.news("device_update")
        assert (device["data"]["host_id"], device["data"]["status"]) == ("edge-1", "healthy")
        assert await worker.ask(wait_seconds=10)
        await worker.confirm(uid)
        told: list[str] = []
        while "running" not in told:
            told.append((await stream.news("queue_update"))["data"].get("status", ""))
        assert "assigned" in told
        await worker.send(f"run/{uid}/resnet.csv", "step,loss\n")
        await worker.send(f"run/{uid}/resnet.csv", "0,1.0\n")
        await worker.send(f"run/{uid}/resnet.csv", "1,0.5\n")
        await worker.send(f"run/{uid}/.hidden.csv", "x\n")
        await worker.send(f"run/{uid}/note.txt", "x\n")
        await worker.send(f"run/{uid}/half.csv.tmp", "x\n")
        await worker.send(f"run/{uid}/best.pt", "x\n")
        runs = [await stream.news("run_update") for _ in range(4)]
        assert [(each["data"]["event_type"], each["data"]["file_path"]) for each in runs] == [
            ("created", "logs/welds/resnet.csv"),
            ("modified", "logs/welds/resnet.csv"),
            ("modified", "logs/welds/resnet.csv"),
            ("created", "logs/welds/best.pt"),
        ]
        assert (runs[0]["data"]["project"], runs[0]["data"]["file_type"]) == ("welds", ".csv")
        assert runs[0]["data"]["run_info"]["run_name"] == "resnet"
        await worker.complete(uid)
        while (last := await stream.news("queue_update"))["data"].get("status") != "completed":
            pass
    async with streaming(plant, created["id"]) as stream:
        again = await stream.news("device_update")
        assert again == device
        assert [await stream.news("run_update") for _ in range(4)] == runs
    async with streaming(plant, last["id"]) as stream:
        assert (await stream.frame())["type"] == "heartbeat"
        plant.clock.pass_seconds(61)
        assert (await stream.news("device_update"))["data"]["status"] == "disconnected"
        await plant.admin.delete("/api/devices/edge-1")
        assert (await stream.news("device_removed"))["data"] == {"host_id": "edge-1"}
    wrong = await plant.admin.get("/api/events/stream", headers={"Last-Event-ID": "soon"})
    assert "Last-Event-ID" in refused(wrong, 400)


@pytest.mark.long
async def test_a_log_that_grows_is_told_of_now_and_then_and_a_deleted_job_at_once(plant: Any):
    worker = await plant.worker()
    uid = (await plant.add())["experiment_uid"]
    await worker.take()
    async with streaming(plant) as stream:
        for number in range(6):
            await worker.send(f"experiment/{uid}/terminal_log.log", f"line {number}\n")
        await worker.send(f"experiment/{uid}/other.log", "x\n")
        sizes: list[tuple[str, int]] = []
        while not sizes or sizes[-1][1] < 42:
            data = (await stream.news("queue_update"))["data"]
            if data["action"] == "reindexed":
                assert data["experiment_uid"] == uid
                sizes.append((data["event_type"], data["size"]))
        assert sizes == [("file_created", 7), ("file_modified", 14), ("file_modified", 42)]
        await plant.post(f"queue/job/{uid}/cancel")
        assert (await stream.news("queue_update"))["data"]["status"] == "cancelled"
        await plant.bus.ask(queue.DELETE, queue.DeleteJob(id=uid))
        while (data := (await stream.news("queue_update"))["data"])["event_type"] != "deleted":
            pass
        assert (data["experiment_uid"], data["action"]) == (uid, "removed")


async def said(socket: ClientConnection) -> dict[str, Any]:
    """The next message that is no heartbeat."""
    async with asyncio.timeout(20):
        while (found := json.loads(await socket.recv()))["type"] == "heartbeat":
            pass
    return found


async def asked(socket: ClientConnection, message: Any) -> dict[str, Any]:
    await socket.send(message if isinstance(message, str) else json.dumps(message))
    return await said(socket)


async def test_topics_of_the_websocket(plant: Any):
    worker = await plant.worker()
    async with plant.socket("/api/ws") as socket:
        assert (await said(socket))["type"] == "connection"
        assert (await asked(socket, {"type": "ping"}))["type"] == "pong"
        status = await asked(socket, {"type": "status"})
        assert status["data"] == {"total_connections": 1, "connections": [{"channels": ["all"]}]}
        for wrong in (
            "{",
            "[1]",
            "1",
            "x" * 10_000,
            {"type": "x"},
            {"type": "subscribe", "channel": "parts"},
        ):
            assert (await asked(socket, wrong))["type"] == "error"
        for change in (
            {"type": "unsubscribe", "channel": "all"},
            {"type": "subscribe", "channel": "devices"},
        ):
            answer = await asked(socket, change)
            assert answer == {**change, "type": f"{change['type']}d"}
        uid = (await plant.add())["experiment_uid"]
        await worker.beat()
        device = await said(socket)
        assert (device["type"], device["data"]["host_id"]) == ("device_update", "edge-1")
        await asked(socket, {"type": "subscribe", "channel": "queue"})
        await plant.post(f"queue/job/{uid}/cancel")
        cancelled = await said(socket)
        assert (cancelled["type"], cancelled["data"]["status"]) == ("queue_update", "cancelled")
        assert cancelled["id"] > device["id"]
    async with plant.socket(f"/api/ws?last_event_id={device['id'] - 1}") as socket:
        assert (await said(socket))["type"] == "connection"
        assert [await said(socket), await said(socket)] == [device, cancelled]


async def code_of(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        with suppress(ConnectionClosedError):
            async for _ in socket:
                pass
    return socket.close_code


@pytest.mark.long
async def test_nobody_comes_in_without_a_good_key_and_every_way_to_send_one_works(plant: Any):
    uid = (await plant.add())["experiment_uid"]
    blind = await plant.key("configure")
    async with httpx.AsyncClient(base_url=plant.url) as stranger:
        for path in ("devices", "queue/list", f"queue/job/{uid}/log", "events/stream"):
            assert refused(await stranger.get(f"/api/{path}"), 401)
        assert refused(await stranger.post("/api/devices/heartbeat", json={"host_id": "x"}), 401)
        seeing = {"X-API-Key": blind, "Origin": "http://elsewhere.example"}
        answer = await stranger.get("/api/queue/list", headers=seeing)
        assert refused(answer, 403)
        assert "access-control-allow-origin" not in answer.headers
        key = await plant.key("view_history")
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert (await stranger.get("/api/queue/list", headers=headers)).status_code == 200
            assert refused(
                await stranger.post("/api/queue/add", json={"config": "a: 1"}, headers=headers), 403
            )
    for path in ("/api/ws", f"/api/queue/job/{uid}/ws/logs"):
        for token, code in (("", 4401), ("andon_" + "x" * 40, 4401), (blind, 4403)):
            async with plant.socket(path, token) as socket:
                assert await code_of(socket) == code
    async with plant.socket("/api/ws?last_event_id=-1") as socket:
        assert await code_of(socket) == 4400
    async with plant.socket(f"/api/ws?token={key}", token="") as socket:
        assert (await said(socket))["type"] == "connection"
    status = await plant.get("queue/monitor/status")
    assert status["is_running"] is True
