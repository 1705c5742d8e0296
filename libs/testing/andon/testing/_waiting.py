"""Waiting for a condition, with a deadline instead of a sleep for luck."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    predicate: Callable[[], T | Awaitable[T]], within: float = 10.0, *, every: float = 0.02
) -> T:
    """Call `predicate`, sync or async, until it gives something truthy, and return that.

    An AssertionError counts as not yet, so a block of asserts can serve. Raises AssertionError after
    `within` seconds, with what it saw last.
    """
    deadline = time.monotonic() + within
    while True:
        seen: object
        try:
            seen = predicate()
            if inspect.isawaitable(seen):
                seen = await seen
            if seen:
                return seen  # type: ignore[return-value]
        except AssertionError as error:
            seen = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s; last seen: {seen!r}")
        await asyncio.sleep(every)
