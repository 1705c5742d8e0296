"""Keeps the disk from filling up: folders of ended attempts go, and inputs that were not used for long."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from andon.agent.adapters.cache import Cache
from andon.agent.store.attempts import Attempts

_EVERY_SECONDS = 30.0
_MOST_KEPT = 500


@dataclass
class Tidying:
    folder: Path
    attempts: Attempts
    cache: Cache
    reserve: int
    """Bytes of the disk that stay free: below, no job is taken."""
    keep_seconds: float
    """How long the folder of an ended attempt is kept for people to look into."""

    async def keep_tidy(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.to_thread(self._tidy)
            await asyncio.sleep(_EVERY_SECONDS)

    async def has_room(self) -> bool:
        """Whether a job may be taken; makes room first where there is none."""
        if self._free() > 0:
            return True
        await self.make_room()
        return self._free() > 0

    async def is_tight(self) -> bool:
        """Whether half the reserve is gone, and nothing may go any more."""
        if self._free() + self.reserve / 2 >= 0:
            return False
        await self.make_room()
        return self._free() + self.reserve / 2 < 0

    async def make_room(self) -> None:
        """All that may go goes."""
        await asyncio.to_thread(self._clear)

    def _free(self) -> int:
        return shutil.disk_usage(self.folder).free - self.reserve

    def _tidy(self) -> None:
        done = self.attempts.done()
        for place, (age, folder) in enumerate(done):
            if age > self.keep_seconds or len(done) - place > _MOST_KEPT:
                folder.remove()
        if self._free() <= 0:
            self._clear()

    def _clear(self) -> None:
        for _, folder in self.attempts.done():
            folder.remove()
        if self._free() <= 0:
            self.cache.shrink(0)
