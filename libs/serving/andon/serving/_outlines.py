"""From how probable a defect is at each place to its outline and area in the original picture."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts.inspection import Box
from andon.contracts.station import Region

AROUND = 0.1
"""Of a box's size: a defect is followed so far over the box's edge."""
MOST_POINTS = 200
"""Of all polygons of one defect."""
_MOST_POLYGONS = 20
_FINEST = 0.75
"""Pixels by which a polygon may be off so that it has fewer points; doubled until they are few enough."""

Polygons = tuple[tuple[tuple[int, int], ...], ...]


@dataclass(frozen=True)
class Outlined:
    """A defect within its box."""

    area: int
    """Pixels of the original picture."""
    polygons: Polygons
    """x and y in pixels of the original picture, the largest first."""


def outlined(mask: NDArray[np.float32], box: Box, area: Region, size: tuple[int, int]) -> Outlined | None:
    """`mask` [n, n], above 0 where a defect is, covers `area` of a picture of `size` (width, height).

    None where nothing in or near the box is above 0.
    """
    width, height = size
    aside, above = (box[2] - box[0]) * AROUND, (box[3] - box[1]) * AROUND
    left, top = max(0, round(box[0] - aside)), max(0, round(box[1] - above))
    right, bottom = min(width, round(box[2] + aside)), min(height, round(box[3] + above))
    across, down = mask.shape[1] / (area.width * width), mask.shape[0] / (area.height * height)
    # A pixel's middle in the picture, and where it lies between the middles of the mask's cells.
    to_mask = np.array(
        [
            [across, 0, (left + 0.5 - area.x * width) * across - 0.5],
            [0, down, (top + 0.5 - area.y * height) * down - 0.5],
        ]
    )
    above_zero = cv2.warpAffine(
        mask, to_mask, (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    inside = (above_zero > 0).astype(np.uint8)
    pixels = int(cv2.countNonZero(inside))
    return Outlined(pixels, _polygons(inside, (left, top))) if pixels else None


def _polygons(inside: NDArray[np.uint8], corner: tuple[int, int]) -> Polygons:
    found, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = sorted(found, key=cv2.contourArea, reverse=True)[:_MOST_POLYGONS]
    off = _FINEST
    while True:
        simple: list[NDArray[Any]] = [cv2.approxPolyDP(each, off, closed=True)[:, 0] for each in largest]
        if sum(map(len, simple)) <= MOST_POINTS:
            break
        off *= 2
    return tuple(tuple((int(x) + corner[0], int(y) + corner[1]) for x, y in each) for each in simple)
