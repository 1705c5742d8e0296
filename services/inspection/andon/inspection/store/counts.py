"""Counts per station and hour, held in memory and brought up to date with every reading."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from andon.contracts.inspection import Decision
from andon.inspection.domain import rollups
from andon.inspection.domain.rollups import KINDS, Rollup, Stored, hour_of
from andon.inspection.store.ledger import micros, moment
from andon.storage import Database, reaching

_OVERLAP = timedelta(seconds=10)
"""Longer than it takes until a write that the server stamped can be read."""
_PERIOD = timedelta(days=9)
"""Statistics and trends look back a week; by the day, one more."""
_MINUTES = 60


@dataclass(eq=False)
class Counts:
    """What hours of the last days and those that still have records counted. One process has one of these.

    Each reading asks the server only for what changed, by the server's own clock. So its cost does not grow
    with history, and what any process counted before the question is in the answer.
    """

    database: Database
    _known: dict[str, Rollup] = field(default_factory=dict[str, Rollup])
    _newest: datetime | None = None
    """When the server last changed what was read."""
    _complete: datetime | None = None
    """Whatever changed up to then is known."""
    _soon: tuple[float, datetime] | None = None
    """When `_complete` may move on, and to where."""
    _started: int = 0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._rollups = self.database["rollups"]

    async def prepare(self) -> None:
        """Create what readings run on."""
        with reaching():
            for name in ("hour", "changed", "kept"):
                await self._rollups.create_index([(name, 1)])

    async def read(self, station: str | None = None, since: datetime | None = None) -> list[Rollup]:
        """Counts of all stations or one, from an hour on or all that are held."""
        await self._refresh()
        return [
            row
            for row in self._known.values()
            if (station is None or row.station_id == station) and (since is None or row.hour >= since)
        ]

    async def between(self, since: datetime, until: datetime) -> list[Rollup]:
        """Counts of all stations in those hours as they are stored, however long ago."""
        rows = await self._find({"hour": {"$gte": micros(since), "$lt": micros(until)}})
        return [_rollup(row) for row in rows]

    async def _refresh(self) -> None:
        """Read once for all who wait; a reading that began before the question does not answer it."""
        wanted = self._started + 1
        async with self._reading:
            if self._started >= wanted:
                return
            self._started += 1
            await self._update()

    async def _update(self) -> None:
        oldest = hour_of(datetime.now(UTC)) - _PERIOD
        began = time.monotonic()
        if self._complete is None:
            self._take(await self._find({"hour": {"$gte": micros(oldest)}}))
            self._take(await self._find({"kept": {"$gt": 0}}))
            self._complete = self._newest and self._newest - _OVERLAP
        else:
            self._take(await self._find({"changed": {"$gt": self._complete}}))
        self._move_on(began)
        for key in [key for key, row in self._known.items() if row.hour < oldest and not row.kept]:
            del self._known[key]

    def _move_on(self, began: float) -> None:
        """A write is seen some time after the server stamped it: one more reading after that finds it."""
        if self._soon is not None and began >= self._soon[0]:
            self._complete, self._soon = self._soon[1], None
        if self._soon is None and self._newest is not None and self._newest != self._complete:
            self._soon = (began + _OVERLAP.total_seconds(), self._newest)

    async def _find(self, where: dict[str, Any]) -> list[dict[str, Any]]:
        with reaching():
            return [row async for row in self._rollups.find(where)]

    def _take(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            self._known[row["_id"]] = _rollup(row)
            if "changed" in row:
                self._newest = max(row["changed"], self._newest or row["changed"])


def _rollup(row: dict[str, Any]) -> Rollup:
    have = {decision: int(row.get("have", {}).get(decision, 0)) for decision in Decision}
    minutes = row.get("minutes", {})
    return Rollup(
        station_id=row["station_id"],
        hour=moment(row["hour"]),
        total=int(row.get("total", 0)),
        passed=int(row.get("passed", 0)),
        failed=int(row.get("failed", 0)),
        uncertain=int(row.get("uncertain", 0)),
        time_us=int(row.get("time_us", 0)),
        classes={rollups.plain_text(key): int(count) for key, count in row.get("classes", {}).items()},
        kept={decision: count for decision, count in have.items() if count},
        minutes={decision: _by_minute(minutes[decision]) for decision in have if minutes.get(decision)},
        stored={
            (kind, decision): stored
            for kind in KINDS
            for decision in Decision
            if (stored := _stored(row, kind, decision)).files
        },
        versions=row.get("versions", {}),
        trials=row.get("trials", {}),
    )


def _by_minute(counts: dict[str, int]) -> bytes:
    return b"".join(max(0, int(counts.get(str(n), 0))).to_bytes(4, "little") for n in range(_MINUTES))


def _stored(row: dict[str, Any], kind: str, decision: Decision) -> Stored:
    files, size = (row.get(name, {}).get(kind, {}).get(decision, 0) for name in ("files", "bytes"))
    return Stored(int(files), int(size))
