"""Whether two histograms come from one distribution: the population stability index, with its chance level.

Under no change the index is about (1/n + 1/m) times a chi-squared variable of (bins - 1) degrees of freedom
(Yurdakul and Naranjo, 2020), so a critical value goes with every false-alarm rate.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

GROUPS = 10
"""Bins are joined until each holds about this part of the reference."""
_SMOOTHING = 0.5


@dataclass(frozen=True)
class Stability:
    """How far one histogram is from another."""

    psi: float
    critical: float
    """Above it, chance is out; 0 when there is nothing to compare."""

    def beyond(self, matters: float) -> bool:
        """Whether it is no chance, and large enough to matter."""
        return self.critical > 0 and self.psi > max(self.critical, matters)


def stability(reference: Mapping[int, int], other: Mapping[int, int], false_alarms: float) -> Stability:
    """Compare counts by bin; bins are numbered in order."""
    groups = _grouped(reference, other)
    first, second = (sum(group[side] for group in groups) for side in (0, 1))
    if len(groups) < 2 or not first or not second:  # noqa: PLR2004 - one group is all there is
        return Stability(0.0, 0.0)
    room = _SMOOTHING * len(groups)
    psi = 0.0
    for was, is_ in groups:
        before, now = (was + _SMOOTHING) / (first + room), (is_ + _SMOOTHING) / (second + room)
        psi += (now - before) * math.log(now / before)
    return Stability(psi, (1 / first + 1 / second) * chi_squared(len(groups) - 1, 1 - false_alarms))


def chi_squared(freedom: int, probability: float) -> float:
    """Quantile by Wilson and Hilferty: 3 % too high at one degree of freedom, exact to 1 % from four on."""
    normal = NormalDist().inv_cdf(probability)
    share = 2 / (9 * freedom)
    return freedom * (1 - share + normal * math.sqrt(share)) ** 3


def _grouped(reference: Mapping[int, int], other: Mapping[int, int]) -> list[tuple[int, int]]:
    """Counts of both in groups that hold a tenth of the reference each, or as near as bins allow."""
    enough = sum(reference.values()) / GROUPS
    groups: list[tuple[int, int]] = []
    was = is_ = 0
    for number in sorted({*reference, *other}):
        was, is_ = was + reference.get(number, 0), is_ + other.get(number, 0)
        if was and was >= enough:
            groups.append((was, is_))
            was = is_ = 0
    if was or is_:
        last = groups.pop() if groups and was < enough / 2 and not is_ else (0, 0)
        groups.append((last[0] + was, last[1] + is_))
    return groups
