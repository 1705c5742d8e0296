"""Records by what was found on them: read in stretches that the counts bound."""

from dataclasses import dataclass
from typing import Any

from andon.contracts.inspection import Inspection
from andon.inspection.domain.pages import Span
from andon.inspection.domain.places import Looked
from andon.inspection.store.ledger import micros
from andon.inspection.store.pages import Scope
from andon.inspection.store.rows import Row, part_of
from andon.storage import Database, reaching

_NEWEST = [("at", -1), ("_id", -1)]


@dataclass(frozen=True)
class Wanted:
    """Which records, apart from when."""

    scope: Scope
    class_name: str | None = None
    score_from: float | None = None
    score_below: float | None = None

    @property
    def plain(self) -> bool:
        """Whether the counts tell how many there are."""
        return self.class_name is None and self.score_from is None and self.score_below is None

    @property
    def where(self) -> dict[str, Any]:
        where: dict[str, Any] = dict(self.scope.where)
        if self.class_name is not None:
            where["detections.class_name"] = {"$eq": self.class_name}
        ends = {"$gte": self.score_from, "$lt": self.score_below}
        if score := {name: end for name, end in ends.items() if end is not None}:
            where["anomaly_score"] = score
        return where


@dataclass(frozen=True)
class Search:
    """Records that fit, newest first."""

    database: Database

    async def found(self, wanted: Wanted, span: Span, limit: int) -> list[Inspection]:
        """Those of a span."""
        return [part_of(row) for row in await self._rows(wanted.where | _within(span), None, limit)]

    async def ties(self, wanted: Wanted, at: int, after: str, limit: int) -> list[Inspection]:
        """Those of the very same moment behind an id."""
        where = wanted.where | {"at": at, "_id": {"$lt": after}}
        return [part_of(row) for row in await self._rows(where, None, limit)]

    async def looked(self, wanted: Wanted, span: Span, limit: int) -> list[tuple[int, Looked]]:
        """Where findings lie on parts of a span that have any, each with when it was judged."""
        where = wanted.where | _within(span)
        if wanted.class_name is None:
            where["objects_found"] = {"$gt": 0}
        shape = ("at", "width", "height", "detections")
        rows = await self._rows(where, dict.fromkeys(shape, 1), limit)
        return [(row["at"], _looked(row, wanted.class_name)) for row in rows]

    async def _rows(self, where: dict[str, Any], shape: dict[str, int] | None, limit: int) -> list[Row]:
        with reaching():
            rows = self.database["records"].find(where, shape).sort(_NEWEST).limit(limit)
            return [row async for row in rows]


def _looked(row: Row, class_name: str | None) -> Looked:
    boxes = [
        tuple(found["bbox"])
        for found in row["detections"]
        if class_name is None or found["class_name"] == class_name
    ]
    return Looked(row.get("width", 0), row.get("height", 0), tuple(boxes))


def _within(span: Span) -> dict[str, Any]:
    # Never $lte: with fields behind `at` in the index, the embedded server misses what lies on that bound.
    return {"at": {"$gte": micros(span.since), "$lt": micros(span.until)}}
