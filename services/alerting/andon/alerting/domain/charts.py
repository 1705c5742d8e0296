"""Rules that go from part to part: runs of bad parts and control charts."""

import math
from dataclasses import dataclass, replace

from andon.alerting.domain.verdicts import GOOD, UNSURE, Finding, Verdict
from andon.contracts.alerting import Consecutive, Cusum, Side, Variable, WesternElectric
from andon.contracts.inspection import Decision, Inspection

Chart = WesternElectric | Cusum
Sequential = Consecutive | WesternElectric | Cusum

_LONGEST = 8
_MOST_SUM = 2.0
"""Times the decision interval: a sum that grew without end would never come down again."""


@dataclass(frozen=True)
class Progress:
    """How far a rule has come with one subject."""

    seq: int = 0
    """The last part that was looked at."""
    basis: str = ""
    """What was learned holds for this recipe."""
    bad: int = 0
    good: int = 0
    """In a row: parts of a run, or points of a chart."""
    count: int = 0
    total: float = 0.0
    """Of the subgroup that is being filled."""
    learned: int = 0
    mean: float = 0.0
    spread: float = 0.0
    """Of the points so far: their number, mean and sum of squared differences from it."""
    points: tuple[float, ...] = ()
    """The latest, in sigma from the centre."""
    upper: float = 0.0
    lower: float = 0.0
    alarm: bool = False
    untold: str | None = None
    """What set off the alarm, until it was seen to."""

    def finding(self) -> Finding:
        """What is to be said now. An alarm that came and went between two looks is still told."""
        if self.untold is not None:
            return Finding(Verdict.BAD, self.untold)
        return UNSURE if self.alarm or not self.good else GOOD


def advanced(  # noqa: PLR0913 - a part, where it belongs, and what was before
    condition: Sequential, progress: Progress, part: Inspection, seq: int, *, where: str, basis: str
) -> Progress:
    """After one more part; the same object when it was looked at before. Another basis is learned anew."""
    if seq <= progress.seq:
        return progress
    progress = replace(progress, seq=seq)
    if isinstance(condition, Consecutive):
        return _run(condition, progress, part, where)
    value = _value(condition, part)
    if value is None:
        return progress
    if condition.centre is None and progress.basis != basis:
        # Scores of another model or recipe are another quantity: what was learned says nothing of them.
        progress = Progress(seq=seq, alarm=progress.alarm, untold=progress.untold)
    progress = replace(progress, basis=basis, count=progress.count + 1, total=progress.total + value)
    if progress.count < condition.subgroup:
        return progress
    point = progress.total / progress.count
    return _pointed(condition, replace(progress, count=0, total=0.0), point, where)


def _run(condition: Consecutive, progress: Progress, part: Inspection, where: str) -> Progress:
    if part.decision is Decision.UNCERTAIN and not condition.uncertain_too:
        return progress
    if part.decision is Decision.PASS:
        good = progress.good + 1
        return replace(progress, bad=0, good=good, alarm=progress.alarm and good < condition.clear_parts)
    progress = replace(progress, bad=progress.bad + 1, good=0)
    if progress.bad < condition.parts or progress.alarm:
        return progress
    words = "did not pass" if condition.uncertain_too else "failed"
    return replace(progress, alarm=True, untold=f"{progress.bad} parts in a row {words} at {where}")


def _value(condition: Chart, part: Inspection) -> float | None:
    match condition.variable:
        case Variable.FAIL_RATE:
            return float(part.decision is Decision.FAIL)
        case Variable.SCORE:
            value = part.anomaly_score
        case Variable.LATENCY:
            value = part.times.total_ms
    return value if math.isfinite(value) else None


def _pointed(condition: Chart, progress: Progress, point: float, where: str) -> Progress:
    """After one more point of the chart."""
    if condition.centre is None and progress.learned < condition.baseline:
        learned = progress.learned + 1
        mean = progress.mean + (point - progress.mean) / learned
        spread = progress.spread + (point - progress.mean) * (point - mean)
        return replace(progress, learned=learned, mean=mean, spread=spread)
    centre, sigma = _centre_and_sigma(condition, progress)
    z = (point - centre) / sigma
    progress = replace(progress, points=(*progress.points, z)[-_LONGEST:])
    if isinstance(condition, Cusum):
        progress, signal = _summed(condition, progress, z)
    else:
        signal = _western_electric(condition, progress.points)
    if signal is None:
        good = progress.good + 1
        return replace(progress, bad=0, good=good, alarm=progress.alarm and good < condition.clear_points)
    progress = replace(progress, bad=progress.bad + 1, good=0)
    if progress.alarm:
        return progress
    usual = f"{point:.4g} over {condition.subgroup} parts, where {centre:.4g} with sigma {sigma:.3g} is usual"
    told = f"{condition.variable.value} at {where} is out of control: {signal} ({usual})"
    return replace(progress, alarm=True, untold=told)


def _centre_and_sigma(condition: Chart, progress: Progress) -> tuple[float, float]:
    if condition.centre is not None and condition.sigma is not None:
        return condition.centre, condition.sigma
    if condition.variable is Variable.FAIL_RATE:
        # Of a baseline without a defect the plain share would be 0 with sigma 0: one more of each (Laplace).
        parts = progress.learned * condition.subgroup
        share = (progress.mean * parts + 1) / (parts + 2)
        return share, math.sqrt(share * (1 - share) / condition.subgroup)
    sigma = math.sqrt(progress.spread / (progress.learned - 1))
    return progress.mean, max(sigma, 1e-6 * abs(progress.mean), 1e-9)


def _western_electric(condition: WesternElectric, points: tuple[float, ...]) -> str | None:
    for sign, side in ((1.0, Side.UPPER), (-1.0, Side.LOWER)):
        if condition.side in (side, Side.BOTH):
            way = "above" if sign > 0 else "below"
            for test in condition.tests:
                if told := _test(test, [sign * each for each in points], way):
                    return told
    return None


def _test(test: int, points: list[float], way: str) -> str | None:
    """What a test says of the points; it only signals with the newest."""
    among, least, beyond = {1: (1, 1, 3.0), 2: (3, 2, 2.0), 3: (5, 4, 1.0), 4: (8, 8, 0.0)}[test]
    last = points[-among:]
    if not last or last[-1] <= beyond or sum(each > beyond for each in last) < least:
        return None
    if test == 1:
        return f"a point is more than 3 sigma {way} the centre"
    if test == 4:  # noqa: PLR2004 - the fourth of the four
        return f"eight points in a row are {way} the centre"
    return f"{least} of {among} points are more than {beyond:g} sigma {way} the centre"


def _summed(condition: Cusum, progress: Progress, z: float) -> tuple[Progress, str | None]:
    most = _MOST_SUM * condition.decision
    upper = min(max(0.0, progress.upper + z - condition.slack), most)
    lower = min(max(0.0, progress.lower - z - condition.slack), most)
    told = None
    if upper > condition.decision and condition.side is not Side.LOWER:
        told = f"its cumulative sum of {upper:.3g} sigma is above {condition.decision:g}"
    elif lower > condition.decision and condition.side is not Side.UPPER:
        told = f"its cumulative sum of {lower:.3g} sigma downwards is above {condition.decision:g}"
    return replace(progress, upper=upper, lower=lower), told
