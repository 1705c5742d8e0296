"""Lets a chunk that came early wait for those before it: a worker sends over several connections."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from andon.sync.store.files import Files

_SEEN_SECONDS, _UNSEEN_SECONDS = 10.0, 1.0
"""How long for one that is on its way here, and for one that may be on its way to another process."""
_LOOK_SECONDS = 0.05


@dataclass
class Order:
    """Of the chunks of each file that this process has in work."""

    files: Files
    _coming: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])
    """Where those chunks end, by file."""
    _news: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])

    @contextmanager
    def coming(self, key: str, end: int) -> Generator[None]:
        """While the block lasts, a chunk that ends there is in work."""
        ends = self._coming.setdefault(key, Counter())
        ends[end] += 1
        try:
            yield
        finally:
            ends -= Counter([end])
            if not ends:
                self._coming.pop(key, None)
            if news := self._news.pop(key, None):
                news.set()

    async def wait(self, key: str, generation: int, offset: int) -> None:
        """Until the file has grown to here, or nothing more may be expected. Raises Unavailable."""
        clock = asyncio.get_running_loop().time
        began = clock()
        kept = self.files.remembered(key)
        while offset:
            if kept is not None and ((kept.file.generation or 1) != generation or kept.file.size >= offset):
                return
            seen = self._coming.get(key, Counter[int]())[offset] > 0
            if clock() - began > (_SEEN_SECONDS if seen else _UNSEEN_SECONDS):
                return
            news = self._news.setdefault(key, asyncio.Event())
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), _LOOK_SECONDS)
            kept = self.files.remembered(key)
            if not seen and (kept is None or kept.file.size < offset):
                kept = await self.files.read(key)
