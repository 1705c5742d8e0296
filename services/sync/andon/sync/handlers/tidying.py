"""Makes few big objects of many small ones, and deletes what nobody needs any more."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from andon.contracts import NotFound, Unavailable
from andon.sync.adapters.objects import Objects
from andon.sync.domain.files import File, Segment, merged, to_merge, unneeded
from andon.sync.handlers.shelf import Shelf
from andon.sync.store.documents import PACKS, Kept
from andon.sync.store.files import Files
from andon.telemetry import log

_EVERY = 16
"""Segments between two looks at a file's shape."""
_WAITING = 10_000
_PAGE = 50
_log = log("andon.sync")


@dataclass
class Tidying:
    """Works behind the writers, never in front of them."""

    shelf: Shelf
    objects: Objects
    clock: Callable[[], datetime]
    grace: timedelta = timedelta(minutes=10)
    """How long what is not needed stays, for who is still reading it."""
    look_seconds: float = 30.0
    _to_see: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def files(self) -> Files:
        return self.shelf.files

    def look_at(self, key: str, file: File) -> None:
        """A file has grown."""
        if len(file.segments) % _EVERY == 0 and len(self._to_see) < _WAITING:
            self._to_see[key] = (file.uid, file.path)
            self._news.set()

    async def merge(self) -> None:
        """For as long as the service runs."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._to_see:
                key, (uid, path) = next(iter(self._to_see.items()))
                del self._to_see[key]
                try:
                    await self._merge(uid, path)
                except (Unavailable, NotFound) as why:
                    _log.warning("segments stay as they are", path=path, reason=str(why))
                    await asyncio.sleep(1)

    async def clean(self) -> None:
        """For as long as the service runs."""
        while True:
            try:
                while littered := await self.files.littered(self.clock() - self.grace, _PAGE):
                    for kept in littered:
                        await self._clean(kept)
            except Unavailable as away:
                _log.warning("garbage stays for now", reason=str(away))
            await asyncio.sleep(self.look_seconds)

    async def _merge(self, uid: str, path: str) -> None:
        more = True
        while more:
            more = False

            async def decide(kept: Kept) -> File:
                nonlocal more
                more = False
                run = to_merge(kept.file)
                one = await self._one_of(kept, run) if run else None
                after = merged(kept.file, run, one) if one else None
                more = after is not None
                return after or kept.file

            await self.shelf.change(uid, path, decide)

    async def _one_of(self, kept: Kept, run: list[Segment]) -> Segment:
        offset, length = run[0].offset, sum(each.length for each in run)
        data = await self.objects.read(kept.file, offset, length)
        sha256 = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        return await self.objects.keep(kept.id, kept.file.generation, offset, data, sha256)

    async def _clean(self, kept: Kept) -> None:
        gone = unneeded(kept.file)
        needed = {each.key for each in kept.file.segments}
        if kept.file.draft:
            needed |= {each.key for each in kept.file.draft.placed if each}
        former = await self.objects.former(kept.id, kept.file.generation)
        own = [name for name in {*gone, *former} - needed if not name.startswith(PACKS)]
        packs = [name for name in gone if name.startswith(PACKS) and not await self.files.shared(name)]
        await self.objects.delete([*own, *packs])
        rest = tuple(name for name in kept.file.garbage if name not in gone)
        after = replace(kept.file, garbage=rest, version=kept.file.version + 1)
        # Where somebody was faster it is looked at again; what was deleted is not missed by a repeat.
        await self.files.save(kept, Kept(kept.id, after, kept.outbox))
