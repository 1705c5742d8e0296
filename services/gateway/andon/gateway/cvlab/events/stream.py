"""GET /api/events/stream: everything as server-sent events, replayed from the last one a client saw."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from andon.gateway.context import Here
from andon.gateway.cvlab.events.greeting import greeting, heartbeat, place_in, start_of
from andon.gateway.errors import may
from andon.gateway.principal import bearer_of
from andon.gateway.realtime.connection import admitted, first_of
from andon.gateway.realtime.feed import Listener, Notice
from andon.gateway.realtime.sse import EventStream, Send, write

routes = APIRouter(tags=["helper events"])


@routes.get(
    "/events/stream",
    response_class=Response,
    responses=may(401, 403)
    | {200: {"content": {"text/event-stream": {}}, "description": "An endless stream of events."}},
)
async def stream(
    request: Request,
    here: Here,
    token: Annotated[str, Query(description="Access token or key, where no header can be set.")] = "",
    last_event_id: Annotated[str, Query(description="As the Last-Event-ID header.")] = "",
) -> Response:
    """`data` is JSON: {"type", "data", "timestamp"}. `id` is the place in the event log; send the last one to
    get what came since."""
    token = bearer_of(request) or token
    principal = await admitted(here.door, token)
    after = place_in(request.headers.get("last-event-id") or last_event_id)
    return _Stream(here, principal.session_id, token, after)


class _Stream(EventStream):
    async def _write_all(self, send: Send) -> None:
        place = await start_of(self._here, self._after)
        await write(send, f"retry: 2000\nid: {place}\ndata: {greeting()}\n\n".encode())
        place = await self._catch_up(send, place)
        listener = await self._here.helper.join(self._session_id, "helper-sse")
        try:
            place = await self._catch_up(send, place)  # what came between the last reading and joining
            await first_of(self._follow(send, listener, place), listener.ended())
        finally:
            self._here.helper.leave(listener)

    async def _catch_up(self, send: Send, place: int) -> int:
        while True:
            told, reached = await self._here.helper.past(place)
            for notice in told:
                await write(send, _event(notice))
            if reached == place:
                return place
            place = reached

    async def _follow(self, send: Send, listener: Listener, place: int) -> None:
        while True:
            try:
                async with asyncio.timeout(self._here.beat_seconds):
                    notice = await listener.next()
            except TimeoutError:
                await write(send, f"data: {heartbeat()}\n\n".encode())
                continue
            if not notice.sequence or notice.sequence > place:
                await write(send, _event(notice))
                place = max(place, notice.sequence)


def _event(notice: Notice) -> bytes:
    """Without a name, since that is what plain clients listen to."""
    place = f"id: {notice.sequence}\n" if notice.sequence else ""
    return f"{place}data: {notice.body}\n\n".encode()
