"""Distances per cell become a heatmap, and a heatmap becomes one score."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIGMA = 1.0
"""Cells. A defect is seen by its neighbours too; noise is not."""
RADIUS = 3
PEAK_CELLS = 10
"""The score is the mean of so many highest cells: steadier than the single highest."""


def kernel(sigma: float = SIGMA, radius: int = RADIUS) -> Floats:
    """float32 [2 radius + 1], sums to 1: the Gaussian along one axis."""
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    return (weights / weights.sum()).astype(np.float32)


def smooth(maps: Floats, sigma: float = SIGMA, radius: int = RADIUS) -> Floats:
    """float32 [n, h, w] -> the same, smoothed, with the edge repeated outwards."""
    weights = kernel(sigma, radius)
    for axis in (1, 2):
        size = maps.shape[axis]
        margin = [(radius, radius) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(maps, margin, mode="edge")
        maps = np.zeros_like(maps)
        for shift, weight in enumerate(weights):
            maps += weight * padded.take(range(shift, shift + size), axis)
    return maps


def scores(heatmaps: Floats) -> Floats:
    """float32 [n, 32, 32] -> float32 [n]."""
    cells = heatmaps.reshape(len(heatmaps), -1)
    return np.partition(cells, -PEAK_CELLS, axis=1)[:, -PEAK_CELLS:].mean(axis=1)
