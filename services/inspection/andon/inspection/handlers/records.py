"""Answers about what was judged, and removes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from andon.contracts import BadRequest, Conflict, NotFound, inspection
from andon.contracts.inspection import Decision, ExportedInspection, ExportPage, Inspection
from andon.inspection.domain import pages, rollups
from andon.inspection.domain.pages import Span, Stretch
from andon.inspection.store.counts import Counts
from andon.inspection.store.ledger import micros, moment
from andon.inspection.store.pages import Pages, Scope
from andon.inspection.store.records import RecordStore
from andon.inspection.store.removals import Removals
from andon.inspection.store.rows import Row, Why
from andon.inspection.store.stations import RefusalStore
from andon.messaging import Delivery, Service

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RecordDesk:
    """What was judged: read, walked through, held and removed."""

    records: RecordStore
    pages: Pages
    counts: Counts
    removals: Removals
    refusals: RefusalStore
    bus: Service

    async def get(self, wanted: inspection.GetInspection, _: Delivery) -> Inspection:
        return _found(await self.records.get(wanted.id), wanted.id)

    async def list(self, wanted: inspection.ListInspections, _: Delivery) -> inspection.Inspections:
        _in_order(wanted.since, wanted.until)
        scope = Scope(wanted.station_id, wanted.decision, wanted.part_id)
        if wanted.part_id is not None:
            return await self._of_part(wanted, scope)
        hours = await self._hours(scope, wanted.since, wanted.until)
        exact = [await self._exact(scope, hour) for hour in hours]
        window = pages.window(exact, wanted.decision, wanted.limit, wanted.offset)
        items = await self.pages.page(scope, window, wanted.limit) if window else []
        return inspection.Inspections(total=sum(hour.count for hour in exact), items=tuple(items))

    async def export(self, wanted: inspection.ExportInspections, _: Delivery) -> ExportPage:
        """A page may be short where the walk enters a minute that it has only part of."""
        _in_order(wanted.since, wanted.until)
        scope = Scope(wanted.station_id, wanted.decision)
        found: Sequence[Row] = ()
        until = wanted.until
        if wanted.after is not None:
            at, last = wanted.after.split(":")
            found = await self.pages.ties(scope, int(at), last, wanted.limit)
            until = moment(int(at))
        hours = await self._hours(scope, wanted.since, until) if len(found) < wanted.limit else []
        window = pages.window(hours, wanted.decision, wanted.limit)
        if window is not None:
            more = await self.pages.exported(scope, window, wanted.limit - len(found))
            found = [*found, *more]
        if found:
            reached = f"{found[-1]['at']}:{found[-1]['_id']}"
        else:  # an edge that held nothing: on from where it ended
            reached = f"{micros(window.since)}:0" if window else None
        return ExportPage(rows=tuple(_exported(row) for row in found), next=reached)

    async def hold(self, wanted: inspection.HoldInspection, _: Delivery) -> Inspection:
        now = datetime.now(UTC)
        return _found(await self.records.hold(wanted.id, wanted.reason, wanted.by, now), wanted.id)

    async def release(self, wanted: inspection.ReleaseInspection, _: Delivery) -> Inspection:
        return _found(await self.records.release(wanted.id, wanted.reason), wanted.id)

    async def delete(self, wanted: inspection.DeleteInspection, _: Delivery) -> inspection.Deleted:
        gone = await self.removals.take_out([wanted.id], Why.DELETED)
        if not gone.records:
            found = _found(await self.records.get(wanted.id), wanted.id)
            reasons = ", ".join(hold.reason for hold in found.holds) or "just now"
            raise Conflict(f"inspection '{wanted.id}' is held ({reasons}): release it first")
        news = inspection.Deleted(id=wanted.id)
        await self.bus.say(inspection.RECORD_DELETED, news, once=f"deleted-{wanted.id}")
        return news

    async def statistics(self, wanted: inspection.GetStatistics, _: Delivery) -> inspection.Statistics:
        since = rollups.since(datetime.now(UTC), wanted.hours)
        rows = await self.counts.read(wanted.station_id, since)
        return rollups.statistics(rows, wanted.hours, wanted.station_id)

    async def trends(self, wanted: inspection.GetTrends, _: Delivery) -> inspection.Trends:
        now = datetime.now(UTC)
        rows = await self.counts.read(wanted.station_id, rollups.since(now, wanted.hours))
        return rollups.trends(rows, now, wanted.hours, wanted.interval)

    async def refused(self, wanted: inspection.ListRefused, _: Delivery) -> inspection.RefusedFrames:
        return inspection.RefusedFrames(
            items=tuple(await self.refusals.latest(wanted.station_id, wanted.limit))
        )

    async def _of_part(self, wanted: inspection.ListInspections, scope: Scope) -> inspection.Inspections:
        bounded = wanted.since or wanted.until
        span = Span(wanted.since or _FIRST, wanted.until or _LAST) if bounded else None
        items = await self.pages.of_part(scope, span, wanted.limit, wanted.offset)
        return inspection.Inspections(total=await self.pages.count(scope, span), items=tuple(items))

    async def _hours(self, scope: Scope, since: datetime | None, until: datetime | None) -> Sequence[Stretch]:
        return pages.stretches(await self.counts.read(scope.station), scope.decision, since, until)

    async def _exact(self, scope: Scope, hour: Stretch) -> Stretch:
        """Part of a minute, counted: there are at most two of these in a question."""
        if hour.exact:
            return hour
        return replace(hour, count=await self.pages.count(scope, hour.span), exact=True)


def _found(record: Inspection | None, wanted: str) -> Inspection:
    if record is None:
        raise NotFound(f"there is no inspection '{wanted}'")
    return record


def _in_order(since: datetime | None, until: datetime | None) -> None:
    if since and until and since > until:
        raise BadRequest("since: lies after until", {"since": "lies after until"})


def _exported(row: Row) -> ExportedInspection:
    fields = ("judged_at", "station_id", "part_id", "confidence", "objects_found")
    return ExportedInspection(
        id=row["_id"],
        decision=Decision(row["decision"]),
        total_ms=row["times"]["total_ms"],
        **{name: row[name] for name in fields},
    )
