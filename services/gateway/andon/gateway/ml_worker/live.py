"""WS /ws: how tasks go on, as it happens."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from andon.contracts import Event, queue
from andon.contracts.queue import JobChanged
from andon.gateway.context import Here
from andon.gateway.ml_worker.words import ENDED, PROJECT, TaskStatus, error_of, priority_of, status_of
from andon.gateway.principal import bearer_of
from andon.gateway.realtime.feed import Channel, Listener
from andon.gateway.realtime.sockets import attend, send, telling

routes = APIRouter()

PROTOCOL = "andon.v1"
"""To be offered by browsers beside `andon.key.<key>`, so that there is one to agree on."""
_LONGEST = 1024
_PING, _PONG = '{"type":"ping"}', '{"type":"pong"}'


@routes.websocket("/ws")
async def tasks(socket: WebSocket, here: Here, token: str = "") -> None:
    offered = PROTOCOL in socket.scope["subprotocols"]
    async with telling(socket, PROTOCOL if offered else None):
        token = bearer_of(socket) or token
        await attend(
            here,
            here.tasks,
            token,
            "ws",
            lambda listener: (_tell(socket, listener), _ping(socket, here.ping_seconds), _answer(socket)),
        )


async def _tell(socket: WebSocket, listener: Listener) -> None:
    while True:
        await send(socket, (await listener.next()).message)


async def _ping(socket: WebSocket, seconds: float) -> None:
    while True:
        await send(socket, _PING)
        await asyncio.sleep(seconds)


async def _answer(socket: WebSocket) -> None:
    """Pings of the client; whatever else it says is of no interest, as long as it is there."""
    while True:
        said = await socket.receive()
        if said["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        if _is_ping(said.get("text") or ""):
            await send(socket, _PONG)


def _is_ping(text: str) -> bool:
    if len(text) > _LONGEST:
        return False
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("type") == "ping"


def _status(changed: JobChanged) -> TaskStatus:
    return status_of(changed.status, held=changed.device is not None, failed=bool(changed.error))


def _kind(changed: JobChanged) -> str | None:
    """Only what a client sees as another status."""
    now = _status(changed)
    if changed.project != PROJECT:
        return None
    if changed.previous is not None:
        held, failed = changed.device is not None, bool(changed.error)
        if now is status_of(changed.previous, held=held, failed=failed):
            return None
    return "task_complete" if now in ENDED else "task_update"


def _update(changed: JobChanged) -> Mapping[str, Any]:
    told = {
        "id": changed.id,
        "job_name": changed.name,
        "status": _status(changed).value,
        "priority": priority_of(changed.priority),
        "worker_id": changed.device,
        "error": error_of(changed.status, changed.reason, changed.error),
        "user_id": changed.user,
        "retry_count": changed.retry_count,
        "progress": changed.progress,
        "timestamp": changed.at.isoformat(),
    }
    return {name: value for name, value in told.items() if value is not None}


CHANNELS: Mapping[Event[Any], Channel] = {queue.JOB_CHANGED: Channel(_kind, _update)}
