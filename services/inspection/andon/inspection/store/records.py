"""Records of judged parts: each kept once and counted once."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from andon.contracts import Unavailable
from andon.contracts.inspection import Hold, Inspection
from andon.inspection.store.journal import journals
from andon.inspection.store.ledger import Ledger, ShutOutError, by_hour
from andon.inspection.store.rows import Row, entry_of, keys_of, listed, owed, part_of, row_of
from andon.storage import Database, reaching

_DUPLICATE = 11000
_BATCH = 64
_BY_TIME = [("at", 1), ("_id", 1)]
"""Ascending: MongoDB walks it backwards; the embedded server misreads ranges of descending compounds."""


@dataclass(eq=False)
class _Waiting:
    """A part that waits to be written with others."""

    part: Inspection
    done: "asyncio.Future[Inspection]"


@dataclass(eq=False)
class RecordStore:
    """What was judged. One process has one of these."""

    database: Database
    _waiting: list[_Waiting] = field(default_factory=list[_Waiting])

    def __post_init__(self) -> None:
        self._records = self.database["records"]
        self._ledger = Ledger(self.database)
        self._journals = self._leaving, self._stripping = journals(self.database)

    async def prepare(self) -> None:
        """Create the indexes that lists run on: equality first, then time."""
        with reaching():
            for fields in (
                (),
                ("station_id",),
                ("decision",),
                ("station_id", "decision"),
                ("part_id",),
                ("model_version",),
            ):
                await self._records.create_index([*((name, 1) for name in fields), *_BY_TIME])
        for journal in self._journals:
            await journal.prepare()

    async def record(self, part: Inspection) -> Inspection:
        """Keep a part once and count it once; parts that come together are written together.

        Returns what is kept: the first judgement of that frame, if there was one before.
        """
        mine = _Waiting(part, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        while not mine.done.done():
            async with self._ledger.writing:
                if not mine.done.done():
                    await self._write(mine)
        return mine.done.result()

    async def get(self, part_id: str) -> Inspection | None:
        with reaching():
            found = await self._records.find_one({"_id": part_id})
        return part_of(found) if found and listed(found) else None

    async def hold(self, part_id: str, reason: str, by: str, now: datetime) -> Inspection | None:
        """Keep a record from removal; a second hold for the same reason changes nothing."""
        new = Hold(reason=reason, by=by, at=now).model_dump(mode="json")
        there = {"_id": part_id, "at": {"$exists": True}, "holds.reason": {"$ne": reason}}
        with reaching():
            await self._records.update_one(there, {"$push": {"holds": new}})
        return await self.get(part_id)

    async def release(self, part_id: str, reason: str) -> Inspection | None:
        """Take back a hold; harmless when there is none for that reason."""
        with reaching():
            await self._records.update_one({"_id": part_id}, {"$pull": {"holds": {"reason": reason}}})
        return await self.get(part_id)

    async def _write(self, mine: _Waiting) -> None:
        """Write a batch that holds `mine`; every part in it learns how it went."""
        taken = [mine, *(entry for entry in self._waiting if entry is not mine)][:_BATCH]
        self._waiting = [entry for entry in self._waiting if entry not in taken]
        try:
            with self._ledger.numbered():
                kept = await self._write_batch({entry.part.id: entry.part for entry in taken})
        except ShutOutError:
            self._waiting = [*taken, *self._waiting]
            return
        except BaseException as error:
            told = error if isinstance(error, Exception) else Unavailable("the write was interrupted")
            for entry in taken:
                if not entry.done.done():
                    entry.done.set_exception(told)
                    entry.done.exception()  # marks it as seen: a cancelled waiter never reads it
            raise
        for entry in taken:
            if not entry.done.done():
                entry.done.set_result(kept[entry.part.id])

    async def _write_batch(self, parts: dict[str, Inspection]) -> dict[str, Inspection]:
        new = await self._insert(parts)
        written = [{"_id": key} | row_of(parts[key], self._ledger.stamp) for key in new]
        met = await self._met({key: part for key, part in parts.items() if key not in new})
        taken_over = await self._take_over(met)
        counted = by_hour((entry_of(row).hour, owed(row)) for row in (*written, *taken_over))
        await self._ledger.count(counted)
        kept = {row["_id"]: part_of(row) for row in met if listed(row)}
        return parts | kept

    async def _insert(self, parts: dict[str, Inspection]) -> set[str]:
        """Insert what is not there yet, in one round trip; returns the ids that were new."""
        stamp = self._ledger.stamp
        writes = [
            UpdateOne({"_id": key}, {"$setOnInsert": row_of(part, stamp)}, upsert=True)
            for key, part in parts.items()
        ]
        keys = list(parts)
        with reaching():
            try:
                result = await self._records.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                # Another process inserted the same frame in the same moment: it is there, that counts.
                if any(fault["code"] != _DUPLICATE for fault in error.details["writeErrors"]):
                    raise
                return {keys[row["index"]] for row in error.details.get("upserted", [])}
        return {keys[index] for index in result.upserted_ids or {}}

    async def _met(self, parts: dict[str, Inspection]) -> list[Row]:
        """What was there before. Pictures that a replay keeps and no record names are removed later."""
        if not parts:
            return []
        with reaching():
            rows = [row async for row in self._records.find({"_id": {"$in": list(parts)}})]
        for row in rows:
            stray = keys_of(parts[row["_id"]]) - (keys_of(part_of(row)) if listed(row) else set())
            if stray:
                journal = self._stripping if listed(row) else self._leaving
                await journal.open([row["_id"]], stray)
        return rows

    async def _take_over(self, rows: list[Row]) -> list[Row]:
        """Those of listed rows that no count holds yet; they are in this batch now."""
        mine: list[Row] = []
        there = {row["_id"]: row for row in rows if listed(row)}
        counted = await self._ledger.counted(map(entry_of, there.values()))
        for key in there.keys() - counted:
            with reaching():
                done = await self._records.update_one(
                    entry_of(there[key]).guard, {"$set": self._ledger.stamp}
                )
            if done.matched_count:
                mine.append(there[key])
        return mine
