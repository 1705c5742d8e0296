"""Counts per station and hour: what was judged, and what of it is still there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from andon.contracts.inspection import Decision, Inspection, Interval, Statistics, StoredImage, Trends
from andon.inspection.domain import tallies

LATENCY_EDGES_MS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper edges of the latency histogram; the last bucket has none."""

KINDS = ("images", "annotated")
"""The pictures kept of a part: as it came, and with heatmap and boxes."""

Amounts = dict[str, int]
"""{dotted field of an hour's counts: how much it changes}"""

_COLUMN = {Decision.PASS: "passed", Decision.FAIL: "failed", Decision.UNCERTAIN: "uncertain"}


@dataclass(frozen=True)
class Stored:
    """Pictures of one kind and decision."""

    files: int = 0
    bytes: int = 0


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
    time_us: int = 0
    """Sum of the parts' total times."""
    classes: dict[str, int] = field(default_factory=dict[str, int])
    """Detections by class."""
    kept: dict[Decision, int] = field(default_factory=dict[Decision, int])
    """Records that are still there."""
    minutes: dict[Decision, bytes] = field(default_factory=dict[Decision, bytes])
    """The same by minute: 60 counts of four bytes, little endian."""
    stored: dict[tuple[str, Decision], Stored] = field(default_factory=dict[tuple[str, Decision], Stored])
    """Pictures that are still there, by kind and decision."""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Counts by version, under its name as a field; see `tallies`."""
    trials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Counts by trial, of the new version and of the old."""

    def remaining(self, decision: Decision | None) -> int:
        """Records with that decision, or all, that are still there."""
        return sum(self.kept.values()) if decision is None else self.kept.get(decision, 0)

    def remaining_in(self, minute: int, decision: Decision | None) -> int:
        """The same of one minute of the hour."""
        place = slice(4 * minute, 4 * minute + 4)
        wanted = self.minutes if decision is None else (decision,)
        return sum(int.from_bytes(self.minutes.get(each, b"")[place], "little") for each in wanted)


def hour_of(moment: datetime) -> datetime:
    """The start of a moment's hour, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def judged(part: Inspection) -> Amounts:
    """What a part adds to what was judged in its hour."""
    adds = {"total": 1, _COLUMN[part.decision]: 1, "time_us": round(part.times.total_ms * 1000)}
    slower_than = sum(part.times.total_ms > edge for edge in LATENCY_EDGES_MS)
    adds[f"latency.{slower_than}"] = 1
    for detection in part.detections:
        name = f"classes.{safe_key(detection.class_name)}"
        adds[name] = adds.get(name, 0) + 1
    return adds | tallies.by_version(part, safe_key(part.model_version)) | tallies.by_trial(part)


def kept(part: Inspection) -> Amounts:
    """What a part adds to what is still there."""
    minute = part.judged_at.astimezone(UTC).minute
    own = {"kept": 1, f"have.{part.decision}": 1, f"minutes.{part.decision}.{minute}": 1}
    return own | pictures(part.decision, part.image, part.annotated)


def pictures(decision: Decision, image: StoredImage | None, annotated: StoredImage | None) -> Amounts:
    """What a part's pictures add."""
    adds: Amounts = {}
    for kind, stored in zip(KINDS, (image, annotated), strict=True):
        if stored is not None:
            adds |= {f"files.{kind}.{decision}": 1, f"bytes.{kind}.{decision}": stored.size}
    return adds


def summed(*amounts: Amounts) -> Amounts:
    """Several changes as one."""
    total: Amounts = {}
    for each in amounts:
        for name, amount in each.items():
            total[name] = total.get(name, 0) + amount
    return {name: amount for name, amount in total.items() if amount}


def taken(amounts: Amounts) -> Amounts:
    """The opposite change."""
    return {name: -amount for name, amount in amounts.items()}


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
        avg_inspection_time_ms=sum(row.time_us for row in rows) / total / 1000 if total else 0.0,
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
