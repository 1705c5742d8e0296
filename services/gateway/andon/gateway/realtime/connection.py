"""What WebSocket and SSE connections have in common: who may listen, and when it is over."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from andon.contracts import Forbidden, Unauthorised, Unavailable
from andon.gateway.principal import Door
from andon.security import Principal

SEND_SECONDS = 10.0
"""How long one message may take to get rid of before the client counts as gone."""
_LOOK_AGAIN = 5.0
"""Seconds between two looks at a connection's token."""


async def admitted(door: Door, token: str) -> Principal:
    """Raises Unauthorised, Forbidden, Unavailable."""
    principal = await door.admit(token)
    if "view_history" not in principal.permissions:
        raise Forbidden("This needs the permission 'view_history', which your role does not have.")
    return principal


async def token_over(door: Door, token: str) -> None:
    """Returns once a token that was good is good no more."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN)
        try:
            await door.admit(token)
        except Unauthorised:
            return
        except Unavailable:
            continue  # auth is away: what was admitted stays


async def first_of(*ways: Awaitable[Any]) -> None:
    """Waits for the first of several endings, calls off the others and raises what the first one raised."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
