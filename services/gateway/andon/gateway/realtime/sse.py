"""GET /api/v1/events: the feed as server-sent events, replayed from the last one a client saw."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from andon.contracts import FEED, BadRequest, Unavailable
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may
from andon.gateway.principal import bearer_of
from andon.gateway.realtime.connection import SEND_SECONDS, admitted, first_of, token_over
from andon.gateway.realtime.feed import Listener

routes = APIRouter()

_PAGE = 200
_KEEP_ALIVE = 15.0
_DIGITS = 20
"""More than any sequence has."""
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@routes.get(
    "/api/v1/events",
    tags=["live"],
    response_class=Response,
    responses=may(401, 403)
    | {200: {"content": {"text/event-stream": {}}, "description": "An endless stream of events."}},
)
async def events(
    request: Request,
    here: Here,
    token: Annotated[str, Query(description="Access token, where no header can be set.")] = "",
    last_event_id: Annotated[str, Query(description="As the Last-Event-ID header.")] = "",
) -> Response:
    """Everything that happens. `id` is the place in the feed; send the last one to get what came since."""
    token = bearer_of(request) or token
    principal = await admitted(here.door, token)
    after = _place(request.headers.get("last-event-id") or last_event_id)
    return EventStream(here, principal.session_id, token, after)


def _place(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
        raise BadRequest("Last-Event-ID: it is a number that an event of this stream had as its id.")
    return int(text)


class EventStream(Response):
    """Writes the past first, then what happens."""

    def __init__(self, here: Gateway, session_id: str, token: str, after: int | None) -> None:
        super().__init__(
            media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        del self.headers["content-length"]
        self._here = here
        self._session_id = session_id
        self._token = token
        self._after = after

    async def __call__(self, _scope: Any, receive: Any, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        # A client that is gone or stuck, or a bus that is away: the client comes back with its last id.
        with suppress(OSError, Unavailable):
            await first_of(self._write_all(send), _left(receive), token_over(self._here.door, self._token))
        await write(send, b"", more=False)

    async def _write_all(self, send: Send) -> None:
        place = await self._start()
        await write(send, f"retry: 2000\nid: {place}\n\n".encode())
        place = await self._catch_up(send, place)
        listener = await self._here.feed.join(self._session_id, "sse")
        try:
            place = await self._catch_up(send, place)  # what came between the last reading and joining
            if (health := self._here.wellbeing.latest) is not None:
                await write(send, health.event)
            await first_of(_follow(send, listener, place), listener.ended())
        finally:
            self._here.feed.leave(listener)

    async def _start(self) -> int:
        last = await self._here.bus.last_sequence(FEED)
        if self._after is None:
            return last
        return self._after if self._after <= last else 0  # the feed began anew: everything in it is news

    async def _catch_up(self, send: Send, place: int) -> int:
        while page := await self._here.bus.replay(FEED, place, _PAGE):
            for address, message, delivery in page:
                notice = self._here.feed.replayed(address, message, delivery.sequence)
                if notice is not None:
                    await write(send, notice.event)
                place = delivery.sequence
        return place


async def _follow(send: Send, listener: Listener, place: int) -> None:
    while True:
        try:
            async with asyncio.timeout(_KEEP_ALIVE):
                notice = await listener.next()
        except TimeoutError:
            await write(send, b": still here\n\n")
            continue
        if notice.sequence == 0 or notice.sequence > place:
            await write(send, notice.event)
            place = max(place, notice.sequence)


async def write(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _left(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
