"""Counts over a period, and how they went."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time
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


class GetHours(Message):
    """At most 31 days."""

    since: Time
    until: Time
    station_id: str | None = None


class HourFigures(Message):
    """What one station judged in one hour; sums, so that hours and stations can be added up."""

    station_id: str
    hour: Time
    """Its start, UTC."""
    total: int
    passed: int
    failed: int
    uncertain: int
    time_ms: float
    """Of all parts together."""
    defects: dict[str, int]
    """Detections by class."""
    scored: int
    """Parts whose score says something against their fail limit."""
    score_octaves: float
    """Sum of log2(score / fail limit) of those, to an eighth of an octave each."""
    near: int
    """Parts within half an octave below their fail limit."""


class Hours(Message):
    """Oldest first; hours without parts are left out."""

    hours: tuple[HourFigures, ...]


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
HOURS = Query(
    "inspection.figure.hourly.v1",
    GetHours,
    "Counts per station and hour of any stretch of time.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Hours,
)
