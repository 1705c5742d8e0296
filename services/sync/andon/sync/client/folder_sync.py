"""Keeps a folder the same on the server: looks, sends, watches, and compares all at the end."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchfiles import awatch

from andon.contracts.sync import FileCheckpoint, SyncStatus
from andon.sync.client import folder
from andon.sync.client.folder import Found
from andon.sync.client.ledger import FOLDER, Entry, Ledger
from andon.sync.client.one_file import OneFile, Unsteady, together
from andon.sync.client.packs import SMALL, Packs
from andon.sync.client.server import Server, Turned, is_fatal
from andon.sync.domain.files import LEASE
from andon.sync.domain.names import grows
from andon.telemetry import log

_BATCH = 1000
"""Files of one question to the server or the ledger."""
_FILES, _PARTS = 4, 4
"""Files and chunks at once."""
_PROBLEMS = 1000
_DIRTY = 20_000
"""Changes that are remembered by name; more make for a look at everything."""
_TAKEN_SECONDS = 1.0
_log = log("andon.sync")


@dataclass
class Stats:
    """What was done, for who looks on."""

    files: int = 0
    """Looked at."""
    changed: int = 0
    """That had to be sent, or a part of them."""
    read_bytes: int = 0
    """Sent, unpacked."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Why not, by path; the last look's."""
    status: SyncStatus = SyncStatus.PENDING


