"""What was judged, counted by station, model and minute; never twice, whatever is read again."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from andon.contracts.inspection import Decision, FrameRefused, Inspection

AHEAD_MINUTES = 60
"""How far a part's time may be in the future and still be believed."""
HOUR = 60


@dataclass(slots=True)
class Tally:
    """Counts over some time."""

    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    refused: int = 0
    """Frames that could not be judged."""
    timed: int = 0
    """Parts whose latency is a number."""
    latency_ms: float = 0.0
    """Their sum."""
    lagged: int = 0
    lag_seconds: float = 0.0
    classes: dict[str, int] = field(default_factory=dict[str, int])
    """Parts that did not pass, by class of their regions."""

    @property
    def judged(self) -> int:
        return self.passed + self.failed + self.uncertain

    def add(self, other: "Tally", sign: int = 1) -> None:
        """Or take away, with sign -1."""
        self.passed += sign * other.passed
        self.failed += sign * other.failed
        self.uncertain += sign * other.uncertain
        self.refused += sign * other.refused
        self.timed += sign * other.timed
        self.latency_ms += sign * other.latency_ms
        self.lagged += sign * other.lagged
        self.lag_seconds += sign * other.lag_seconds
        for name, count in other.classes.items():
            self.classes[name] = self.classes.get(name, 0) + sign * count

    def count(self, part: Inspection) -> None:
        """One more part. What is no finite number is left out of the sums."""
        self.passed += part.decision is Decision.PASS
        self.failed += part.decision is Decision.FAIL
        self.uncertain += part.decision is Decision.UNCERTAIN
        if math.isfinite(part.times.total_ms):
            self.timed += 1
            self.latency_ms += part.times.total_ms
        self.lagged += 1
        self.lag_seconds += max(0.0, (part.judged_at - part.captured_at).total_seconds())
        if part.decision is not Decision.PASS:
            for name in {each.class_name for each in part.detections}:
                self.classes[name] = self.classes.get(name, 0) + 1


@dataclass(frozen=True, slots=True)
class Series:
    """Where parts were judged, and by what. Frames that could not be judged have no model."""

    station_id: str
    model: str


@dataclass(slots=True)
class Hour:
    """One hour of a series, and how far the stream was counted into it."""

    series: Series
    hour: int
    """Whole hours since 1970, UTC."""
    seq: int = 0
    minutes: dict[int, Tally] = field(default_factory=dict[int, Tally])
    """By whole minutes since 1970; empty ones are not there."""

    @property
    def id(self) -> str:
        return f"{self.hour}/{self.series.station_id}/{self.series.model}"


class Counts:
    """The hours that rules look at, in memory."""

    def __init__(self, keep_hours: int = 3) -> None:
        self.keep_hours = keep_hours
        self.changed: set[tuple[Series, int]] = set()
        """Hours that the store does not have like this."""
        self._hours: dict[Series, dict[int, Hour]] = {}

    @property
    def series(self) -> Iterable[Series]:
        return self._hours.keys()

    def take(self, hours: Iterable[Hour]) -> None:
        """Hours as they were stored; those that are here already may be newer."""
        for each in hours:
            self._hours.setdefault(each.series, {}).setdefault(each.hour, each)

    def forget(self) -> None:
        """Everything: the stream began anew."""
        self._hours.clear()
        self.changed.clear()

    def part(self, part: Inspection, seq: int, now: datetime) -> bool:
        """Whether it counted: not when it was counted before, or is too old for every window."""
        tally = self._tally(Series(part.station_id, part.model_version), part.judged_at, seq, now)
        if tally is None:
            return False
        tally.count(part)
        return True

    def refused(self, frame: FrameRefused, seq: int, now: datetime) -> bool:
        """As `part`, for a frame that could not be judged."""
        tally = self._tally(Series(frame.station_id, ""), frame.refused_at, seq, now)
        if tally is None:
            return False
        tally.refused += 1
        return True

    def hour(self, series: Series, hour: int) -> Hour | None:
        return self._hours.get(series, {}).get(hour)

    def window(self, series: Iterable[Series], first: int, last: int) -> Tally:
        """Everything in these minutes, both inclusive."""
        total = Tally()
        for minute in self._minutes(series, first, last):
            total.add(minute)
        return total

    def age(self, now: datetime) -> None:
        """Forget what no window reaches any more."""
        oldest = minute_of(now) // HOUR - self.keep_hours
        for series, hours in list(self._hours.items()):
            for hour in [each for each in hours if each < oldest and (series, each) not in self.changed]:
                del hours[hour]
            if not hours:
                del self._hours[series]

    def _minutes(self, series: Iterable[Series], first: int, last: int) -> Iterator[Tally]:
        for each in series:
            for hour, found in self._hours.get(each, {}).items():
                if first // HOUR <= hour <= last // HOUR:
                    yield from (tally for minute, tally in found.minutes.items() if first <= minute <= last)

    def _tally(self, series: Series, at: datetime, seq: int, now: datetime) -> Tally | None:
        minute, clock = minute_of(at), minute_of(now)
        if minute > clock + AHEAD_MINUTES or minute // HOUR < clock // HOUR - self.keep_hours:
            return None
        hours = self._hours.setdefault(series, {})
        hour = hours.setdefault(minute // HOUR, Hour(series, minute // HOUR))
        if seq <= hour.seq:
            return None
        hour.seq = seq
        self.changed.add((series, hour.hour))
        return hour.minutes.setdefault(minute, Tally())


def minute_of(moment: datetime) -> int:
    """Whole minutes since 1970."""
    return int(moment.timestamp() // 60)


def time_of(minute: int) -> datetime:
    """When a minute begins."""
    return datetime.fromtimestamp(0, UTC) + timedelta(minutes=minute)
