"""How every part is doing, looked after while anybody listens, and told once it changes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from andon.gateway.realtime.feed import Feed, Notice, encoded

ADDRESS = "gateway.health.changed.v1"
"""No subject of the bus: it tells of the bus, too, and of what this gateway reaches."""
_LOOK_SECONDS = 5.0
_SURE_SECONDS = 1.0
"""A part that is found otherwise is looked at once more before anybody is told: a restart is no news."""


class Look(BaseModel):
    """What was found of all parts."""

    shown: dict[str, object]
    """As clients are told."""
    well: Mapping[str, bool]
    """By name."""


@dataclass
class Wellbeing:
    """Asks once, however many dashboards are open; nothing while there is none."""

    feed: Feed
    look: Callable[[], Awaitable[Look]]
    latest: Notice | None = None
    """What was told last; None while nobody listens."""
    _well: Mapping[str, bool] | None = None

    async def run(self) -> None:
        """For as long as the gateway runs."""
        while True:
            if self.feed.has("sse"):
                await self.see()
            else:
                self.latest = self._well = None
            await asyncio.sleep(_LOOK_SECONDS)

    async def see(self) -> None:
        """Look, and tell if it is otherwise than was told."""
        found = await self.look()
        if self._well is not None and found.well != self._well:
            await asyncio.sleep(_SURE_SECONDS)
            found = await self.look()
        if found.well == self._well:
            return
        self._well = found.well
        self.latest = Notice(0, ADDRESS, "health", encoded(found.shown))
        self.feed.tell(self.latest)
