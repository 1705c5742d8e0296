"""Brings a job's output to the object store while it is written, segment by segment."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from andon.agent.domain.segments import name_of
from andon.agent.store.attempts import AttemptFolder
from andon.contracts import Unavailable
from andon.contracts.queue import Grant, LogRef
from andon.storage import Blobs

STREAMS = ("stdout", "stderr")
_GROWING_SECONDS = 4.0
"""A segment that is large already is sent again so seldom while it grows."""
_SMALL = 128 * 1024


@dataclass
class _Sent:
    """What is in the store, of one stream: bytes by offset."""

    sizes: dict[int, int] = field(default_factory=dict[int, int])
    at: dict[int, float] = field(default_factory=dict[int, float])


@dataclass
class Shipping:
    """Of one attempt."""

    blobs: Blobs
    folder: AttemptFolder
    grant: Grant
    _sent: dict[str, _Sent] = field(default_factory=lambda: {name: _Sent() for name in STREAMS})
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ship(self, *, last: bool = False) -> None:
        """Send what is new. Raises Unavailable; what was sent by then is not sent again."""
        async with self._lock:
            for stream in STREAMS:
                await self._ship(stream, self._sent[stream], last=last)

    def refs(self) -> dict[str, LogRef]:
        """Where the streams are, of those that said anything."""
        return {stream: ref for stream in STREAMS if (ref := self._ref(stream)) is not None}

    async def _ship(self, stream: str, sent: _Sent, *, last: bool) -> None:
        segments = self.folder.segments(stream)
        now = asyncio.get_running_loop().time()
        for offset, file in segments:
            size = _size(file)
            if size is None or size == sent.sizes.get(offset, 0):
                continue
            growing = offset == segments[-1][0] and size > _SMALL
            if not last and growing and now - sent.at.get(offset, -_GROWING_SECONDS) < _GROWING_SECONDS:
                continue
            data = await asyncio.to_thread(_content, file)
            if data is not None:
                await self.blobs.put(self._key(stream) + name_of(offset), data, "text/plain; charset=utf-8")
                sent.sizes[offset], sent.at[offset] = len(data), now
        await self._forget(stream, sent, {offset for offset, _ in segments})

    async def _forget(self, stream: str, sent: _Sent, here: set[int]) -> None:
        """What was left out here since is left out there, too."""
        gone = [offset for offset in sent.sizes if offset not in here]
        if gone and here:
            await self.blobs.delete_many([self._key(stream) + name_of(offset) for offset in gone])
            for offset in gone:
                del sent.sizes[offset]

    def _ref(self, stream: str) -> LogRef | None:
        sizes = sorted(self._sent[stream].sizes.items())
        if not sizes:
            return None
        reached = gap = 0
        for offset, size in sizes:
            gap += max(offset - reached, 0)
            reached = offset + size
        return LogRef(key=self._key(stream), size=reached, truncated=gap > 0)

    def _key(self, stream: str) -> str:
        return f"jobs/{self.grant.job.id}/{self.grant.lease.attempt}/{stream}/"


async def ship_patiently(shipping: Shipping, patience: float) -> None:
    """The last of it; given up when the store stays away for so many seconds: output is no reason to fail."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while True:
        try:
            await shipping.ship(last=True)
        except Unavailable:
            if loop.time() >= end:
                return
            await asyncio.sleep(0.5)
        else:
            return


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None  # left out meanwhile
