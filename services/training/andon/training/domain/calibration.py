"""Where a score turns into a decision: limits that good parts the model has not seen keep to."""

from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from andon.contracts.station import Thresholds

Floats = NDArray[np.floating]

PASS_LEVEL = 0.90
"""Share of good parts that pass; the rest are looked at by a person."""
FAIL_LEVEL = 0.98
"""Share of good parts that do not fail."""
KEPT = 512
TAIL = 0.25
"""Share of the scores from which the tail is read where there are too few for the level itself."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds with what the number of images can promise for them."""

    thresholds: Thresholds
    false_fail_bound: float
    """Highest share of good parts to fail that these images can promise, on average: at best 1/(n+1)."""


def calibrate(scores: Floats) -> Calibration:
    """Conformal upper quantiles of the scores of good parts that were held out of the fit."""
    count = len(scores)
    uncertain, fail = quantile(scores, PASS_LEVEL), quantile(scores, FAIL_LEVEL)
    fail = max(fail, np.nextafter(uncertain, np.inf))
    kept = np.sort(scores)
    if count > KEPT:
        kept = kept[np.linspace(0, count - 1, KEPT).round().astype(int)]
    thresholds = Thresholds(
        uncertain_above=float(uncertain), fail_above=float(fail), calibration=tuple(float(v) for v in kept)
    )
    return Calibration(thresholds, max(1 - FAIL_LEVEL, 1 / (count + 1)))


def quantile(scores: Floats, level: float) -> float:
    """The score that a new good part keeps below with at least this probability.

    Where n is below level / (1 - level) no order statistic can promise that; then the tail above the
    upper quarter is taken for exponential and read beyond the highest score.
    """
    ordered = np.sort(scores)
    rank = ceil((len(ordered) + 1) * level)
    if rank <= len(ordered):
        return float(ordered[rank - 1])
    start = float(np.quantile(ordered, 1 - TAIL))
    excess = float((ordered[ordered >= start] - start).mean())
    return max(float(ordered[-1]), start + excess * log(TAIL / (1 - level)))


def auroc(good: Floats, bad: Floats) -> float:
    """Probability that a bad part scores above a good one; ties count half."""
    ordered = np.sort(good)
    below = np.searchsorted(ordered, bad, "left") + np.searchsorted(ordered, bad, "right")
    return float(below.mean() / (2 * len(good)))
