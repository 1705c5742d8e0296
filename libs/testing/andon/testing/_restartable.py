"""A server that a test may take away and bring back."""

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

from andon.runtime.embedded import Server

A = TypeVar("A")


@dataclass(frozen=True)
class Restartable(Generic[A]):
    """One real server of a test's own; its ports and its store outlive each kill."""

    server: Server
    address: A
    """URL, URI or `S3Address`, as the fixture of the shared server would give it."""

    async def start(self, within: float = 30.0) -> None:
        """Start it and wait until it answers; the event loop goes on meanwhile."""
        self.server.launch()  # on this thread: the kernel ends a child with the thread that started it
        await asyncio.to_thread(self.server.wait_ready, within)

    def kill(self) -> None:
        """SIGKILL."""
        self.server.kill()

    async def restart(self, within: float = 30.0) -> None:
        """SIGKILL, then start on the same store and ports."""
        self.kill()
        await self.start(within)
