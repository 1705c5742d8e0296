"""The settings and queues in force, read again every moment."""

import asyncio
from dataclasses import dataclass, field

from andon.contracts.queue import Queue, QueueSettings
from andon.queue.domain.caps import Caps
from andon.queue.store.kept import Kept

_SECONDS = 1.0
"""What another replica changed is known here after so long."""


@dataclass
class Rules:
    kept: Kept
    _settings: QueueSettings = field(default_factory=QueueSettings)
    _queues: dict[str, Queue] = field(default_factory=dict[str, Queue])
    _read: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def settings(self) -> QueueSettings:
        await self._current()
        return self._settings

    async def queues(self) -> dict[str, Queue]:
        await self._current()
        return self._queues

    async def caps(self) -> Caps:
        await self._current()
        return Caps(self._settings, self._queues)

    def forget(self) -> None:
        """Read again at the next question: they were changed here."""
        self._read = None

    async def _current(self) -> None:
        if self._fresh():
            return
        async with self._reading:
            if self._fresh():
                return
            self._settings = await self.kept.settings()
            self._queues = {queue.name: queue for queue in await self.kept.queues()}
            self._read = asyncio.get_running_loop().time()

    def _fresh(self) -> bool:
        return self._read is not None and asyncio.get_running_loop().time() - self._read < _SECONDS
