"""What a station's nodes say, as a fold over the parts that were judged there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import blake2b

from andon.contracts.inspection import Decision, Inspection

WINDOW_MINUTES = 60
"""What PassRate1h looks back over: this minute and the 59 before it."""
RECENT_IDS = 4096
"""How many of a station's latest inspections are known by id; further apart, a repeat would count again."""

NO_TIME = datetime(1601, 1, 1, tzinfo=UTC)
"""What OPC UA shows where a time was never set."""

_ID_BYTES = 8
_MINUTE = 60


@dataclass(frozen=True)
class Bucket:
    """One minute of a station, by the time of inspection."""

    minute: int
    """Whole minutes since 1970, UTC."""
    passed: int
    total: int


@dataclass(frozen=True)
class Last:
    """The latest inspection."""

    decision: Decision
    confidence: float
    """0 to 1."""
    objects_found: int
    cycle_ms: float
    at: datetime


@dataclass(frozen=True)
class StationState:
    """Everything that a station's nodes are derived from."""

    id: str
    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    last: Last | None = None
    buckets: tuple[Bucket, ...] = ()
    """Ascending; at most the window and an hour ahead of the clock."""
    last_seq: int = 0
    """Place in the stream of the latest event that was looked at."""
    recent: bytes = b""
    """Digests of the latest inspection ids, 8 bytes each, oldest first."""


@dataclass(frozen=True)
class Lines:
    """All stations, and how far the stream has been read."""

    stations: Mapping[str, StationState] = field(default_factory=dict[str, StationState])
    last_seq: int = 0
    last_said: datetime | None = None
    """When the bus got the event at last_seq; tells this stream from one that was made anew."""
    incomplete: bool = False
    """The stream had already dropped events that were never counted here."""


@dataclass(frozen=True)
class Held:
    """What the stream holds."""

    first_seq: int
    """One above last_seq when it is empty."""
    last_seq: int
    last_said: datetime | None = None
    """When the bus got the last event."""
    anchor_said: datetime | None = None
    """When it got the event at the place we were; None when that is gone or not there yet."""


@dataclass(frozen=True)
class Rate:
    """Share of passed parts in percent."""

    percent: float
    current: bool
    """False when the window is empty: then it is the last value there was."""


class Quality(Enum):
    """How far a value can be trusted; OPC UA has a status code for each."""

    GOOD = "good"
    INITIAL = "initial"
    """Not there yet: no part so far, or the stream is still being read."""
    LAST_USABLE = "last-usable"
    """There is nothing new to derive it from; it is what it was."""
    INCOMPLETE = "incomplete"
    """Events were lost before they could be counted."""


@dataclass(frozen=True)
class Reading:
    """One node's value."""

    node: str
    value: str | float | int | datetime
    quality: Quality
    at: datetime | None
    """When the value came to be: the time of inspection, or of the clock for a rate that decayed."""


@dataclass(frozen=True)
class View:
    """What besides its own state decides how a station is shown."""

    now: datetime
    caught_up: bool = True
    incomplete: bool = False


def judged(lines: Lines, part: Inspection, seq: int, said: datetime, now: datetime) -> Lines:
    """All stations after an event that the bus got at `said`; the same object when it was seen before."""
    if seq <= lines.last_seq:
        return lines
    before = lines.stations.get(part.station_id) or StationState(part.station_id)
    after = count(before, part, seq, now)
    return replace(lines, stations={**lines.stations, part.station_id: after}, last_seq=seq, last_said=said)


def count(state: StationState, part: Inspection, seq: int, now: datetime) -> StationState:
    """A station after an event; one that was seen, or whose inspection was said before, adds nothing."""
    if seq <= state.last_seq:
        return state
    digest = _digest(part.id)
    if _knows(state.recent, digest):
        return replace(state, last_seq=seq)
    return replace(
        state,
        passed=state.passed + (part.decision is Decision.PASS),
        failed=state.failed + (part.decision is Decision.FAIL),
        uncertain=state.uncertain + (part.decision is Decision.UNCERTAIN),
        last=Last(
            part.decision, part.confidence, part.objects_found, part.times.inference_ms, part.judged_at
        ),
        buckets=_bucketed(state.buckets, part, now),
        last_seq=seq,
        recent=(state.recent + digest)[-RECENT_IDS * _ID_BYTES :],
    )


def with_station(lines: Lines, station_id: str) -> Lines:
    """Make sure that a station is known, also before its first part."""
    if station_id in lines.stations:
        return lines
    return replace(lines, stations={**lines.stations, station_id: StationState(station_id)})


