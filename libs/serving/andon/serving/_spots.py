"""Where a heatmap stands out, as boxes in the original picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts.inspection import Box
from andon.contracts.station import Region

_MAX_REGIONS = 20


@dataclass(frozen=True)
class Spot:
    """A place where the heatmap stands out, in pixels of the original picture."""

    box: Box
    peak: float
    area: int
    """Of its cells, in pixels of the original: a bound more than a measure, since a cell is coarse."""


def spots(heatmap: NDArray[np.float32], limit: float, size: tuple[int, int], region: Region) -> list[Spot]:
    """Connected cells above the limit, or above half the peak when nothing is; strongest first, at most 20.

    `size` is the original's width and height in pixels; the heatmap covers `region` of it.
    """
    peak = float(heatmap.max())
    above = heatmap > min(max(limit, peak / 2), np.nextafter(peak, -np.inf))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)
    rows, columns = heatmap.shape
    found: list[Spot] = []
    for index in range(1, count):
        left, top, wide, high = (int(value) for value in boxes[index][:4])
        cells = heatmap[top : top + high, left : left + wide]
        box = (
            _scale(region.x + region.width * left / columns, size[0]),
            _scale(region.y + region.height * top / rows, size[1]),
            _scale(region.x + region.width * (left + wide) / columns, size[0]),
            _scale(region.y + region.height * (top + high) / rows, size[1]),
        )
        cell = region.width * size[0] / columns * region.height * size[1] / rows
        found.append(Spot(box, float(cells.max()), round(int(boxes[index][cv2.CC_STAT_AREA]) * cell)))
    return sorted(found, key=lambda spot: -spot.peak)[:_MAX_REGIONS]


def _scale(fraction: float, size: int) -> int:
    return min(size, max(0, round(fraction * size)))
