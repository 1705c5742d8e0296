"""WS /ws/dashboard: parts, alerts and statistics as they happen."""

from fastapi import APIRouter, WebSocket

from andon.gateway.context import Gateway, Here
from andon.gateway.realtime.feed import Listener
from andon.gateway.realtime.sockets import attend, left, send, telling

routes = APIRouter()


@routes.websocket("/ws/dashboard")
async def dashboard(socket: WebSocket, here: Here, token: str = "") -> None:
    async with telling(socket):
        await attend(
            here, here.feed, token, "ws", lambda listener: (_tell(here, socket, listener), left(socket))
        )


async def _tell(here: Gateway, socket: WebSocket, listener: Listener) -> None:
    listener.offer(await here.pulse.beat())
    while True:
        await send(socket, (await listener.next()).message)
