"""What a rule finds of a figure: bad, good, or nothing that would change what was said before."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from andon.alerting.domain.counting import Tally
from andon.contracts.alerting import Metric, Threshold

_NAMES = {
    Metric.PASS_RATE: "Pass rate",
    Metric.FAIL_RATE: "Fail rate",
    Metric.UNCERTAIN_RATE: "Share of uncertain parts",
    Metric.ERROR_RATE: "Share of frames that could not be judged",
    Metric.LATENCY: "Mean inspection time",
    Metric.LAG: "Mean time from shutter to decision",
}
RATES = frozenset({Metric.PASS_RATE, Metric.FAIL_RATE, Metric.UNCERTAIN_RATE, Metric.ERROR_RATE})


class Verdict(Enum):
    """What a rule says of its subject now."""

    BAD = "bad"
    GOOD = "good"
    UNSURE = "unsure"
    """Too few parts, or between limit and margin: whatever was said before stands."""


@dataclass(frozen=True)
class Finding:
    """A verdict, with the words for it where it is bad."""

    verdict: Verdict
    message: str = ""
    happened: datetime | None = None
    """Of what is bad because it happened, not because it lasts: told once, whoever resolved it meanwhile."""


UNSURE, GOOD = Finding(Verdict.UNSURE), Finding(Verdict.GOOD)


def found_in(condition: Threshold, tally: Tally, where: str) -> Finding:
    """What a figure over a window says."""
    value, of = figure(condition, tally)
    if of < condition.minimum_parts or value is None:
        return UNSURE
    if is_bad(condition, value):
        return Finding(Verdict.BAD, _message(condition, tally, value, where))
    return GOOD if _is_good(condition, value) else UNSURE


def figure(condition: Threshold, tally: Tally) -> tuple[float | None, int]:
    """The figure, and over how many parts it is taken."""
    match condition.metric:
        case Metric.LATENCY:
            return _share(tally.latency_ms, tally.timed), tally.timed
        case Metric.LAG:
            return _share(tally.lag_seconds, tally.lagged), tally.lagged
        case Metric.ERROR_RATE:
            of = tally.judged + tally.refused
            return _share(tally.refused, of), of
        case _:
            return _share(_counted(condition, tally), tally.judged), tally.judged


def is_bad(condition: Threshold, value: float) -> bool:
    """Beyond the limit."""
    if condition.metric is Metric.PASS_RATE:
        return value < condition.limit
    return value > condition.limit


def _is_good(condition: Threshold, value: float) -> bool:
    # What can't be exceeded is reached: else an alert about a limit of 1 would never be over.
    if condition.metric is Metric.PASS_RATE:
        return value >= min(condition.limit + condition.clear_margin, 1.0)
    return value <= max(condition.limit - condition.clear_margin, 0.0)


def _counted(condition: Threshold, tally: Tally) -> int:
    match condition.metric:
        case Metric.PASS_RATE:
            return tally.passed
        case Metric.UNCERTAIN_RATE:
            return tally.uncertain
        case Metric.ERROR_RATE:
            return tally.refused
        case _:
            return tally.classes.get(condition.class_name, 0) if condition.class_name else tally.failed


def _message(condition: Threshold, tally: Tally, value: float, where: str) -> str:
    metric, limit = condition.metric, condition.limit
    name = _NAMES[metric]
    if condition.class_name:
        name = f"Share of parts with {condition.class_name}"
    window = f"in the last {condition.window_minutes} minutes"
    if metric is Metric.PASS_RATE:
        rate = _below(value, limit)
        counts = f"{tally.passed} of {tally.judged} parts passed {window}"
        return f"{name} {rate}% is below the {100 * limit:g}% target at {where}: {counts}"
    if metric in RATES:
        of = tally.judged + (tally.refused if metric is Metric.ERROR_RATE else 0)
        counts = f"{_counted(condition, tally)} of {of} {window}"
        return f"{name} {_above(value, limit)}% is above the {100 * limit:g}% limit at {where}: {counts}"
    unit = "ms" if metric is Metric.LATENCY else "s"
    return f"{name} of {value:.4g} {unit} is above the limit of {limit:g} {unit} at {where}, {window}"


def _share(count: float, of: int) -> float | None:
    return count / of if of else None


def _below(rate: float, limit: float) -> str:
    """In percent, and never shown as what it is below."""
    whole = round(100 * rate)
    return str(whole) if whole < 100 * limit else f"{math.floor(1000 * rate) / 10:.1f}"


def _above(rate: float, limit: float) -> str:
    whole = round(100 * rate)
    return str(whole) if whole > 100 * limit else f"{math.ceil(1000 * rate) / 10:.1f}"
