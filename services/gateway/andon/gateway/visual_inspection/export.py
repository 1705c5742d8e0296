"""All of history as a table, however long it is."""

import asyncio
import csv
from collections.abc import AsyncIterator
from io import StringIO

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from andon.contracts import Unavailable, inspection
from andon.contracts.inspection import ExportedInspection, ExportInspections, ExportPage
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayView
from andon.gateway.visual_inspection.period import Period, Since, Until

routes = APIRouter(tags=["inspection"])

COLUMNS = (
    "ID",
    "Timestamp",
    "Station",
    "Part ID",
    "Decision",
    "Confidence",
    "Objects Found",
    "Total Time (ms)",
)
_TABLE = {200: {"content": {"text/csv": {}}, "description": "A header line, then a line per part."}}
_TRIES, _PAUSE = 5, 1.0
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@routes.get("/export/csv", response_class=StreamingResponse, responses=_TABLE | may(503))
async def export(
    _who: MayView,
    here: Here,
    start_date: Since = None,
    end_date: Until = None,
    station_id: str | None = None,
    decision: inspection.Decision | None = None,
) -> StreamingResponse:
    """Every judged part that fits, newest first, as CSV."""
    period = Period.parsed(start_date=start_date, end_date=end_date)
    question = parsed(
        ExportInspections,
        station_id=station_id,
        decision=decision,
        since=period.since,
        until=period.until,
    )
    # The first page is read before anything is sent, so that a refusal still has its status.
    first = await here.bus.ask(inspection.EXPORT, question)
    headers = {"Content-Disposition": 'attachment; filename="inspections.csv"'}
    return StreamingResponse(_lines(here, question, first), media_type="text/csv", headers=headers)


async def _lines(here: Gateway, question: ExportInspections, page: ExportPage) -> AsyncIterator[str]:
    """One page at a time is in memory; the next is asked for once the client took this one."""
    yield _csv([COLUMNS])
    while True:
        if page.rows:
            yield _csv([_cells(row) for row in page.rows])
        if page.next is None:
            return
        page = await _asked(here, question.model_copy(update={"after": page.next}))


async def _asked(here: Gateway, question: ExportInspections) -> ExportPage:
    """Rides out a short outage: what was sent can't be taken back. After that the connection breaks off."""
    for _ in range(_TRIES - 1):
        try:
            return await here.bus.ask(inspection.EXPORT, question)
        except Unavailable:
            await asyncio.sleep(_PAUSE)
    return await here.bus.ask(inspection.EXPORT, question)


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cells(row: ExportedInspection) -> tuple[str, ...]:
    return (
        row.id,
        row.judged_at.isoformat(),
        harmless(row.station_id),
        harmless(row.part_id or ""),
        row.decision,
        f"{row.confidence:.4f}",
        str(row.objects_found),
        f"{row.total_ms:g}",
    )


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe in front makes it text."""
    return f"'{text}" if text.startswith(_FORMULA) else text
