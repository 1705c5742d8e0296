"""When the pass rate of a station is bad, and what becomes of the alert about it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid5

from andon.contracts.alerting import Alert, AlertState, Severity
from andon.contracts.inspection import Decision, Inspection

PASS_RATE_LOW = "pass-rate-low"  # noqa: S105 - a rule's name
TITLE = "Pass rate below threshold"

_MINUTE = 60
_AHEAD_MINUTES = 60
_ALERTS = UUID("6d2f4c0a-8f0b-5f0e-9a57-3f1f6f7b8a11")


@dataclass(frozen=True)
class PassRateRule:
    """Fires when too few of a station's latest parts passed."""

    target: float = 0.90
    """Share of parts that should pass, 0 to 1."""
    window_minutes: int = 15
    """How far back parts count, by the time of inspection; this minute included."""
    minimum_parts: int = 20
    """Fewer than this in the window say nothing, neither bad nor good."""
    clear_margin: float = 0.02
    """How far above the target the rate must be for an alert to be over, so that it does not flutter."""

    @property
    def clears_at(self) -> float:
        """The rate from which all is well; what can't be exceeded is reached."""
        return min(self.target + self.clear_margin, 1.0)


@dataclass(frozen=True)
class Bucket:
    """One minute of a station, by the time of inspection."""

    minute: int
    """Whole minutes since 1970, UTC."""
    passed: int
    total: int


@dataclass(frozen=True)
class Lines:
    """What was judged lately at each station, and how far the stream has been read."""

    stations: Mapping[str, tuple[Bucket, ...]] = field(default_factory=dict[str, tuple[Bucket, ...]])
    """Ascending by minute."""
    last_seq: int = 0


class Verdict(Enum):
    """What a rule says of a station."""

    BAD = "bad"
    GOOD = "good"
    UNSURE = "unsure"
    """Too few parts, or between target and margin: whatever was said before stands."""


@dataclass(frozen=True)
class Finding:
    """A verdict with the numbers behind it."""

    verdict: Verdict
    passed: int
    total: int

    @property
    def rate(self) -> float:
        """0 to 1."""
        return self.passed / self.total if self.total else 1.0


def counted(lines: Lines, part: Inspection, seq: int, now: datetime, window_minutes: int) -> Lines:
    """All stations after an event; the same object when it was seen before."""
    if seq <= lines.last_seq:
        return lines
    buckets = _bucketed(lines.stations.get(part.station_id, ()), part, _minute(now), window_minutes)
    return replace(lines, stations={**lines.stations, part.station_id: buckets}, last_seq=seq)


def resumed(lines: Lines, last_seq: int) -> Lines:
    """Where to go on in a stream that ends at `last_seq`: one that began anew is read again, from nothing."""
    return Lines() if last_seq < lines.last_seq else lines


def find(rule: PassRateRule, buckets: tuple[Bucket, ...], now: datetime) -> Finding:
    """What the rule says of a station now."""
    minute = _minute(now)
    window = [each for each in buckets if minute - rule.window_minutes < each.minute <= minute]
    passed, total = sum(each.passed for each in window), sum(each.total for each in window)
    found = Finding(Verdict.UNSURE, passed, total)
    if total < rule.minimum_parts or not total:
        return found
    if found.rate < rule.target:
        return replace(found, verdict=Verdict.BAD)
    if found.rate >= rule.clears_at:
        return replace(found, verdict=Verdict.GOOD)
    return found


class Record(Alert):
    """An alert with what alerting itself must know of it."""

    number: int
    """Counts the alerts of one rule at one station: two who open the same one give it the same id."""
    version: int = 0
    """Goes up with every change, and a change is only made to the version it was read at."""
    unsaid: tuple[AlertState, ...] = ()
    """Changes the bus has not been told of yet; written with the change itself."""
    settled: bool = False
    """Over and told: nothing will happen to it by itself."""

    def alert(self) -> Alert:
        """As others see it."""
        return Alert(**{name: getattr(self, name) for name in Alert.model_fields})


def opened(rule: PassRateRule, station_id: str, found: Finding, number: int, now: datetime) -> Record:
    """A new alert about a station's pass rate."""
    return Record(
        id=str(uuid5(_ALERTS, f"{PASS_RATE_LOW}/{station_id}/{number}")),
        rule=PASS_RATE_LOW,
        station_id=station_id,
        severity=Severity.WARNING,
        title=TITLE,
        message=_message(rule, station_id, found),
        state=AlertState.OPEN,
        timestamp=now,
        number=number,
        unsaid=(AlertState.OPEN,),
    )


def acknowledged(record: Record, by: str, now: datetime) -> Record:
    """Seen by a person; the same object when somebody had seen it. One that is over stays over."""
    if record.acknowledged_at is not None:
        return record
    over = record.state is AlertState.RESOLVED
    return _changed(
        record,
        state=AlertState.RESOLVED if over else AlertState.ACKNOWLEDGED,
        acknowledged_at=now,
        acknowledged_by=by,
        unsaid=(*record.unsaid, AlertState.ACKNOWLEDGED),
    )


def resolved(record: Record, now: datetime) -> Record:
    """Over; the same object when it was over before."""
    if record.state is AlertState.RESOLVED:
        return record
    unsaid = (*record.unsaid, AlertState.RESOLVED)
    return _changed(record, state=AlertState.RESOLVED, resolved_at=now, unsaid=unsaid)


def said(record: Record) -> Record:
    """Everything about it was told."""
    return _changed(record, unsaid=())


def _changed(record: Record, **changes: object) -> Record:
    after = record.model_copy(update={**changes, "version": record.version + 1})
    return after.model_copy(update={"settled": after.state is AlertState.RESOLVED and not after.unsaid})


def _message(rule: PassRateRule, station_id: str, found: Finding) -> str:
    rate = _below(found.rate, rule.target)
    return (
        f"Pass rate {rate}% is below the {100 * rule.target:g}% target at {station_id}: "
        f"{found.passed} of {found.total} parts passed in the last {rule.window_minutes} minutes"
    )


def _below(rate: float, target: float) -> str:
    """In percent, and never shown as what it is below."""
    whole = round(100 * rate)
    return str(whole) if whole < 100 * target else f"{math.floor(1000 * rate) / 10:.1f}"


def _bucketed(
    buckets: tuple[Bucket, ...], part: Inspection, clock: int, window_minutes: int
) -> tuple[Bucket, ...]:
    minute, oldest = _minute(part.judged_at), clock - window_minutes
    kept = tuple(each for each in buckets if each.minute > oldest)
    if not oldest < minute <= clock + _AHEAD_MINUTES:
        return kept
    found = next((each for each in kept if each.minute == minute), Bucket(minute, 0, 0))
    passed = int(part.decision is Decision.PASS)
    grown = Bucket(minute, found.passed + passed, found.total + 1)
    others = (each for each in kept if each.minute != minute)
    return tuple(sorted((*others, grown), key=lambda each: each.minute))


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // _MINUTE)
