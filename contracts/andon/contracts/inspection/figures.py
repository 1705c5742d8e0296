"""Counts over a period, and how they went."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message
from andon.contracts._subject import INTEGRATIONS, Query


class GetStatistics(Message):
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    station_id: str | None = None


class Statistics(Message):
    """Read from rollups, over the hours named."""

    total_inspections: int
    passed: int
    failed: int
    uncertain: int
    pass_rate: float
    """0 to 1 of all inspections; 0 when there are none."""
    avg_inspection_time_ms: float
    defect_breakdown: dict[str, int]
    """Detections by class."""
    period_hours: int
    station_id: str | None = None


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"


class GetTrends(Message):
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    interval: Interval = Interval.HOUR
    station_id: str | None = None


class Trends(Message):
    """One entry per bucket, oldest first, empty buckets as zeros; times are UTC."""

    labels: tuple[str, ...]
    total: tuple[int, ...]
    passed: tuple[int, ...]
    failed: tuple[int, ...]
    uncertain: tuple[int, ...]


STATISTICS = Query(
    "inspection.statistics.get.v1",
    GetStatistics,
    "Counts over the last hours.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Statistics,
)
TRENDS = Query(
    "inspection.trend.get.v1",
    GetTrends,
    "Counts per hour or day.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Trends,
)
