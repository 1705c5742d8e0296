"""WS /api/ws: the same by topics that a client subscribes to."""

import asyncio
import json
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.events.greeting import greeting, heartbeat, place_in, placed, start_of
from andon.gateway.cvlab.events.shown import Topic
from andon.gateway.principal import bearer_of
from andon.gateway.realtime.feed import Listener, Notice
from andon.gateway.realtime.sockets import attend, send, telling

routes = APIRouter()

_LONGEST = 4096


@routes.websocket("/ws")
async def topics(socket: WebSocket, here: Here, token: str = "", last_event_id: str = "") -> None:
    async with telling(socket):
        token = bearer_of(socket) or token
        seen = socket.headers.get("last-event-id") or last_event_id

        def ways(listener: Listener) -> Iterable[Awaitable[None]]:
            client = _Client(here, socket, listener)
            return client.tell(seen), client.beat(), client.obey()

        await attend(here, here.helper, token, "helper-ws", ways)


@dataclass(eq=False)
class _Client:
    here: Gateway
    socket: WebSocket
    listener: Listener
    topics: set[Topic] = field(default_factory=lambda: {Topic.ALL})

    async def tell(self, seen: str) -> None:
        """What came since that event, then what comes. Raises BadRequest, Unavailable."""
        place = await start_of(self.here, place_in(seen))
        await send(self.socket, greeting())
        while True:
            told, reached = await self.here.helper.past(place)
            for notice in told:
                await self._tell(notice)
            if reached == place:
                break
            place = reached
        while True:
            notice = await self.listener.next()
            if not notice.sequence or notice.sequence > place:
                await self._tell(notice)

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(self.here.beat_seconds)
            await send(self.socket, heartbeat())

    async def obey(self) -> None:
        """Answer what the client says, for as long as it is there."""
        while True:
            said = await self.socket.receive()
            if said["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            await send(self.socket, json.dumps(self._answer(said.get("text") or "")))

    async def _tell(self, notice: Notice) -> None:
        if Topic.ALL in self.topics or notice.kind in self.topics:
            await send(self.socket, placed(notice))

    def _answer(self, text: str) -> dict[str, Any]:
        try:
            said: Any = json.loads(text[:_LONGEST])
        except (ValueError, RecursionError):
            return _error(f"Invalid JSON format, or more than {_LONGEST} characters")
        if not isinstance(said, dict):
            return _error("A message is an object with a type")
        asked = said.get("type")
        if asked in ("subscribe", "unsubscribe"):
            return self._changed(asked, said.get("channel", Topic.ALL))
        if asked == "status":
            own = {"channels": sorted(self.topics)}
            data = {"total_connections": self.here.helper.listeners, "connections": [own]}
            return {"type": "status", "data": data}
        if asked == "ping":
            return json.loads(heartbeat()) | {"type": "pong"}
        return _error(f"type: unknown message type {str(asked)[:64]!r}")

    def _changed(self, asked: str, channel: Any) -> dict[str, Any]:
        try:
            topic = Topic(channel)
        except ValueError:
            return _error(f"channel: {str(channel)[:64]!r} is none of {', '.join(Topic)}")
        if asked == "subscribe":
            self.topics.add(topic)
        else:
            self.topics.discard(topic)
        return {"type": f"{asked}d", "channel": topic.value}


def _error(why: str) -> dict[str, Any]:
    return {"type": "error", "message": why}
