"""WS /ws of the ML worker API: what clients are told, and how they get in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from andon.contracts.queue import Stage


@asynccontextmanager
async def listening(api: Any, key: str) -> AsyncIterator[ClientConnection]:
    url = api.url.replace("http", "ws")
    headers = {"X-API-Key": key}
    async with connect(f"{url}/ws", additional_headers=headers, proxy=None) as socket:
        assert json.loads(await said(socket)) == {"type": "ping"}
        yield socket


async def said(socket: ClientConnection) -> str:
    async with asyncio.timeout(10):
        text = await socket.recv()
    assert isinstance(text, str)
    return text


async def news(socket: ClientConnection) -> dict[str, Any]:
    """The next message that is no ping."""
    while (message := json.loads(await said(socket)))["type"] == "ping":
        await socket.send('{"type":"pong"}')
    return message


@pytest.mark.long
async def test_tasks_are_told_of_as_they_go_on(api: Any, client: httpx.AsyncClient, worker: Any):
    async with listening(api, client.headers["x-api-key"]) as socket:
        task = (await client.post("/v1/tasks", json={"job_name": "t", "priority": 10})).json()
        first = await news(socket)
        assert first["type"] == "task_update"
        told = {name: first["data"][name] for name in ("id", "job_name", "status", "priority", "user_id")}
        assert told == {name: task[name] for name in told}
        (grant,) = await worker.lease()
        for stage in (Stage.PREPARING, Stage.RUNNING, Stage.COLLECTING):
            await worker.report(grant, stage)
        await worker.report(grant, Stage.FAILED, exit_code=2, message="exit code 2")
        updates = [await news(socket) for _ in range(4)]
        assert [(each["type"], each["data"]["status"]) for each in updates] == [
            ("task_update", "preparing"),
            ("task_update", "running"),
            ("task_update", "collecting"),
            ("task_complete", "failed"),
        ]
        assert updates[-1]["data"]["error"] == "exit code 2"
        assert updates[1]["data"]["worker_id"] == "edge-1"
        other = (await client.post("/v1/tasks", json={"job_name": "u"})).json()
        await client.delete(f"/v1/tasks/{other['id']}")
        assert (await news(socket))["data"]["status"] == "queued"
        cancelled = await news(socket)
        assert (cancelled["type"], cancelled["data"]["error"]) == ("task_complete", "cancelled")


async def test_pings_come_and_are_answered(api: Any, client: httpx.AsyncClient):
    async with listening(api, client.headers["x-api-key"]) as socket:
        assert json.loads(await said(socket)) == {"type": "ping"}
        for nonsense in ("[" * 500, "{", "x" * 5000, "1", '{"type":["ping"]}'):
            await socket.send(nonsense)
        await socket.send(b"\x00\xff")
        await socket.send('{"type":"ping"}')
        assert await news(socket) == {"type": "pong"}


async def test_a_browser_brings_its_key_as_a_protocol_or_in_the_address(api: Any, client: httpx.AsyncClient):
    key, url = client.headers["x-api-key"], api.url.replace("http", "ws") + "/ws"
    offers = [Subprotocol("andon.v1"), Subprotocol(f"andon.key.{key}")]
    async with connect(url, subprotocols=offers, proxy=None) as socket:
        assert socket.subprotocol == "andon.v1"
        assert json.loads(await said(socket)) == {"type": "ping"}
    async with connect(f"{url}?token={key}", proxy=None) as socket:
        assert json.loads(await said(socket)) == {"type": "ping"}


async def closed(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        with suppress(ConnectionClosedError):
            async for _ in socket:
                pass
    return socket.close_code


async def test_without_a_good_key_it_is_closed(api: Any):
    url = api.url.replace("http", "ws") + "/ws"
    _, blind = await api.key("configure")
    for key, code in (("", 4401), ("andon_" + "x" * 40, 4401), (blind, 4403)):
        async with connect(url, additional_headers={"X-API-Key": key}, proxy=None) as socket:
            assert await closed(socket) == code
    key_id, key = await api.key("view_history")
    async with listening(api, key) as socket:
        await api.admin.delete(f"/api/v1/keys/{key_id}")
        assert await closed(socket) == 4401


async def test_who_connects_too_often_is_told_when_to_come_again(api: Any):
    url = api.url.replace("http", "ws") + "/ws"
    _, slow = await api.key("view_history", rate_per_minute=1)
    with pytest.raises(InvalidStatus) as refused:
        await often(url, {"X-API-Key": slow})
    assert refused.value.response.status_code == 429
    assert json.loads(refused.value.response.body or b"")["code"] == "RATE_LIMITED"


async def often(url: str, headers: dict[str, str]) -> None:
    for _ in range(4):  # a minute may begin in between
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            await said(socket)
