"""WS /api/ws: the same by topics that a client subscribes to."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from andon.contracts import Unauthorised, Unavailable
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.entering import telling
from andon.gateway.cvlab.events.greeting import greeting, heartbeat, place_in, placed, start_of
from andon.gateway.cvlab.events.shown import Topic
from andon.gateway.principal import bearer_of
from andon.gateway.realtime.connection import SEND_SECONDS, admitted, first_of, token_over
from andon.gateway.realtime.feed import Ending, Listener, Notice

routes = APIRouter()

_LONGEST = 4096


@routes.websocket("/ws")
async def topics(socket: WebSocket, here: Here, token: str = "", last_event_id: str = "") -> None:
    async with telling(socket):
        token = bearer_of(socket) or token
        principal = await admitted(here.door, token)
        after = place_in(socket.headers.get("last-event-id") or last_event_id)
        place = await start_of(here, after)
        listener = await here.helper.join(principal.session_id, "helper-ws")
        client = _Client(here, socket, listener)
        ways = (client.tell(place), client.beat(), client.obey(), listener.ended())
        try:
            await first_of(*ways, token_over(here.door, token))
        finally:
            here.helper.leave(listener)
        if listener.ending is Ending.SLOW:
            raise Unavailable("too slow")
        raise Unauthorised("the session is over")


@dataclass(eq=False)
class _Client:
    here: Gateway
    socket: WebSocket
    listener: Listener
    topics: set[Topic] = field(default_factory=lambda: {Topic.ALL})

    async def tell(self, place: int) -> None:
        """What came since that place, then what comes."""
        await self._send(greeting())
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
            await self._send(heartbeat())

    async def obey(self) -> None:
        """Answer what the client says, for as long as it is there."""
        while True:
            said = await self.socket.receive()
            if said["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            await self._send(json.dumps(self._answer(said.get("text") or "")))

    async def _tell(self, notice: Notice) -> None:
        if Topic.ALL in self.topics or notice.kind in self.topics:
            await self._send(placed(notice))

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

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self.socket.send_text(text)


def _error(why: str) -> dict[str, Any]:
    return {"type": "error", "message": why}
