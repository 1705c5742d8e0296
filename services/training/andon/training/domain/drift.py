"""Whether a quantised model still says what the full one says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LOWEST_CORRELATION = 0.95
HIGHEST_DRIFT = 0.10
"""Share by which the images above the pass limit may become more or fewer."""


@dataclass(frozen=True)
class Drift:
    """How two models' answers to the same images compare."""

    correlation: float
    pass_rate: float
    """How much the share of images above the pass limit changes; that some change sides is noise."""

    @property
    def refusal(self) -> str | None:
        """Why the quantised model must not be used; None when it may."""
        if not self.correlation >= LOWEST_CORRELATION:
            return f"its scores correlate by {self.correlation:.3f} only (at least {LOWEST_CORRELATION})"
        if self.pass_rate > HIGHEST_DRIFT:
            return f"its pass rate differs by {self.pass_rate:.0%} of the images"
        return None


def compare(full: Floats, quantised: Floats, limit: float) -> Drift:
    """Scores of the same images by both models; the images must span good and damaged."""
    if np.ptp(full) == 0 or np.ptp(quantised) == 0 or not np.isfinite(quantised).all():
        return Drift(0.0, 1.0)
    correlation = float(np.corrcoef(full, quantised)[0, 1])
    return Drift(correlation, abs(float((full > limit).mean() - (quantised > limit).mean())))
