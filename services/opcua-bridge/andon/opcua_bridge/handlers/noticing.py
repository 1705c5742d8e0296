"""Says that something which is shown has changed, once it has, and not more often than screens need it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass

from andon.contracts import Unavailable

_LOOK_SECONDS = 0.5
_CALM_SECONDS = 2.0
"""Between two sayings: who comes and goes all the time is told of now and then."""


@dataclass(frozen=True)
class Noticing:
    """Looks at one thing for as long as the service lives; its first look is news, too."""

    look: Callable[[], Hashable]
    """What counts of it."""
    say: Callable[[], Awaitable[object]]
    """Tells how it is. Raises Unavailable."""

    async def run(self) -> None:
        said: Hashable = None
        while True:
            now = self.look()
            rest = _LOOK_SECONDS
            if now != said:
                with suppress(Unavailable):  # told by a later look
                    await self.say()
                    said, rest = now, _CALM_SECONDS
            await asyncio.sleep(rest)
