"""Hashes of whole files, carried on with every chunk; read back from the store only where that was lost."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import xxhash

from andon.contracts import NotFound, Unavailable
from andon.sync.adapters.objects import Objects
from andon.sync.domain.files import File
from andon.telemetry import log

_REMEMBERED = 4096
_AT_ONCE = 2
_log = log("andon.sync")


@dataclass(frozen=True)
class Reached:
    """Hashes of a file's first bytes, ready to go on."""

    generation: int
    size: int
    sha: Any
    xxh: Any

    @property
    def sha256(self) -> str:
        return self.sha.hexdigest()

    @property
    def xxh3(self) -> str:
        return self.xxh.hexdigest()

    def further(self, data: bytes) -> "Reached":
        sha, xxh = self.sha.copy(), self.xxh.copy()
        sha.update(data)
        xxh.update(data)
        return Reached(self.generation, self.size + len(data), sha, xxh)


@dataclass
class Running:
    """What is known of files' hashes in this process."""

    objects: Objects
    _reached: OrderedDict[str, Reached] = field(default_factory=OrderedDict[str, Reached])
    _reading: dict[str, "asyncio.Task[Reached | None]"] = field(
        default_factory=dict[str, "asyncio.Task[Reached | None]"]
    )
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def further(self, key: str, generation: int, offset: int, data: bytes) -> Reached | None:
        """Hashes with these bytes behind the first `offset`; None where those are not at hand."""
        reached = self._reached.get(key)
        if offset == 0:
            reached = _nothing(generation)
        elif reached is None or (reached.generation, reached.size) != (generation, offset):
            return None
        return await asyncio.to_thread(reached.further, data)

    def keep(self, key: str, reached: Reached | None) -> None:
        """Go on from here with the next chunk."""
        before = self._reached.get(key)
        if reached is None or (
            before and before.generation == reached.generation and before.size > reached.size
        ):
            return
        self._reached[key] = reached
        self._reached.move_to_end(key)
        if len(self._reached) > _REMEMBERED:
            self._reached.popitem(last=False)

    async def of(self, key: str, file: File, seconds: float) -> Reached | None:
        """Hashes of all of a file, read back if need be; None when that takes longer: ask again.

        Raises NotFound where an object of the file is gone, Unavailable while the store is away.
        """
        known = self._reached.get(key)
        if known is not None and (known.generation, known.size) == (file.generation, file.size):
            return known
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._read(key, file))
            task.add_done_callback(lambda done: self._read_all(key, done))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            return None
        found = task.result()
        same = found and (found.generation, found.size) == (file.generation, file.size)
        return found if same else None

    async def stop(self) -> None:
        """Give up what is being read."""
        while self._reading:
            for task in list(self._reading.values()):
                task.cancel()
            await asyncio.wait(set(self._reading.values()), timeout=1)

    async def _read(self, key: str, file: File) -> Reached:
        async with self._slots:
            reached = self._reached.get(key)
            if reached is None or reached.generation != file.generation or reached.size > file.size:
                reached = _nothing(file.generation)
            async for data in self.objects.stream(file, reached.size):
                reached = await asyncio.to_thread(reached.further, data)
            self.keep(key, reached)
            return reached

    def _read_all(self, key: str, done: "asyncio.Task[Reached | None]") -> None:
        self._reading.pop(key, None)
        if done.cancelled():
            return
        error = done.exception()
        if error is not None and not isinstance(error, (Unavailable, NotFound)):
            _log.error("a file could not be read back", file=key, exc_info=error)


def _nothing(generation: int) -> Reached:
    return Reached(generation, 0, hashlib.sha256(), xxhash.xxh3_64())
