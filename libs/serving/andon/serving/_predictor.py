"""What a model says about a picture, and the one way to ask it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

GRID = 32
"""Cells of a side of the heatmap; each covers 8 x 8 of the 256 x 256 pixels looked at."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """How unlike the good parts a picture is."""

    score: float
    """0 and up, in the model's own unit; read against the model's thresholds."""
    heatmap: NDArray[np.float32]
    """float32 [32, 32], same unit as the score, which is the mean of its highest cells."""


class Predictor(Protocol):
    """A loaded, warm model. Predictions asked for together are inferred together."""

    @property
    def name(self) -> str:
        """The runtime: openvino, onnxruntime or triton."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, such as CPU."""
        ...

    async def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Judge uint8 [256, 256, 3] RGB. Raises Invalid for another shape, Unavailable once closed."""
        ...

    async def probe(self) -> None:
        """Ask about a known picture. Raises ProbeFailed when the answer is not the known one."""
        ...

    async def close(self) -> None:
        """Answer what was asked, then free the memory. A repeat does nothing."""
        ...
