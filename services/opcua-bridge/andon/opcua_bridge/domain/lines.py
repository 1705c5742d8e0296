"""What was judged at each station, as a fold over the events."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from andon.contracts.inspection import Decision, Inspection
from andon.opcua_bridge.domain.place import Held, Place, going_on_from

WINDOW_MINUTES = 60
"""What a pass rate looks back over: this minute and the 59 before it."""
RECENT_IDS = 4096
"""How many of a station's latest inspections are known by id; further apart, a repeat would count again."""

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
    total_ms: float = 0.0
    """From the frame's arrival at the inspector to its decision."""
    classes: tuple[tuple[str, int], ...] = ()
    """Class and how many objects of it were found."""


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
class Rate:
    """Share of passed parts in percent."""

    percent: float
    current: bool
    """False when the window is empty: then it is the last value there was."""


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
        last=_last(part),
        buckets=_bucketed(state.buckets, part, now),
        last_seq=seq,
        recent=(state.recent + digest)[-RECENT_IDS * _ID_BYTES :],
    )


def counted(state: StationState | None, inspection_id: str) -> bool:
    """Whether an inspection is in a station's counts; known for the latest RECENT_IDS."""
    return state is not None and _knows(state.recent, _digest(inspection_id))


def with_station(lines: Lines, station_id: str) -> Lines:
    """Make sure that a station is known, also before its first part."""
    if station_id in lines.stations:
        return lines
    return replace(lines, stations={**lines.stations, station_id: StationState(station_id)})


def resumed(lines: Lines, held: Held) -> Lines:
    """Where to go on in a stream, compared with what it still holds.

    A first start counts from what is there. Later, whatever was dropped unread makes the counts incomplete.
    A stream made anew is read from its start, one that lost its tail from where it ends; ids stay known."""
    going_on = going_on_from(Place(lines.last_seq, lines.last_said), held)
    if going_on.lost:
        return replace(lines, incomplete=True)
    return lines if going_on.seq == lines.last_seq else _back_to(lines, going_on.seq)


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


def _last(part: Inspection) -> Last:
    return Last(
        part.decision,
        part.confidence,
        part.objects_found,
        part.times.inference_ms,
        part.judged_at,
        part.times.total_ms,
        tuple(Counter(each.class_name for each in part.detections).items()),
    )


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
