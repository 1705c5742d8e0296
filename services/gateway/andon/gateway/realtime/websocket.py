"""WS /ws/dashboard: parts, alerts and statistics as they happen."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from andon.contracts import Forbidden, Unauthorised, Unavailable
from andon.gateway.context import Here
from andon.gateway.realtime.connection import SEND_SECONDS, admitted, first_of, token_over
from andon.gateway.realtime.feed import Ending, Listener

routes = APIRouter()

NOT_SIGNED_IN = 4401
NOT_ALLOWED = 4403
TRY_LATER = 1013
"""Closed since the client reads too slowly, or since nobody can tell now who it is."""
_CLOSE_SECONDS = 2.0


@routes.websocket("/ws/dashboard")
async def dashboard(socket: WebSocket, here: Here, token: str = "") -> None:
    # Accepted first: a browser sees the code of a closed socket, but not why one was refused.
    await socket.accept()
    try:
        principal = await admitted(here.door, token)
        listener = await here.feed.join(principal.session_id, "ws")
    except Unauthorised as refused:
        return await closed(socket, NOT_SIGNED_IN, str(refused))
    except Forbidden as refused:
        return await closed(socket, NOT_ALLOWED, str(refused))
    except Unavailable as away:
        return await closed(socket, TRY_LATER, str(away))
    try:
        listener.offer(await here.pulse.beat())
        await first_of(_tell(socket, listener), _left(socket), listener.ended(), token_over(here.door, token))
    except (WebSocketDisconnect, TimeoutError):
        return None
    finally:
        here.feed.leave(listener)
    if listener.ending is Ending.SLOW:
        return await closed(socket, TRY_LATER, "too slow")
    return await closed(socket, NOT_SIGNED_IN, "the session is over")


async def _tell(socket: WebSocket, listener: Listener) -> None:
    while True:
        notice = await listener.next()
        async with asyncio.timeout(SEND_SECONDS):
            await socket.send_text(notice.message)


async def _left(socket: WebSocket) -> None:
    while True:  # what a client says is of no interest; that it leaves is
        if (await socket.receive())["type"] == "websocket.disconnect":
            raise WebSocketDisconnect


async def closed(socket: WebSocket, code: int, reason: str) -> None:
    """Close, with as much of the reason as fits."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
