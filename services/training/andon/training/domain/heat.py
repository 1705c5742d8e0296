"""Distances per cell become a heatmap, and a heatmap becomes one score."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Floats = NDArray[np.float32]

SIGMA = 1.0
"""Cells. A defect is seen by its neighbours too; noise is not."""
RADIUS = 3
PEAK_CELLS = 10
"""The score is the mean of so many highest cells: steadier than the single highest."""


def kernel() -> Floats:
    """float32 [7], sums to 1: the Gaussian along one axis."""
    steps = np.arange(-RADIUS, RADIUS + 1)
    weights = np.exp(-0.5 * (steps / SIGMA) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def smooth(distances: Floats) -> Floats:
    """float32 [n, 32, 32] -> the same, smoothed, with the edge repeated outwards."""
    along = correlate1d(distances, kernel(), axis=1, mode="nearest")
    return correlate1d(along, kernel(), axis=2, mode="nearest")


def scores(heatmaps: Floats) -> Floats:
    """float32 [n, 32, 32] -> float32 [n]."""
    cells = heatmaps.reshape(len(heatmaps), -1)
    return np.partition(cells, -PEAK_CELLS, axis=1)[:, -PEAK_CELLS:].mean(axis=1)
