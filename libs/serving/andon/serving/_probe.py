"""A picture whose answer is known, so that a broken model or runtime is noticed before a part is judged."""

import numpy as np
from numpy.typing import NDArray

from andon.contracts import Refused
from andon.serving._decode import SIDE
from andon.serving._predictor import Prediction

PROBE_KEY = "andon.probe"
"""Model metadata: the score of the probe image, written where the model was made."""
TOLERANCE = 0.05
"""Relative. INT8 kernels differ a little between processors; a broken one differs by far more."""


class ProbeFailed(Refused):
    """The model loads, but does not say what it must say."""

    code, status = "probe_failed", 422


def probe_image() -> NDArray[np.uint8]:
    """uint8 [256, 256, 3]: ramps and a checkerboard, the same on every machine."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    board = ((rows // 16 + columns // 16) % 2) * 255
    return np.stack([rows, columns, board], axis=2).astype(np.uint8)


def check(prediction: Prediction, known: float | None) -> None:
    """Raises ProbeFailed when the answer is not a number or not the known one."""
    score = prediction.score
    if not np.isfinite(score) or not np.isfinite(prediction.heatmap).all():
        raise ProbeFailed("the model answers its probe image with something that is not a number")
    if known is not None and abs(score - known) > TOLERANCE * max(abs(known), 1e-6):
        raise ProbeFailed(f"the model answers its probe image with {score:.4g} instead of {known:.4g}")
