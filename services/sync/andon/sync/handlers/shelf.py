"""Changes files one after the other, each with its event in the same write."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from andon.contracts import Unavailable
from andon.contracts.sync import Change, FileChanged
from andon.sync.domain.files import File
from andon.sync.domain.names import identity
from andon.sync.handlers.relay import Relay
from andon.sync.store.documents import Kept, Told
from andon.sync.store.files import Files

_TRIES = 20
_TEXT_BYTES = 8192
_OUTBOX = 32
"""Events of one file that wait for a bus that is away; more become one."""

Decide = Callable[[Kept], Awaitable[File]]
"""The file as it should be; the same one where nothing is to be written."""


@dataclass(frozen=True)
class Shelf:
    """All files, on their way through a change."""

    files: Files
    relay: Relay
    clock: Callable[[], datetime]

    async def change(self, uid: str, path: str, decide: Decide, text: str | None = None) -> File:
        """Decide, write, tell; anew whenever somebody else was faster. Raises what `decide` raises."""
        key = identity(uid, path)
        async with self.files.turn(key):
            kept, fresh = self.files.remembered(key), False
            for _ in range(_TRIES):
                if kept is None:
                    kept, fresh = await self.files.read(key), True
                new = kept is None
                before = kept or Kept(key, self._nothing(uid, path))
                try:
                    after = await decide(before)
                except Exception:
                    if fresh:
                        raise
                    kept = None
                    continue
                if after is before.file:
                    if fresh:
                        return after
                    kept = None  # what is remembered may be old: nothing is answered from memory alone
                    continue
                done = changed(before, after, text)
                if await self.files.save(None if new else before, done):
                    self.relay.tell(done)
                    return done.file
                kept = None
        raise Unavailable(f"{path} is being changed by many at once; send it again")

    def _nothing(self, uid: str, path: str) -> File:
        return File(uid, path, 0, 0, (), "", self.clock())


def shown(data: bytes) -> str | None:
    """What dashboards may show as it comes: a little text."""
    if not data or len(data) > _TEXT_BYTES or b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def changed(before: Kept, after: File, text: str | None = None) -> Kept:
    """With the next version, and an event where a reader would see a difference."""
    file = replace(after, version=before.file.version + 1)
    event = _event(before.file, file, text)
    if event is None:
        return Kept(before.id, file, before.outbox)
    told = Told(file.version, event)
    if len(before.outbox) >= _OUTBOX:
        first = min(each.event.offset for each in before.outbox)
        one = event.model_copy(update={"offset": min(first, event.offset), "text": None})
        return Kept(before.id, file, (Told(file.version, one),))
    return Kept(before.id, file, (*before.outbox, told))


def _event(before: File, after: File, text: str | None) -> FileChanged | None:
    if (before.generation, before.size) == (after.generation, after.size):
        return None
    grown = before.generation == after.generation or (before.generation == 0 and after.generation == 1)
    offset = before.size if grown else 0
    return FileChanged(
        uid=after.uid,
        path=after.path,
        change=Change.GROWN if grown else Change.REPLACED,
        generation=after.generation,
        offset=offset,
        size=after.size,
        text=text if grown and text and len(text.encode()) == after.size - offset else None,
        at=after.written_at,
    )
