"""Records and pictures on their way out, in steps that a crash may cut anywhere.

Written down in a journal, taken off the lists, taken out of the counts, pictures deleted, and at last only an
id that stays taken. Whoever finds a removal that is older than half a minute goes on where it stopped.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from pymongo import ReplaceOne, UpdateOne

from andon.contracts import Unavailable
from andon.inspection.store.journal import Journal, journals
from andon.inspection.store.ledger import Ledger, by_hour
from andon.inspection.store.rows import (
    Row,
    Why,
    entry_of,
    files_of,
    gone,
    keys_of,
    leaving,
    listed,
    owed,
    part_of,
)
from andon.storage import Database, reaching

_PATIENCE = timedelta(seconds=30)
_REPLAYS = timedelta(days=30)
"""How long an id stays taken: longer than any stream or parked message lasts."""

_Write = ReplaceOne[Row] | UpdateOne
_Change = Callable[[Row, bool], _Write | None]
"""What becomes of a row, told whether the counts hold its last write."""


@dataclass(frozen=True)
class Removed:
    """What a step took away."""

    records: int = 0
    stripped: int = 0
    """Records that stay without their pictures."""
    files: int = 0
    bytes: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            self.records + other.records,
            self.stripped + other.stripped,
            self.files + other.files,
            self.bytes + other.bytes,
        )


@dataclass(eq=False)
class Removals:
    """Takes records away with their pictures; `drop` deletes pictures by key."""

    database: Database
    drop: Callable[[Sequence[str]], Awaitable[None]]
    _ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self._records = self.database["records"]
        self._ledger = Ledger(self.database)
        self._leaving, self._stripping = journals(self.database)

    async def take_out(self, ids: Sequence[str], why: Why) -> Removed:
        """Remove records with their pictures, but not held ones; those on their way out are finished."""
        return await self._remove(ids, self._leaving, partial(self._out, why=why))

    async def strip(self, ids: Sequence[str]) -> Removed:
        """Remove pictures of records that stay, but not of held ones."""
        return await self._remove(ids, self._stripping, self._bare)

    async def sweep(self, patience: timedelta = _PATIENCE, replays: timedelta = _REPLAYS) -> int:
        """Finish what others left undone, and let go of ids that no replay can bring back; how many."""
        done = 0
        for journal in (self._leaving, self._stripping):
            undone = await journal.unfinished(patience)
            await self._finish(list(undone), journal, undone)
            done += len(undone)
        old = await self._leaving.outlived(replays)
        if old:
            # Once more: a part that was deleted while its pictures were still being kept left them behind.
            await self.drop([key for keys in old.values() for key in keys])
            with reaching():
                await self._records.delete_many({"_id": {"$in": list(old)}, "gone": {"$exists": True}})
            await self._leaving.forget(old)
        return done + len(old)

    async def _remove(self, ids: Sequence[str], journal: Journal, change: _Change) -> Removed:
        await journal.open(ids)
        await self._write(ids, change)
        return await self._finish(ids, journal, {})

    async def _finish(self, ids: Sequence[str], journal: Journal, stray: dict[str, list[str]]) -> Removed:
        """Count what is not counted, delete the pictures, then close; from any step on."""
        if not ids:
            return Removed()
        rows = await self._write(ids, self._again)
        if len(await self._ledger.counted(map(entry_of, rows))) < len(rows):
            raise Unavailable("a removal was taken over by another process; it goes on there")
        files = [files_of(row) for row in rows]
        keys = {key for each in files for key in each.keys}
        wanted = {key for row in rows if listed(row) for key in keys_of(part_of(row))}
        strays = {key for each in stray.values() for key in each}
        await self.drop(sorted((keys | strays) - wanted))
        await self._close(rows, ids, journal)
        left, stripped = sum("leaving" in row for row in rows), sum("stripping" in row for row in rows)
        return Removed(left, stripped, len(keys), sum(each.bytes for each in files))

    async def _close(self, rows: Sequence[Row], ids: Sequence[str], journal: Journal) -> None:
        writes: list[_Write] = [
            ReplaceOne(entry_of(row).guard, gone(row)) for row in rows if "leaving" in row
        ]
        writes += [
            UpdateOne(entry_of(row).guard, {"$unset": {"stripping": ""}})
            for row in rows
            if "stripping" in row
        ]
        if writes:
            with reaching():
                await self._records.bulk_write(writes, ordered=False)
        out = {row["_id"]: files_of(row).keys for row in rows if not listed(row)}
        await self._leaving.close(out)
        await journal.forget(set(ids) - out.keys() if journal is self._leaving else ids)

    async def _write(self, ids: Sequence[str], change: _Change) -> list[Row]:
        """Write what `change` makes of each row, and count what the written ones owe; the rows after it."""
        async with self._ledger.writing:
            with self._ledger.numbered():
                rows = await self._read(ids)
                counted = await self._ledger.counted(map(entry_of, rows))
                writes = [write for row in rows if (write := change(row, row["_id"] in counted))]
                if not writes:
                    return rows
                with reaching():
                    await self._records.bulk_write(writes, ordered=False)
                rows = await self._read(ids)
                mine = [row for row in rows if self._ledger.stamp.items() <= row.items()]
                await self._ledger.count(by_hour((entry_of(row).hour, owed(row)) for row in mine))
                return rows

    async def _read(self, ids: Collection[str]) -> list[Row]:
        with reaching():
            return [row async for row in self._records.find({"_id": {"$in": list(ids)}})]

    def _again(self, row: Row, counted: bool) -> _Write | None:
        """Take over what its writer did not count."""
        return None if counted else UpdateOne(entry_of(row).guard, {"$set": self._ledger.stamp})

    def _out(self, row: Row, counted: bool, why: Why) -> _Write | None:
        if not listed(row):
            return self._again(row, counted)
        guard = entry_of(row).guard | {"holds": []}
        return ReplaceOne(guard, leaving(row, why, self._ledger.stamp, carries=not counted))

    def _bare(self, row: Row, counted: bool) -> _Write | None:
        bare = not (row.get("image") or row.get("annotated"))
        if not counted or not listed(row) or "stripping" in row or bare:
            return self._again(row, counted)
        pictures = {name: row.get(name) for name in ("image", "annotated")}
        change = {"image": None, "annotated": None, "stripping": pictures} | self._ledger.stamp
        return UpdateOne(entry_of(row).guard | {"holds": []}, {"$set": change})
