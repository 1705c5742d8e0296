"""Parts by what was found on them, and figures of any stretch of time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from andon.contracts import inspection
from andon.gateway.context import Here
from andon.gateway.errors import parsed
from andon.gateway.principal import MayView
from andon.gateway.visual_inspection.period import Period, Since, Until
from andon.gateway.visual_inspection.views import FoundView, inspection_view

routes = APIRouter(tags=["inspection"])

Class = Annotated[str | None, Query(max_length=128, description="Something of this class was found on it.")]
_FIGURES_SECONDS = 30
"""How old figures may be; a new part, or one less, makes them old at once."""


@routes.get("/inspections/search")
async def search(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayView,
    here: Here,
    station_id: str | None = None,
    decision: inspection.Decision | None = None,
    part_id: Annotated[str | None, Query(max_length=128)] = None,
    class_name: Class = None,
    score_from: Annotated[float | None, Query(description="Anomaly score at least.")] = None,
    score_below: Annotated[float | None, Query(description="Anomaly score less than.")] = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[str | None, Query(max_length=96, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> FoundView:
    """Judged parts that fit, newest first, page by page; parts that come meanwhile move no page."""
    period = Period.parsed(since=since, until=until)
    question = parsed(
        inspection.SearchInspections,
        station_id=station_id,
        decision=decision,
        part_id=part_id,
        class_name=class_name,
        score_from=score_from,
        score_below=score_below,
        since=period.since,
        until=period.until,
        after=after,
        limit=limit,
    )
    found = await here.bus.ask(inspection.SEARCH, question, timeout=20)
    for record in found.items:
        here.images.remember(record)
    items = [inspection_view(record, here.images) for record in found.items]
    return FoundView(items=items, next=found.next)


@routes.get("/figures/hours", tags=["statistics"])
async def hours(
    _who: MayView, here: Here, since: Since = None, until: Until = None, station_id: str | None = None
) -> inspection.Hours:
    """Counts per station and hour, oldest first, of at most 31 days; hours without parts are left out.

    Until now and since a day before the end, where not said.
    """
    period = Period.parsed(since=since, until=until)
    end = period.until or datetime.now(UTC)
    begin = period.since or end - timedelta(days=1)
    question = parsed(inspection.GetHours, since=begin, until=end, station_id=station_id)
    return await here.answers.ask(inspection.HOURS, question, _FIGURES_SECONDS)


@routes.get("/figures/places", tags=["statistics"])
async def places(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayView,
    here: Here,
    station_id: Annotated[str, Query(max_length=64)],
    class_name: Class = None,
    since: Since = None,
    until: Until = None,
    columns: Annotated[int, Query(ge=4, le=64)] = 32,
    parts: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> inspection.Places:
    """Where on a station's parts findings lie: the newest parts with findings, on a grid."""
    period = Period.parsed(since=since, until=until)
    question = parsed(
        inspection.GetPlaces,
        station_id=station_id,
        class_name=class_name,
        since=period.since,
        until=period.until,
        columns=columns,
        parts=parts,
    )
    return await here.bus.ask(inspection.PLACES, question, timeout=20)
