"""The counts that follow from records, exact through crashes and replays.

Each writer writes records in numbered batches under a name of its own, one batch after the other, and an
hour's counts name the last batch of each writer that they hold. A record whose batch the counts don't hold
lost its writer between the two writes, or is about to be counted. Whoever meets it again first shuts that
writer out of the hour, so that it can't count late, and takes what is still to be counted into its own batch.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from andon.contracts import Unavailable
from andon.inspection.domain.rollups import Amounts, hour_of, summed
from andon.storage import Database, reaching

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ShutOutError(Unavailable):
    """Another process took over what this one had not counted yet; the rest is written under a new name."""

    def __init__(self) -> None:
        super().__init__("another process is taking over; try again")


class Hour(NamedTuple):
    """Which counts: a station's hour."""

    station: str
    start: datetime

    @property
    def key(self) -> str:
        return f"{self.station}/{self.start:%Y-%m-%dT%H}"


class Entry(NamedTuple):
    """A record's last write, and the hour whose counts it belongs to."""

    id: str
    hour: Hour
    writer: str
    batch: int

    @property
    def guard(self) -> dict[str, Any]:
        """Matches the record as long as nobody wrote it since."""
        return {"_id": self.id, "writer": self.writer, "batch": self.batch}


@dataclass(eq=False)
class Ledger:
    """One writer's batches. Whoever writes has one of these and writes under `writing`."""

    database: Database
    writer: str = field(default_factory=lambda: uuid4().hex[:12])
    batch: int = 0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._rollups = self.database["rollups"]

    @property
    def stamp(self) -> dict[str, Any]:
        """What a record written in the current batch carries."""
        return {"writer": self.writer, "batch": self.batch}

    @contextmanager
    def numbered(self) -> Iterator[None]:
        """Number a batch; one that fails ends the writer's name, so that no later batch vouches for it."""
        self.batch += 1
        try:
            yield
        except BaseException:
            self.writer, self.batch = uuid4().hex[:12], 0
            raise

    async def counted(self, entries: Iterable[Entry]) -> set[str]:
        """The ids of those whose last write the counts hold; no other will be counted any more.

        Writers of the others are shut out of the hour first, so that they are not about to count just now.
        """
        every = list(entries)
        held = await self._held(every)
        open_ = [entry for entry in every if entry.id not in held]
        for hour, writer in {(entry.hour, entry.writer) for entry in open_} - {
            (entry.hour, self.writer) for entry in open_
        }:
            await self._shut_out(hour, writer)
        return held | await self._held(open_)

    async def count(self, amounts: Mapping[Hour, Amounts]) -> None:
        """Add the current batch's amounts to each hour, once. Raises ShutOutError."""
        for hour, adds in amounts.items():
            mine = f"writers.{self.writer}"
            change = {
                "$set": {mine: self.batch},
                "$setOnInsert": {"station_id": hour.station, "hour": micros(hour.start)},
                "$currentDate": {"changed": True},
            } | ({"$inc": adds} if adds else {})
            fresh = {
                "_id": hour.key,
                f"shut_out.{self.writer}": {"$exists": False},
                mine: {"$not": {"$gte": self.batch}},  # lower or none: an $or would scan every hour there is
            }
            if not await self._applied(fresh, change) and not await self._holds(hour):
                raise ShutOutError

    async def _held(self, entries: list[Entry]) -> set[str]:
        keys = {entry.hour.key for entry in entries}
        if not keys:
            return set()
        with reaching():
            rows = self._rollups.find({"_id": {"$in": list(keys)}}, {"writers": 1})
            writers = {row["_id"]: row.get("writers", {}) async for row in rows}
        return {
            entry.id
            for entry in entries
            if writers.get(entry.hour.key, {}).get(entry.writer, 0) >= entry.batch
        }

    async def _holds(self, hour: Hour) -> bool:
        return bool(await self._held([Entry("", hour, self.writer, self.batch)]))

    async def _shut_out(self, hour: Hour, writer: str) -> None:
        change = {
            "$set": {f"shut_out.{writer}": True},
            "$setOnInsert": {"station_id": hour.station, "hour": micros(hour.start), "writers": {}},
        }
        with reaching():
            await self._rollups.update_one({"_id": hour.key}, change, upsert=True)

    async def _applied(self, fresh: dict[str, Any], change: dict[str, Any]) -> bool:
        with reaching():
            try:
                result = await self._rollups.update_one(fresh, change, upsert=True)
            except DuplicateKeyError:
                # The hour exists but was not fresh, or another process made it in this moment.
                result = await self._rollups.update_one(fresh, change)
        return bool(result.matched_count) or result.upserted_id is not None


def by_hour(amounts: Iterable[tuple[Hour, Amounts]]) -> dict[Hour, Amounts]:
    """Changes of several records as one per hour; an hour stays in it even where they cancel out."""
    hours: dict[Hour, list[Amounts]] = {}
    for hour, each in amounts:
        hours.setdefault(hour, []).append(each)
    return {hour: summed(*each) for hour, each in hours.items()}


def hour_at(station: str, at: int) -> Hour:
    """The hour of a moment in microseconds since 1970."""
    return Hour(station, hour_of(moment(at)))


def micros(when: datetime) -> int:
    """Microseconds since 1970: MongoDB's own dates keep milliseconds only."""
    return (when - _EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """The moment of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at)
