"""The heartbeat of the dashboards: current statistics every five seconds, and sooner when parts come in."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from andon.contracts import Refused
from andon.gateway.realtime.feed import Feed, Notice, encoded

_BEAT = 5.0
_LEAST_PAUSE = 1.0


@dataclass
class Pulse:
    """Asks for the statistics once, however many dashboards are looking."""

    feed: Feed
    read: Callable[[], Awaitable[Mapping[str, Any]]]
    _latest: str = "{}"
    """The last statistics that could be had; empty while there never were any."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def beat(self) -> Notice:
        """With the statistics of now, or the last that could be had."""
        with suppress(Refused):  # the inspector is away: the heart beats on with what was known
            self._latest = encoded(await self.read())
        return Notice(0, "", "ping", self._latest)

    def refresh_soon(self) -> None:
        """The statistics are out of date, or somebody new wants to see them."""
        self._news.set()

    async def run(self) -> None:
        """For as long as the gateway runs."""
        next_beat = time.monotonic()
        while True:
            due = time.monotonic() >= next_beat
            if due:
                next_beat = time.monotonic() + _BEAT
            self._news.clear()
            if self.feed.has("ws"):
                beat = await self.beat()
                self.feed.tell(beat if due else replace(beat, kind="stats"), "ws")
            await self._pause(next_beat)

    async def _pause(self, next_beat: float) -> None:
        await asyncio.sleep(min(_LEAST_PAUSE, max(0.0, next_beat - time.monotonic())))
        left = next_beat - time.monotonic()
        if left > 0:
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return