@dataclass
class FolderSync:
    """One folder, one experiment. What can't be sent is reported, and the others go on."""

    root: Path
    server: Server
    ledger: Ledger
    stats: Stats = field(default_factory=Stats)
    rescan_seconds: float = 60.0
    """Between two looks at everything, whatever was heard of changes."""
    only: tuple[str, ...] = ()
    """Patterns of paths, where * stands for slashes too; none is all. What fits none is no part of it."""
    _dirty: set[str] = field(default_factory=set[str])
    _all: bool = True
    _nothing_there: bool = False
    """On the server, until something was sent: it need not be asked for every new file."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        parts = asyncio.Semaphore(_PARTS)
        self._one = OneFile(self.root, self.server, self.ledger, parts, self._read)
        self._packs = Packs(self.root, self.server, self.ledger, self._read, self._report)
        self._slots = asyncio.Semaphore(_FILES)

    async def register(self, code_version: str | None = None) -> None:
        """Make the experiment known. Raises Turned, GaveUp."""
        status = await self.server.register(socket.gethostname(), code_version)
        self._nothing_there = status is SyncStatus.PENDING

    def pending(self) -> Iterator[Found]:
        """What would be sent now, as far as this side knows; sends nothing."""
        for batch in folder.batches(self._scan(), _BATCH):
            known = self.ledger.entries([found.path for found in batch])
            yield from (found for found in batch if _differs(found, known.get(found.path)))

    async def pass_over(self, below: Iterable[str] | None = None) -> None:
        """Send what has changed: in all of the folder, or of these paths. Raises Turned where the key is
        not good, GaveUp."""
        if below is None:
            self.stats.problems.clear()
        found = self._scan() if below is None else self._named(below)
        try:
            for batch in folder.batches(found, _BATCH):
                await self._batch(batch)
        finally:
            self._nothing_there = False

    async def finish(self, rounds: int = 5) -> SyncStatus:
        """Send what is left, compare all by hash, and send anew what is not the same.

        A file that another writer had until now is waited for: this may be the one that replaces it.
        """
        status, end = SyncStatus.OUTDATED, time.monotonic() + LEASE.total_seconds() * 1.5
        while rounds > 0:
            await self.pass_over()
            needs, status = await self._compared()
            self.stats.status = status
            if not needs:
                break
            self.ledger.drop(needs)
            taken = next((why for why in self.stats.problems.values() if why.startswith("writer:")), None)
            if taken and time.monotonic() < end:
                self.server.on_wait(taken, _TAKEN_SECONDS)
                await asyncio.sleep(_TAKEN_SECONDS)
            else:
                rounds -= 1
        return status

    async def watch(self, stop: asyncio.Event) -> None:
        """Until `stop` is set: send what changes. Raises Turned where the key is not good."""
        hearing = asyncio.create_task(self._hear(stop))
        stopping = asyncio.create_task(stop.wait())
        looked = time.monotonic()
        try:
            while not stop.is_set():
                everything = self._all or time.monotonic() - looked >= self.rescan_seconds
                dirty, self._dirty, self._all = self._dirty, set(), False
                self._news.clear()
                work = asyncio.create_task(self.pass_over(None if everything else dirty))
                looked = time.monotonic() if everything else looked
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    work.cancel()
                    await asyncio.wait({work})
                    return
                await work
                await self._rest(stopping)
        finally:
            for task in (hearing, stopping):
                task.cancel()
            await asyncio.wait({hearing, stopping})

    async def _rest(self, stopping: "asyncio.Task[bool]") -> None:
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait({news, stopping}, timeout=self.rescan_seconds, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _hear(self, stop: asyncio.Event) -> None:
        """Remember what changes. Where the system can't tell, everything is looked at again and again."""
        while True:
            try:
                async for changes in awatch(
                    self.root, watch_filter=None, stop_event=stop, debounce=200, step=50,
                    ignore_permission_denied=True,
                ):  # fmt: skip
                    self._heard({path for _, path in changes})
            except (OSError, RuntimeError) as error:
                _log.warning("changes are looked for, not heard of", reason=str(error))
            self._all = True
            self._news.set()
            await asyncio.sleep(2)

    def _heard(self, changed: Iterable[str]) -> None:
        own = f"{FOLDER}/"
        paths = {os.path.relpath(path, self.root) for path in changed}
        self._dirty |= {path for path in paths if path != FOLDER and not path.startswith(own)}
        if len(self._dirty) > _DIRTY:
            self._dirty.clear()
            self._all = True
        if self._dirty or self._all:
            self._news.set()

    def _scan(self) -> Iterator[Found]:
        return filter(self._chosen, folder.scan(self.root, self._told_of))

    def _chosen(self, found: Found) -> bool:
        return folder.is_chosen(found.local, self.only)

    def _told_of(self, path: str, why: str) -> None:
        if folder.is_chosen(path, self.only):
            self._report(path, why)

    def _named(self, paths: Iterable[str]) -> Iterator[Found]:
        for path in sorted(paths):
            if (self.root / path).is_dir() and not (self.root / path).is_symlink():
                below = "" if path == "." else path
                yield from filter(self._chosen, folder.scan(self.root, self._told_of, below))
            elif (found := folder.look(self.root, path, self._told_of)) is not None and self._chosen(found):
                yield found

    async def _batch(self, batch: list[Found]) -> None:
        self.stats.files += len(batch)
        known = self.ledger.entries([found.path for found in batch])
        alone = folder.alone(batch, known, self.root, self._report)
        changed = [found for found in alone if _differs(found, known.get(found.path))]
        new = [found.path for found in changed if found.path not in known]
        there = await self.server.state(new) if new and not self._nothing_there else {}
        self.stats.changed += len(changed)
        small = [found for found in changed if _is_small(found, known, there)]
        big = [found for found in changed if not _is_small(found, known, there)]
        await self._packs.bring(small, there)
        await together([self._bring(one, known.get(one.path), there.get(one.path)) for one in big])

    async def _bring(self, found: Found, known: Entry | None, there: FileCheckpoint | None) -> None:
        async with self._slots:
            try:
                await self._one.bring(found, known, there)
            except FileNotFoundError:
                return  # gone before it was read
            except OSError as error:
                self._report(found.path, error.strerror or str(error))
            except Unsteady as error:
                self._report(found.path, str(error))
            except Turned as turned:
                if is_fatal(turned):
                    raise
                self._report(found.path, str(turned))

    async def _compared(self) -> tuple[list[str], SyncStatus]:
        """What must be sent again, and how the experiment stands."""
        needs: list[str] = []
        total, status = 0, SyncStatus.SYNCED
        async for page, last in self._pages():
            total += len(page)
            found = await self._finished(page, last=last, clean=not needs, total=total)
            needs += found["needs_resync"]
            status = SyncStatus(found["status"])
        return needs, status

    async def _finished(
        self, page: list[dict[str, object]], *, last: bool, clean: bool, total: int
    ) -> dict[str, list[str]]:
        while True:
            found = await self.server.finish(page, last=last, clean=clean, total=total)
            if not found["checking"] or found["needs_resync"]:
                return found
            self.server.on_wait("the server reads files back to compare them", 0)

    async def _pages(self) -> AsyncIterator[tuple[list[dict[str, object]], bool]]:
        batches = folder.batches(self._scan(), _BATCH)
        batch = next(batches, [])
        while True:
            following = next(batches, [])
            known = self.ledger.entries([found.path for found in batch])
            hashed = await asyncio.to_thread(self._hashed, folder.alone(batch, known, self.root, None), known)
            yield hashed, not following
            if not following:
                return
            batch = following

    def _hashed(self, batch: list[Found], known: dict[str, Entry]) -> list[dict[str, object]]:
        page: list[dict[str, object]] = []
        learned: list[Entry] = []
        for found in batch:
            entry = known.get(found.path)
            same = entry if entry and entry.stamp == found.stamp else None
            digest = same.sha256 if same else None
            if digest is None:
                settled = folder.is_settled(found.stamp)
                try:
                    with folder.opened(self.root, found.local) as file:
                        digest = folder.sha256(file, found.stamp.length)
                except OSError as error:
                    self._report(found.path, error.strerror or str(error))
                    continue
                if same and settled:
                    learned.append(replace(same, sha256=digest))
            page.append({"path": found.path, "size": found.stamp.length, "sha256": digest})
        self.ledger.put(learned)
        return page

    def _read(self, count: int) -> None:
        self.stats.read_bytes += count

    def _report(self, path: str, why: str) -> None:
        if len(self.stats.problems) < _PROBLEMS:
            self.stats.problems[path] = why


def _is_small(found: Found, known: dict[str, Entry], there: dict[str, FileCheckpoint]) -> bool:
    """Whether it travels with others: all of it, since it is no log, or a log that begins."""
    if found.stamp.length > SMALL:
        return False
    return not grows(found.local) or (found.path not in known and found.path not in there)


def _differs(found: Found, known: Entry | None) -> bool:
    return known is None or known.stamp != found.stamp or known.size != found.stamp.length
