"""What a station's OPC UA nodes say."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from andon.contracts.inspection import Decision
from andon.opcua_bridge.domain.lines import Last, StationState, pass_rate

NO_TIME = datetime(1601, 1, 1, tzinfo=UTC)
"""What OPC UA shows where a time was never set."""

HISTORY_NODES = (
    "LastConfidence",
    "ObjectsFound",
    "CycleTimeMs",
    "PassCount",
    "FailCount",
    "UncertainCount",
    "PassRate1h",
)
"""The numeric nodes: their past can be read."""


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
    stale: bool = False
    """Nothing new can be heard."""


@dataclass(frozen=True)
class Health:
    """What the values stand on."""

    bus: bool = True
    """Answers, so that what is new is heard."""
    store: bool = True
    """Keeps what was counted."""
    caught_up: bool = True
    complete: bool = True


def service_level(health: Health) -> int:
    """As Part 4, 6.6.2.4.2 divides it: 1 no data, 2 to 199 degraded, 200 to 255 healthy."""
    if not health.caught_up:
        return 1 if not health.bus else 100
    if not health.bus:
        return 50
    if not health.complete:
        return 190
    return 255 if health.store else 199


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
    if not view.caught_up:
        return Quality.INITIAL
    return Quality.LAST_USABLE if view.stale and quality is Quality.GOOD else quality
