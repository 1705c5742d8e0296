"""What every WebSocket does: let in, tell until it is over, and say by its code why it was closed."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

from fastapi import WebSocket, WebSocketDisconnect

from andon.contracts import BadRequest, Forbidden, Refused, Unauthorised, Unavailable
from andon.gateway.context import Gateway
from andon.gateway.realtime.connection import SEND_SECONDS, admitted, first_of, token_over
from andon.gateway.realtime.feed import Ending, Feed, Listener

_BAD_REQUEST, _NOT_SIGNED_IN, _NOT_ALLOWED, _BROKEN = 4400, 4401, 4403, 1011
_TRY_LATER = 1013
"""Closed since the client reads too slowly, or since nobody can tell now who it is."""
_CODES = (
    (Unauthorised, _NOT_SIGNED_IN),
    (Forbidden, _NOT_ALLOWED),
    (BadRequest, _BAD_REQUEST),
    (Unavailable, _TRY_LATER),
)
_CLOSE_SECONDS = 2.0


@asynccontextmanager
async def telling(socket: WebSocket, protocol: str | None = None) -> AsyncGenerator[None]:
    """Accept, and close with the code of whatever is refused in between; a client that left is no error.

    Accepted first: a browser sees the code of a closed socket, but not why one was refused.
    """
    await socket.accept(protocol)
    try:
        yield
    except Refused as refused:
        code = next((code for kind, code in _CODES if isinstance(refused, kind)), _BROKEN)
        await closed(socket, code, str(refused))
    except (WebSocketDisconnect, TimeoutError):
        return


async def attend(
    here: Gateway, feed: Feed, token: str, kind: str, ways: Callable[[Listener], Iterable[Awaitable[Any]]]
) -> NoReturn:
    """Listen to a feed until one of the `ways` ends, which they do by raising, or the token does.

    Raises Unauthorised, Forbidden, Unavailable and what a way raises.
    """
    principal = await admitted(here.door, token)
    listener = await feed.join(principal.session_id, kind)
    try:
        await first_of(*ways(listener), listener.ended(), token_over(here.door, token))
    finally:
        feed.leave(listener)
    if listener.ending is Ending.SLOW:
        raise Unavailable("too slow")
    raise Unauthorised("the session is over")


async def send(socket: WebSocket, text: str) -> None:
    """Raises TimeoutError when the client does not take it."""
    async with asyncio.timeout(SEND_SECONDS):
        await socket.send_text(text)


async def left(socket: WebSocket) -> None:
    """What the client says is of no interest; that it leaves is. Raises WebSocketDisconnect."""
    while True:
        if (await socket.receive())["type"] == "websocket.disconnect":
            raise WebSocketDisconnect


async def closed(socket: WebSocket, code: int, reason: str) -> None:
    """Close, with as much of the reason as fits."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
