"""Counts per station and hour, and the figures that are read from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from andon.contracts.inspection import Decision, Inspection, Interval, Statistics, Trends

LATENCY_EDGES_MS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper edges of the latency histogram; the last bucket has none."""

_COLUMN = {Decision.PASS: "passed", Decision.FAIL: "failed", Decision.UNCERTAIN: "uncertain"}


@dataclass(frozen=True)
class Rollup:
    """What happened at one station in one hour."""

    station_id: str
    hour: datetime
    """Start of the hour, UTC."""
    total: int = 0
    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    time_ms: float = 0
    """Sum of the parts' total times."""
    classes: dict[str, int] = field(default_factory=dict[str, int])
    """Detections by class."""

    def of(self, decision: Decision | None) -> int:
        """Parts with that decision, or all."""
        return self.total if decision is None else int(getattr(self, _COLUMN[decision]))


def hour_of(moment: datetime) -> datetime:
    """The start of a moment's hour, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def increments(parts: Iterable[Inspection], sign: int = 1) -> dict[tuple[str, datetime], dict[str, float]]:
    """What parts add to each station's hour: {(station, hour): {dotted field: amount}}."""
    hours: dict[tuple[str, datetime], dict[str, float]] = {}
    for part in parts:
        adds = hours.setdefault((part.station_id, hour_of(part.judged_at)), {})
        for name, amount in _adds(part).items():
            adds[name] = adds.get(name, 0) + sign * amount
    return hours


def _adds(part: Inspection) -> dict[str, float]:
    adds: dict[str, float] = {"total": 1, _COLUMN[part.decision]: 1, "time_ms": part.times.total_ms}
    slower_than = sum(part.times.total_ms > edge for edge in LATENCY_EDGES_MS)
    adds[f"latency.{slower_than}"] = 1
    for detection in part.detections:
        name = f"classes.{safe_key(detection.class_name)}"
        adds[name] = adds.get(name, 0) + 1
    return adds


def safe_key(text: str) -> str:
    """A class name as a field name: without the characters that mean something in a path."""
    return text.replace("%", "%25").replace(".", "%2E").replace("$", "%24").replace("\x00", "%00")


def plain_text(key: str) -> str:
    """The class name back from its field name."""
    return key.replace("%00", "\x00").replace("%24", "$").replace("%2E", ".").replace("%25", "%")


def statistics(rollups: Iterable[Rollup], hours: int, station_id: str | None) -> Statistics:
    """Sum up a period."""
    rows = tuple(rollups)
    total = sum(row.total for row in rows)
    classes: dict[str, int] = {}
    for row in rows:
        for name, count in row.classes.items():
            classes[name] = classes.get(name, 0) + count
    passed = sum(row.passed for row in rows)
    return Statistics(
        total_inspections=total,
        passed=passed,
        failed=sum(row.failed for row in rows),
        uncertain=sum(row.uncertain for row in rows),
        pass_rate=passed / total if total else 0.0,
        avg_inspection_time_ms=sum(row.time_ms for row in rows) / total if total else 0.0,
        defect_breakdown={name: count for name, count in sorted(classes.items()) if count > 0},
        period_hours=hours,
        station_id=station_id,
    )


def trends(rollups: Iterable[Rollup], now: datetime, hours: int, interval: Interval) -> Trends:
    """One entry per hour or day up to now, oldest first; empty ones are zero."""
    buckets = _buckets(now, hours, interval)
    sums = {bucket: [0, 0, 0, 0] for bucket in buckets}
    for row in rollups:
        counts = sums.get(_start(row.hour, interval))
        if counts is not None:
            for index, value in enumerate((row.total, row.passed, row.failed, row.uncertain)):
                counts[index] += value
    form = "%Y-%m-%d %H:00:00" if interval is Interval.HOUR else "%Y-%m-%d"
    columns = list(zip(*(sums[bucket] for bucket in buckets), strict=True))
    return Trends(
        labels=tuple(bucket.strftime(form) for bucket in buckets),
        total=columns[0],
        passed=columns[1],
        failed=columns[2],
        uncertain=columns[3],
    )


def since(now: datetime, hours: int) -> datetime:
    """The first hour of a period of so many hours that ends with the current one."""
    return hour_of(now) - timedelta(hours=hours - 1)


def _buckets(now: datetime, hours: int, interval: Interval) -> Sequence[datetime]:
    first, last = _start(since(now, hours), interval), _start(hour_of(now), interval)
    step = timedelta(hours=1) if interval is Interval.HOUR else timedelta(days=1)
    return [first + index * step for index in range((last - first) // step + 1)]


def _start(hour: datetime, interval: Interval) -> datetime:
    return hour if interval is Interval.HOUR else hour.replace(hour=0)


@dataclass(frozen=True)
class Window:
    """The hours that hold a page of records, and how many of them come before the page."""

    since: datetime
    until: datetime
    skip: int


def window(rollups: Sequence[Rollup], decision: Decision | None, limit: int, offset: int) -> Window | None:
    """Find the page's hours from counts alone, newest first, so that no list is ever sorted whole."""
    counts: dict[datetime, int] = {}
    for row in rollups:
        counts[row.hour] = counts.get(row.hour, 0) + row.of(decision)
    seen, until, skip = 0, None, 0
    for hour in sorted(counts, reverse=True):
        if until is None and seen + counts[hour] > offset:
            until, skip = hour + timedelta(hours=1), offset - seen
        seen += counts[hour]
        if until is not None and seen >= offset + limit:
            return Window(hour, until, skip)
    return Window(min(counts), until, skip) if until is not None else None
