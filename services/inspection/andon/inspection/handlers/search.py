"""Answers that look for records by what was found on them, and sums of any stretch of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from andon.contracts import BadRequest, inspection
from andon.contracts.inspection import Decision, Inspection
from andon.inspection.domain import hours, pages, places
from andon.inspection.domain.pages import Span
from andon.inspection.domain.rollups import Rollup, hour_of
from andon.inspection.store.counts import Counts
from andon.inspection.store.ledger import micros, moment
from andon.inspection.store.pages import Scope
from andon.inspection.store.search import Search, Wanted
from andon.messaging import Delivery

_STRIDE = 2_000
"""Records that one reading goes through at most, about."""
_FAR = 20_000
"""Records that one question goes through at most, about; the next page goes on from there."""
_LONGEST = timedelta(days=31)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass
class _Walk:
    """How far a search came, from the newest to the oldest."""

    rows: Sequence[Rollup]
    decision: Decision | None
    since: datetime | None
    until: datetime | None
    """Everything from here on was looked at."""
    seen: int = 0
    """Records, about."""

    def step(self, stride: int) -> Span | None:
        """The next span, with about so many records; None at the end."""
        stretches = pages.stretches(self.rows, self.decision, self.since, self.until)
        window = pages.window(stretches, self.decision, stride)
        if window is None:
            return None
        self.seen, self.until = self.seen + stride, window.since
        return Span(window.since, window.until)


@dataclass(frozen=True)
class SearchDesk:
    """What was judged, looked for and summed up."""

    search: Search
    counts: Counts

    async def find(self, asked: inspection.SearchInspections, _: Delivery) -> inspection.FoundInspections:
        """One page; it goes through so many records at most, and may find fewer than asked for."""
        _in_order(asked.since, asked.until)
        scope = Scope(asked.station_id, asked.decision, asked.part_id)
        wanted = Wanted(scope, asked.class_name, asked.score_from, asked.score_below)
        found: list[Inspection] = []
        until = asked.until
        if asked.after is not None:
            at, last = asked.after.split(":")
            found = await self.search.ties(wanted, int(at), last, asked.limit)
            until = moment(int(at))
        if asked.part_id is not None:
            span = Span(asked.since or _FIRST, until or _LAST)
            if len(found) < asked.limit:
                found += await self.search.found(wanted, span, asked.limit - len(found))
            return inspection.FoundInspections(items=tuple(found), next=_behind(found, asked.limit))
        walk = _Walk(await self._rows(wanted), asked.decision, asked.since, until)
        while len(found) < asked.limit and walk.seen < _FAR:
            span = walk.step(asked.limit if wanted.plain else _STRIDE)
            if span is None:
                return inspection.FoundInspections(items=tuple(found), next=None)
            found += await self.search.found(wanted, span, asked.limit - len(found))
        reached = f"{micros(walk.until)}:0" if walk.until else None
        return inspection.FoundInspections(items=tuple(found), next=_behind(found, asked.limit) or reached)

    async def places(self, asked: inspection.GetPlaces, _: Delivery) -> inspection.Places:
        _in_order(asked.since, asked.until)
        wanted = Wanted(Scope(asked.station_id), asked.class_name)
        walk = _Walk(await self._rows(wanted, findings=True), None, asked.since, asked.until)
        looked: list[tuple[int, places.Looked]] = []
        while len(looked) <= asked.parts and (span := walk.step(_STRIDE)):
            looked += await self.search.looked(wanted, span, asked.parts + 1 - len(looked))
        used = looked[: asked.parts]
        grid = places.gridded(asked.columns, (part for _, part in used))
        return inspection.Places(
            columns=grid.columns,
            rows=grid.rows,
            counts=tuple(grid.counts),
            parts=grid.parts,
            findings=grid.findings,
            complete=len(looked) == len(used),
            oldest=moment(used[-1][0]) if used else None,
            newest=moment(used[0][0]) if used else None,
        )

    async def hours(self, asked: inspection.GetHours, _: Delivery) -> inspection.Hours:
        _in_order(asked.since, asked.until)
        if asked.until - asked.since > _LONGEST:
            why = f"lies more than {_LONGEST.days} days before until"
            raise BadRequest(f"since: {why}", {"since": why})
        rows = await self.counts.between(hour_of(asked.since), asked.until)
        ours = [row for row in rows if asked.station_id in (None, row.station_id) and row.total]
        ours.sort(key=lambda row: (row.hour, row.station_id))
        return inspection.Hours(hours=tuple(hours.figures(row) for row in ours))

    async def _rows(self, wanted: Wanted, *, findings: bool = False) -> Sequence[Rollup]:
        """The hours that may hold what is wanted, by what they counted."""
        rows = await self.counts.read(wanted.scope.station)
        if wanted.class_name is not None:
            return [row for row in rows if row.classes.get(wanted.class_name, 0) > 0]
        return [row for row in rows if not findings or any(count > 0 for count in row.classes.values())]


def _behind(found: Sequence[Inspection], limit: int) -> str | None:
    """Where the page after a full one begins."""
    return f"{micros(found[-1].judged_at)}:{found[-1].id}" if len(found) == limit else None


def _in_order(since: datetime | None, until: datetime | None) -> None:
    if since and until and since > until:
        raise BadRequest("since: lies after until", {"since": "lies after until"})
