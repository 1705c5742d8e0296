"""Who may open a WebSocket, and how it is told why not."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import WebSocket, WebSocketDisconnect

from andon.contracts import BadRequest, Forbidden, Refused, Unauthorised, Unavailable
from andon.gateway.realtime.websocket import NOT_ALLOWED, NOT_SIGNED_IN, TRY_LATER, closed

_BAD_REQUEST, _BROKEN = 4400, 1011
_CODES = (
    (Unauthorised, NOT_SIGNED_IN),
    (Forbidden, NOT_ALLOWED),
    (BadRequest, _BAD_REQUEST),
    (Unavailable, TRY_LATER),
)


@asynccontextmanager
async def telling(socket: WebSocket) -> AsyncGenerator[None]:
    """Accept, and close with the code of whatever is refused in between; a client that left is no error.

    Accepted first: a browser sees the code of a closed socket, but not why one was refused.
    """
    await socket.accept()
    try:
        yield
    except Refused as refused:
        code = next((code for kind, code in _CODES if isinstance(refused, kind)), _BROKEN)
        await closed(socket, code, str(refused))
    except (WebSocketDisconnect, TimeoutError):
        return
