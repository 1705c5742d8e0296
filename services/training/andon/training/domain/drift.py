"""Whether a quantised model still says what the full one says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

LOWEST_CORRELATION = 0.95
HIGHEST_DRIFT = 0.10
"""Share of the images whose side of the pass limit may change."""


@dataclass(frozen=True)
class Drift:
    """How two models' answers to the same images compare."""

    correlation: float
    changed: float
    """Share of images on the other side of the pass limit."""

    @property
    def refusal(self) -> str | None:
        """Why the quantised model must not be used; None when it may."""
        if not self.correlation >= LOWEST_CORRELATION:
            return f"its scores correlate by {self.correlation:.3f} only (at least {LOWEST_CORRELATION})"
        if self.changed > HIGHEST_DRIFT:
            return f"{self.changed:.0%} of the images change sides of the pass limit"
        return None


def compare(full: Floats, quantised: Floats, limit: float) -> Drift:
    """Scores of the same images by both models; the images must span good and damaged."""
    if np.ptp(full) == 0 or np.ptp(quantised) == 0 or not np.isfinite(quantised).all():
        return Drift(0.0, 1.0)
    correlation = float(np.corrcoef(full, quantised)[0, 1])
    return Drift(correlation, float(((full > limit) != (quantised > limit)).mean()))
