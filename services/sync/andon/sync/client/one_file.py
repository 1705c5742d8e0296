"""Brings one file's bytes to the server: what was appended, or the blocks that differ."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from andon.contracts.sync import BLOCKS, CHUNK_BYTES, RUN_BYTES, FileCheckpoint
from andon.sync.client import folder
from andon.sync.client.folder import Found
from andon.sync.client.ledger import Entry, Ledger, Stamp
from andon.sync.client.server import Server, Told, Turned
from andon.sync.domain.blocks import block_bytes, count, runs
from andon.sync.domain.names import grows

_TRIES = 6
_BAD = 400
_AHEAD = 3
"""Chunks of one growing file on their way at once; the server keeps them in order."""
_SURE = 0.8
"""Where as many as a run has would be packed to this part of what a request takes, a run is sent."""
_NOTE_SECONDS = 0.5
"""Between two notes on this side's disk: what a crash forgets of them, the server still knows."""


class Unsteady(Exception):
    """The file changes faster than it can be read."""


class _Changed(Exception):
    """Its bytes are others than a moment ago."""


@dataclass(frozen=True)
class OneFile:
    """Sends files, one at a time each."""

    root: Path
    server: Server
    ledger: Ledger
    parts: asyncio.Semaphore
    """Chunks on their way at once, of all files."""
    read: Callable[[int], None]
    """Told how many bytes were sent, unpacked."""

    async def bring(self, found: Found, known: Entry | None, there: FileCheckpoint | None) -> None:
        """Raises OSError, Turned, GaveUp, Unsteady."""
        with folder.opened(self.root, found.local) as file:
            attempt, reached = 0, -1
            while attempt < _TRIES:
                try:
                    await self._bring(file, found, known, there)
                except _Changed:
                    await asyncio.sleep(0.05 * 2**attempt)
                    known, there = None, (await self.server.state([found.path])).get(found.path)
                    size = there.size if there else 0
                    attempt, reached = (0, size) if size > reached else (attempt + 1, reached)
                else:
                    return
        raise Unsteady("it changes faster than it can be read; it will be tried again")

    async def _bring(
        self, file: BinaryIO, found: Found, known: Entry | None, there: FileCheckpoint | None
    ) -> None:
        stamp = folder.stamp(file)
        if grows(found.local) and (start := await self._start(file, stamp, found, known, there)) is not None:
            await self._append(file, stamp, found, *start)
        else:
            await self._replace(file, stamp, found)

    async def _start(
        self, file: BinaryIO, stamp: Stamp, found: Found, known: Entry | None, there: FileCheckpoint | None
    ) -> tuple[int, int] | None:
        """Generation and offset to append at; None where the server has other bytes."""
        if known is not None:
            same = (known.stamp.device, known.stamp.inode) == (stamp.device, stamp.inode)
            if not same or known.size > stamp.length:
                return None
            ours = await asyncio.to_thread(folder.tail, file, known.size)
            return (known.generation, known.size) if ours == known.tail else None
        if there is None:
            return 1, 0
        if there.size > stamp.length:
            return None
        theirs = there if there.sha256 else await self._hashed(found.path)
        if theirs is None or theirs.size > stamp.length:
            return None
        ours = await asyncio.to_thread(folder.sha256, file, theirs.size)
        return (theirs.generation, theirs.size) if ours == theirs.sha256 else None

    async def _hashed(self, path: str) -> FileCheckpoint | None:
        while True:  # the server reads a big file back; each question waits a few seconds for it
            there = (await self.server.state([path], hashes=True)).get(path)
            if there is None or there.sha256:
                return there

    async def _append(self, file: BinaryIO, stamp: Stamp, found: Found, generation: int, offset: int) -> None:
        size, noted, most = stamp.length, time.monotonic(), CHUNK_BYTES
        left = offset < size or size == 0  # an empty file is one chunk without bytes
        way: deque[tuple[int, asyncio.Task[Told]]] = deque()
        try:
            while left or way:
                while left and len(way) < _AHEAD:
                    end = min(offset + most, size)
                    chunk = self._chunk(file, found.path, generation, offset, end - offset)
                    way.append((end, asyncio.create_task(chunk)))
                    offset, left = end, end < size
                end, task = way.popleft()
                told = await task
                most = RUN_BYTES if told.share * RUN_BYTES < _SURE * CHUNK_BYTES else CHUNK_BYTES
                if not told.fits:
                    raise _Changed
                generation = told.generation
                if time.monotonic() - noted > _NOTE_SECONDS:
                    noted = time.monotonic()
                    await self._note(file, stamp, found, generation, end)
        finally:
            await ended([task for _, task in way])
        await self._note(file, stamp, found, generation, stamp.length)

    async def _chunk(self, file: BinaryIO, path: str, generation: int, offset: int, length: int) -> Told:
        async with self.parts:
            data = await asyncio.to_thread(folder.read, file, offset, length)
            if len(data) < length:
                raise _Changed  # it was cut off while it was read
            told = await self.server.chunk(path, generation, offset, data)
        if told.fits:
            self.read(length)
        return told

    async def _replace(self, file: BinaryIO, stamp: Stamp, found: Found) -> None:
        size = stamp.length
        block = block_bytes(size)
        if count(size, block) > BLOCKS:
            raise Turned(413, f"it has {size} bytes; files of up to {BLOCKS * block} are taken")
        blocks = await asyncio.to_thread(folder.block_hashes, file, size, block)
        if folder.stamp(file) != stamp and len(blocks) and folder.stamp(file).length < size:
            raise _Changed
        generation, missing = await self.server.begin(found.path, size, block, blocks)
        pieces = runs(missing, CHUNK_BYTES // block)
        await together([self._piece(file, found.path, generation, piece, block, size) for piece in pieces])
        await self._note(file, stamp, found, generation, size)

    async def _piece(  # noqa: PLR0913, PLR0917 - a run of blocks
        self, file: BinaryIO, path: str, generation: int, numbers: list[int], block: int, size: int
    ) -> None:
        offset = numbers[0] * block
        async with self.parts:
            length = min(len(numbers) * block, size - offset)
            data = await asyncio.to_thread(folder.read, file, offset, length)
            try:
                told = await self.server.chunk(path, generation, offset, data)
            except Turned as turned:
                if turned.status == _BAD:  # a block that was announced is another one now
                    raise _Changed from turned
                raise
        if not told.fits:
            raise _Changed
        self.read(length)

    async def _note(self, file: BinaryIO, stamp: Stamp, found: Found, generation: int, size: int) -> None:
        tail = await asyncio.to_thread(folder.tail, file, size)
        entry = Entry(found.path, found.local, generation, size, stamp, tail)
        await asyncio.to_thread(self.ledger.put, [entry])


async def together(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All at once; the first error ends the others and comes out."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await ended(tasks)


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, and let it end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
