"""Counts over the last hours."""

from typing import Annotated

from fastapi import APIRouter, Query

from andon.contracts import inspection
from andon.gateway.context import Here
from andon.gateway.errors import parsed
from andon.gateway.principal import MayView

routes = APIRouter(tags=["statistics"])

Hours = Annotated[int, Query(ge=1, le=168)]
_STATISTICS_SECONDS = 30
_TRENDS_SECONDS = 60
"""How old an answer may be; a new part, or one less, makes it old at once."""


@routes.get("/statistics")
async def statistics(
    _who: MayView, here: Here, hours: Hours = 24, station_id: str | None = None
) -> inspection.Statistics:
    """Totals, pass rate and defects by class."""
    question = parsed(inspection.GetStatistics, hours=hours, station_id=station_id)
    return await here.answers.ask(inspection.STATISTICS, question, _STATISTICS_SECONDS)


@routes.get("/trends")
async def trends(
    _who: MayView,
    here: Here,
    hours: Hours = 24,
    interval: inspection.Interval = inspection.Interval.HOUR,
    station_id: str | None = None,
) -> inspection.Trends:
    """Counts per hour or day, oldest first; times are UTC."""
    question = parsed(inspection.GetTrends, hours=hours, interval=interval, station_id=station_id)
    return await here.answers.ask(inspection.TRENDS, question, _TRENDS_SECONDS)
