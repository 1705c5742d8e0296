"""Reading records by stretches of time; every query is equality on an index, then a range of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import encode

from andon.contracts.inspection import Decision, Inspection
from andon.inspection.domain.pages import Span, Window
from andon.inspection.store.ledger import micros
from andon.inspection.store.rows import Row, part_of
from andon.storage import Database, reaching

_NEWEST = [("at", -1), ("_id", -1)]
_SAMPLE = 100
_EXPORTED = (
    "at",
    "judged_at",
    "station_id",
    "part_id",
    "decision",
    "confidence",
    "anomaly_score",
    "objects_found",
    "times",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scope:
    """Which records, apart from when."""

    station: str | None = None
    decision: Decision | None = None
    part: str | None = None

    @property
    def where(self) -> dict[str, Any]:
        named = {"station_id": self.station, "decision": self.decision, "part_id": self.part}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Pages:
    """Records that are listed, newest first."""

    database: Database

    async def page(self, scope: Scope, window: Window, limit: int) -> list[Inspection]:
        """Records of a window."""
        where = scope.where | _within(Span(window.since, window.until))
        with reaching():
            rows = self._records.find(where).sort(_NEWEST).skip(window.skip).limit(limit)
            return [part_of(row) async for row in rows]

    async def count(self, scope: Scope, span: Span | None = None) -> int:
        """Records of a span, or all in scope; for spans and scopes that are small."""
        with reaching():
            return await self._records.count_documents(scope.where | (_within(span) if span else {}))

    async def of_part(self, scope: Scope, span: Span | None, limit: int, offset: int) -> list[Inspection]:
        """Records of one part: few, however long ago."""
        where = scope.where | (_within(span) if span else {})
        with reaching():
            rows = self._records.find(where).sort(_NEWEST).skip(offset).limit(limit)
            return [part_of(row) async for row in rows]

    async def exported(self, scope: Scope, window: Window, limit: int) -> list[Row]:
        """What an export needs of a window's records."""
        where = scope.where | _within(Span(window.since, window.until))
        return await self._rows(where, _NEWEST, limit)

    async def ties(self, scope: Scope, at: int, after: str, limit: int) -> list[Row]:
        """What an export needs of records of the very same moment, those behind an id."""
        where = scope.where | {"at": at, "_id": {"$lt": after}}
        return await self._rows(where, [("_id", -1)], limit)

    async def of_version(self, version: str, before: tuple[int, str] | None, limit: int) -> list[Row]:
        """Parts that a version judged, newest first; those behind a moment and an id."""
        found: list[Row] = []
        if before is not None:
            at, last = before
            ties = {"model_version": version, "at": at, "_id": {"$lt": last}}
            found = await self._rows(ties, [("_id", -1)], limit)
        if len(found) < limit:
            where = {"model_version": version, "at": {"$gte": micros(_EPOCH)}}
            if before is not None:
                where["at"]["$lt"] = before[0]
            found += await self._rows(where, _NEWEST, limit - len(found))
        return found

    async def removable(self, span: Span) -> list[Row]:
        """What a cleanup needs of a span's records."""
        wanted = ("decision", "holds", "image", "annotated")
        with reaching():
            return [row async for row in self._records.find(_within(span), dict.fromkeys(wanted, 1))]

    async def mean_size(self, window: Window) -> float:
        """Bytes of a document, from at most 100 of a window; 0 without any."""
        with reaching():
            rows = self._records.find(_within(Span(window.since, window.until))).limit(_SAMPLE)
            sizes = [len(encode(row)) async for row in rows]
        return sum(sizes) / len(sizes) if sizes else 0.0

    @property
    def _records(self) -> Any:
        return self.database["records"]

    async def _rows(self, where: Mapping[str, Any], order: list[tuple[str, int]], limit: int) -> list[Row]:
        with reaching():
            rows = self._records.find(where, dict.fromkeys(_EXPORTED, 1)).sort(order).limit(limit)
            return [row async for row in rows]


def _within(span: Span) -> dict[str, Any]:
    # Never $lte: with fields behind `at` in the index, the embedded server misses what lies on that bound.
    return {"at": {"$gte": micros(span.since), "$lt": micros(span.until)}}