def resumed(lines: Lines, held: Held) -> Lines:
    """Where to go on in a stream, compared with what it still holds.

    A first start counts from what is there. Later, whatever was dropped unread makes the counts incomplete.
    A stream made anew is read from its start, one that lost its tail from where it ends; ids stay known."""
    if lines.last_said is None:
        return lines
    if held.anchor_said not in (None, lines.last_said):
        return _back_to(lines, 0)
    if held.last_seq < lines.last_seq:
        same = held.last_said is not None and held.last_said <= lines.last_said
        return _back_to(lines, held.last_seq if same else 0)
    if held.first_seq > lines.last_seq + 1:
        return replace(lines, incomplete=True)
    return lines


def _back_to(lines: Lines, seq: int) -> Lines:
    stations = {key: replace(each, last_seq=min(seq, each.last_seq)) for key, each in lines.stations.items()}
    return replace(lines, stations=stations, last_seq=seq)


def pass_rate(state: StationState, now: datetime) -> Rate | None:
    """Over the last hour by the time of inspection; None before the first part."""
    if not state.buckets:
        return None
    minute = _minute(now)
    window = [each for each in state.buckets if minute - WINDOW_MINUTES < each.minute <= minute]
    if window:
        return Rate(_percent(window), current=True)
    return Rate(_percent(state.buckets[-1:]), current=False)


def readings(state: StationState, view: View) -> tuple[Reading, ...]:
    """All nine nodes of a station, as of its last inspection."""
    last, at = state.last, state.last and state.last.at
    of_last = _quality(view, Quality.INITIAL if last is None else Quality.GOOD)
    of_count = _quality(view, Quality.INCOMPLETE if view.incomplete else Quality.GOOD)
    shown = last or Last(Decision.PASS, 0.0, 0, 0.0, NO_TIME)
    return (
        Reading("LastDecision", last.decision.value if last else "", of_last, at),
        Reading("LastConfidence", shown.confidence, of_last, at),
        Reading("ObjectsFound", shown.objects_found, of_last, at),
        Reading("CycleTimeMs", shown.cycle_ms, of_last, at),
        Reading("PassCount", state.passed, of_count, at),
        Reading("FailCount", state.failed, of_count, at),
        Reading("UncertainCount", state.uncertain, of_count, at),
        rate_reading(state, view, at),
        Reading("LastInspectionTime", shown.at, of_last, at),
    )


def rate_reading(state: StationState, view: View, at: datetime | None) -> Reading:
    """PassRate1h alone, which also changes with the clock."""
    rate = pass_rate(state, view.now)
    if rate is None:
        return Reading("PassRate1h", 0.0, _quality(view, Quality.INITIAL), at)
    quality = Quality.GOOD if rate.current else Quality.LAST_USABLE
    return Reading("PassRate1h", rate.percent, _quality(view, quality), at)


def _quality(view: View, quality: Quality) -> Quality:
    return quality if view.caught_up else Quality.INITIAL


def _bucketed(buckets: tuple[Bucket, ...], part: Inspection, now: datetime) -> tuple[Bucket, ...]:
    minute, clock = _minute(part.judged_at), _minute(now)
    if minute > clock + WINDOW_MINUTES:
        return buckets  # A clock more than an hour ahead would own the window for as long.
    passed = int(part.decision is Decision.PASS)
    found = next((each for each in buckets if each.minute == minute), Bucket(minute, 0, 0))
    grown = Bucket(minute, found.passed + passed, found.total + 1)
    others = [each for each in buckets if each.minute != minute]
    ordered = sorted([*others, grown], key=lambda each: each.minute)
    oldest = min(clock, ordered[-1].minute) - WINDOW_MINUTES
    return tuple(each for each in ordered if each.minute > oldest) or tuple(ordered[-1:])


def _percent(buckets: list[Bucket] | tuple[Bucket, ...]) -> float:
    return 100 * sum(each.passed for each in buckets) / sum(each.total for each in buckets)


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // _MINUTE)


def _digest(inspection_id: str) -> bytes:
    return blake2b(inspection_id.encode(), digest_size=_ID_BYTES).digest()


def _knows(recent: bytes, digest: bytes) -> bool:
    # A find in 32 kB takes microseconds, where a set would have to be copied with every part.
    at = recent.find(digest)
    while at != -1 and at % _ID_BYTES:
        at = recent.find(digest, at + 1)
    return at != -1
