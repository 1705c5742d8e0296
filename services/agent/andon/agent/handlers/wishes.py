"""What the queue and this machine want of an attempt."""

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Wishes:
    """Of one attempt; what was once wanted of it stays, but for a pause."""

    stop: bool = False
    pause: bool = False
    over: bool = False
    """The lease is: end it, say nothing."""
    dropped: bool = False
    """The agent stops, and its jobs with it."""
    overfull: str = ""
    """It fills the disk: the words for its user."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Something happened that it should look at."""

    @property
    def end(self) -> bool:
        """Its process is to end, whatever the reason."""
        return self.stop or self.over or self.dropped or bool(self.overfull)

    def heed(self, *, stop: bool, pause: bool) -> None:
        """As the queue says."""
        if (stop and not self.stop) or pause != self.pause:
            self.stop, self.pause = self.stop or stop, pause
            self.news.set()

    def revoke(self) -> None:
        """The lease is over."""
        self.over = True
        self.news.set()

    def drop(self) -> None:
        """End it because the agent ends."""
        self.dropped = True
        self.news.set()

    def empty(self, why: str) -> None:
        """End it because it fills the disk."""
        self.overfull = self.overfull or why
        self.news.set()

    async def wait(self, seconds: float, other: "asyncio.Future[Any] | None" = None) -> None:
        """Until there is news, or `other` is done, or it is time to look again."""
        waiting = asyncio.ensure_future(self.news.wait())
        futures: list[asyncio.Future[Any]] = [waiting] if other is None else [waiting, other]
        try:
            await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        self.news.clear()
