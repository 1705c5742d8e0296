"""Many small files in few requests."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from andon.contracts.sync import CHUNK_BYTES, FileCheckpoint
from andon.sync.adapters.wire import pack_of
from andon.sync.client import folder
from andon.sync.client.folder import Found, Report
from andon.sync.client.ledger import Entry, Ledger
from andon.sync.client.one_file import together
from andon.sync.client.server import Server, Turned, is_fatal

SMALL = 256 * 1024
"""Bytes up to which a file travels with others."""
_ROOM = CHUNK_BYTES - 512 * 1024
_FILES = 250
_AT_ONCE = 3


@dataclass(frozen=True)
class _Read:
    found: Found
    entry: Entry
    data: bytes
    sha256: str


@dataclass(frozen=True)
class Packs:
    root: Path
    server: Server
    ledger: Ledger
    read: Callable[[int], None]
    report: Report

    async def bring(self, files: list[Found], there: dict[str, FileCheckpoint]) -> None:
        """Send them; those the server has already are only noted. Raises Turned where the key is not good."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def send(group: list[Found]) -> None:
            async with slots:
                parts = await asyncio.to_thread(lambda: list(filter(None, map(self._read, group))))
                if parts:
                    await self._send([part for part in parts if not _is_there(part, there)], parts)

        await together([send(group) for group in _groups(files)])

    async def _send(self, new: list[_Read], parts: list[_Read]) -> None:
        refused: dict[str, str] = {}
        if new:
            pack = await asyncio.to_thread(
                pack_of, [(each.found.path, each.data, each.sha256) for each in new]
            )
            try:
                refused = await self.server.pack(pack)
            except Turned as turned:
                if is_fatal(turned):
                    raise
                refused = dict.fromkeys((each.found.path for each in new), str(turned))
        for path, why in refused.items():
            self.report(path, why)
        self.read(sum(len(each.data) for each in new))
        await asyncio.to_thread(
            self.ledger.put, [each.entry for each in parts if each.found.path not in refused]
        )

    def _read(self, found: Found) -> _Read | None:
        try:
            with folder.opened(self.root, found.local) as file:
                stamp = folder.stamp(file)
                data = folder.read(file, 0, min(stamp.length, SMALL))
                settled = folder.stamp(file) == stamp and folder.is_settled(stamp)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.report(found.path, error.strerror or str(error))
            return None
        if stamp.length > SMALL:
            return None  # it has grown: the next look finds it among the big ones
        digest = hashlib.sha256(data).hexdigest()
        # What is noted is what was read: where the file is longer by now, the next look sees a difference.
        known = digest if settled else None
        entry = Entry(found.path, found.local, 1, len(data), stamp, folder.tail_of(data), known)
        return _Read(found, entry, data, digest)


def _is_there(part: _Read, there: dict[str, FileCheckpoint]) -> bool:
    theirs = there.get(part.found.path)
    return theirs is not None and (theirs.size, theirs.sha256) == (len(part.data), part.sha256)


def _groups(files: list[Found]) -> Iterator[list[Found]]:
    group: list[Found] = []
    room = _ROOM
    for found in files:
        if group and (found.stamp.length > room or len(group) == _FILES):
            yield group
            group, room = [], _ROOM
        group.append(found)
        room -= found.stamp.length
    if group:
        yield group
