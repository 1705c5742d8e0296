"""Records of judged parts and the counts that follow from them, exact through crashes and replays.

Each process writes its records in numbered batches under a name of its own, one batch after the other, and an
hour's counts name the last batch of each writer that they hold. A record whose batch the counts don't hold
lost its writer between the two writes, or is about to be counted. Whoever meets it again first shuts that
writer out of the hour, so that it can't count late, and then takes the record into a batch of its own.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from andon.contracts import Unavailable
from andon.contracts.inspection import Decision, Inspection
from andon.inspection.domain import rollups
from andon.inspection.domain.rollups import Rollup, Window, hour_of
from andon.storage import Database, reaching

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DUPLICATE = 11000
_BATCH = 64


class _ShutOutError(Unavailable):
    """Another process took over what this one had not counted yet; the rest is written under a new name."""

    def __init__(self) -> None:
        super().__init__("another process is taking over; try again")


@dataclass(eq=False)
class _Waiting:
    """A part that waits to be written with others."""

    part: Inspection
    done: "asyncio.Future[Inspection]"


@dataclass(eq=False)
class RecordStore:
    """What was judged. One process has one of these."""

    database: Database
    writer: str = field(default_factory=lambda: uuid4().hex[:12])
    _batch: int = 0
    _waiting: list[_Waiting] = field(default_factory=list[_Waiting])
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._records = self.database["records"]
        self._rollups = self.database["rollups"]

    async def prepare(self) -> None:
        """Create the indexes that lists and counts run on."""
        with reaching():
            await self._records.create_index([("at", -1)])
            await self._records.create_index([("station_id", 1), ("at", -1)])
            await self._rollups.create_index([("hour", -1)])

    async def record(self, part: Inspection) -> Inspection:
        """Keep a part once and count it once; parts that come together are written together.

        Returns what is kept: the first judgement of that frame, if there was one before.
        """
        mine = _Waiting(part, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        while not mine.done.done():
            async with self._writing:
                if not mine.done.done():
                    await self._write(mine)
        return mine.done.result()

    async def get(self, part_id: str) -> Inspection | None:
        with reaching():
            found = await self._records.find_one({"_id": part_id, "deleted": False})
        return _part(found) if found else None

    async def page(
        self, station: str | None, decision: Decision | None, window: Window, limit: int
    ) -> list[Inspection]:
        """Records of those hours, newest first."""
        wanted: dict[str, Any] = {
            "at": {"$gte": micros(window.since), "$lt": micros(window.until)},
            "deleted": False,
        }
        if station is not None:
            wanted["station_id"] = station
        if decision is not None:
            wanted["decision"] = str(decision)
        with reaching():
            rows = self._records.find(wanted).sort("at", -1).skip(window.skip).limit(limit)
            return [_part(row) async for row in rows]

    async def rollups(self, station: str | None, since: datetime | None = None) -> list[Rollup]:
        """Counts per station and hour from that hour on, or all there are."""
        wanted: dict[str, Any] = {} if since is None else {"hour": {"$gte": micros(since)}}
        if station is not None:
            wanted["station_id"] = station
        with reaching():
            return [_rollup(row) async for row in self._rollups.find(wanted)]

    async def remove(self, part_id: str) -> Inspection | None:
        """Take a record out of lists and counts; None when there is none. Its id stays taken."""
        async with self._writing:
            with reaching():
                found = await self._records.find_one({"_id": part_id})
            counted = found is not None and await self._counted(found)
            if found is None or (found["deleted"] and counted):
                return None
            owed = counted or found["deleted"]
            if found["deleted"] is False and not counted:
                owed = await self._shut_out(found)
            with self._batch_of_own():
                gone = {"deleted": True, "writer": self.writer, "batch": self._batch if owed else 0}
                with reaching():
                    await self._records.update_one({"_id": part_id}, {"$set": gone})
                if owed:
                    await self._count([_part(found)], sign=-1)
            return _part(found)

    @contextmanager
    def _batch_of_own(self) -> Iterator[None]:
        """Number a batch; one that fails ends the writer's name, so that no later batch vouches for it."""
        self._batch += 1
        try:
            yield
        except BaseException:
            self.writer, self._batch = uuid4().hex[:12], 0
            raise

    async def _write(self, mine: _Waiting) -> None:
        """Write a batch that holds `mine`; every part in it learns how it went."""
        taken = [mine, *(entry for entry in self._waiting if entry is not mine)][:_BATCH]
        self._waiting = [entry for entry in self._waiting if entry not in taken]
        try:
            with self._batch_of_own():
                kept = await self._write_batch({entry.part.id: entry.part for entry in taken})
        except _ShutOutError:
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
        kept, uncounted = await self._existing([key for key in parts if key not in new])
        kept |= {key: parts[key] for key in new}
        count = [parts[key] for key in new] + [kept[key] for key in uncounted]
        if count:
            await self._count(count)
        return kept

    async def _insert(self, parts: dict[str, Inspection]) -> set[str]:
        """Insert what is not there yet, in one round trip; returns the ids that were new."""
        writes = [
            UpdateOne({"_id": key}, {"$setOnInsert": self._document(part)}, upsert=True)
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

    async def _existing(self, keys: Sequence[str]) -> tuple[dict[str, Inspection], list[str]]:
        """What is kept under these ids, and which of them no count holds yet and are now in this batch."""
        if not keys:
            return {}, []
        with reaching():
            rows = [row async for row in self._records.find({"_id": {"$in": list(keys)}})]
        uncounted: list[str] = []
        for row in rows:
            if row["deleted"] or await self._counted(row) or await self._shut_out(row):
                continue
            claim = {"_id": row["_id"], "writer": row["writer"], "batch": row["batch"]}
            with reaching():
                done = await self._records.update_one(
                    claim, {"$set": {"writer": self.writer, "batch": self._batch}}
                )
            if done.matched_count:
                uncounted.append(row["_id"])
        return {row["_id"]: _part(row) for row in rows}, uncounted

    async def _counted(self, row: dict[str, Any]) -> bool:
        """Whether the hour's counts hold the batch that the record was last written with."""
        key = _rollup_key(row["station_id"], hour_of(_part(row).judged_at))
        return await self._holds(key, row["writer"], row["batch"])

    async def _shut_out(self, row: dict[str, Any]) -> bool:
        """Keep the record's last writer from counting in that hour any more; whether it just did count it."""
        if row["writer"] != self.writer:
            station, hour = row["station_id"], hour_of(_part(row).judged_at)
            change = {
                "$set": {f"shut_out.{row['writer']}": True},
                "$setOnInsert": {"station_id": station, "hour": micros(hour), "writers": {}},
            }
            with reaching():
                await self._rollups.update_one({"_id": _rollup_key(station, hour)}, change, upsert=True)
        return await self._counted(row)

    async def _count(self, parts: Iterable[Inspection], sign: int = 1) -> None:
        for (station, hour), adds in rollups.increments(parts, sign).items():
            key, mine = _rollup_key(station, hour), f"writers.{self.writer}"
            change = {
                "$inc": adds,
                "$set": {mine: self._batch},
                "$setOnInsert": {"station_id": station, "hour": micros(hour)},
            }
            fresh = {
                "_id": key,
                f"shut_out.{self.writer}": {"$exists": False},
                "$or": [{mine: {"$exists": False}}, {mine: {"$lt": self._batch}}],
            }
            if not await self._applied(fresh, change) and not await self._holds(
                key, self.writer, self._batch
            ):
                raise _ShutOutError

    async def _applied(self, fresh: dict[str, Any], change: dict[str, Any]) -> bool:
        with reaching():
            try:
                result = await self._rollups.update_one(fresh, change, upsert=True)
            except DuplicateKeyError:
                # The hour exists but was not fresh, or another process made it in this moment.
                result = await self._rollups.update_one(fresh, change)
        return bool(result.matched_count) or result.upserted_id is not None

    async def _holds(self, key: str, writer: str, batch: int) -> bool:
        with reaching():
            counts = await self._rollups.find_one({"_id": key}, {"writers": 1})
        return bool(counts) and counts["writers"].get(writer, 0) >= batch

    def _document(self, part: Inspection) -> dict[str, Any]:
        return part.model_dump(mode="json", exclude={"id"}) | {
            "at": micros(part.judged_at),
            "writer": self.writer,
            "batch": self._batch,
            "deleted": False,
        }


def micros(moment: datetime) -> int:
    """Microseconds since 1970: MongoDB's own dates keep milliseconds only."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _part(row: dict[str, Any]) -> Inspection:
    return Inspection.model_validate({**row, "id": row["_id"]})


def _rollup_key(station: str, hour: datetime) -> str:
    return f"{station}/{hour:%Y-%m-%dT%H}"


def _rollup(row: dict[str, Any]) -> Rollup:
    names = {rollups.plain_text(key): int(count) for key, count in row.get("classes", {}).items()}
    return Rollup(
        station_id=row["station_id"],
        hour=_EPOCH + timedelta(microseconds=row["hour"]),
        total=int(row.get("total", 0)),
        passed=int(row.get("passed", 0)),
        failed=int(row.get("failed", 0)),
        uncertain=int(row.get("uncertain", 0)),
        time_ms=float(row.get("time_ms", 0)),
        classes=names,
    )
