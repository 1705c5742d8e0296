"""From the head's outputs to boxes, as the exported file does it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.serving import MOST_FOUND
from andon.training.fitting.detector.targets import CELL

Floats = NDArray[np.floating[Any]]

LARGEST = 6.0
"""Of a distance's logarithm: 400 cells."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Of one picture, the surest first."""

    boxes: Floats
    """[100, 4] in pixels of the square."""
    scores: Floats
    """[100]"""
    classes: NDArray[np.int64]
    """[100]"""


def decode(logits: Floats, logarithms: Floats) -> Decoded:
    """[h, w, classes] and [h, w, 4] of one picture: cells above their eight neighbours, by class."""
    grid = len(logits)
    heat = 1 / (1 + np.exp(-logits))
    wide = np.pad(heat, ((1, 1), (1, 1), (0, 0)))
    highest = heat.copy()
    for row in range(3):
        for column in range(3):
            np.maximum(highest, wide[row : row + grid, column : column + grid], out=highest)
    peaks = np.where(heat >= highest, heat, 0).transpose(2, 0, 1).ravel()
    order = np.argsort(-peaks, kind="stable")[: min(MOST_FOUND, peaks.size)]
    cells = order % (grid * grid)
    rows, columns = cells // grid, cells % grid
    distances = np.exp(np.minimum(logarithms[rows, columns], LARGEST))
    centres = np.stack([columns, rows], axis=1) + np.float32(0.5)
    corners = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1) * CELL
    boxes = np.clip(corners, 0, grid * CELL).astype(np.float32)
    return Decoded(boxes, peaks[order].astype(np.float32), (order // (grid * grid)).astype(np.int64))
