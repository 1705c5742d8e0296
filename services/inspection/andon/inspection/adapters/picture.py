"""Regions of a heatmap, their area in the original picture, and the picture with both drawn over it."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from andon.contracts.inspection import Box, Detection
from andon.contracts.station import Region

Heatmap = NDArray[np.float32]
Pixels = NDArray[np.uint8]

MASK, RING_OTSU, HEATMAP, BOX = "mask", "ring-otsu", "heatmap", "box"
"""How an area was measured."""
_MAX_SIDE = 800
_RED = (235, 64, 52)
_AMBER = (245, 166, 35)
_AMBER_TINT, _RED_TINT = np.array(_AMBER, np.float32), np.array(_RED, np.float32)
_OPACITY = 0.55
_RING_SHARE = 0.9


@dataclass(frozen=True)
class Drawing:
    """An encoded picture."""

    jpeg: bytes
    width: int
    height: int


def area(picture: Pixels, box: Box) -> int:
    """Pixels of what differs from the box's surroundings, followed over the box's edge.

    The surroundings are a ring half as wide as the box. A pixel differs where it is further from the ring's
    median than Otsu's split, and than twice what 90 % of the ring itself stay below.
    """
    left, top, right, bottom = box
    aside, above = (right - left) // 2 + 1, (bottom - top) // 2 + 1
    x, y = max(0, left - aside), max(0, top - above)
    cut = np.ascontiguousarray(picture[y : bottom + above, x : right + aside])
    grey = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY)
    within = (slice(top - y, bottom - y), slice(left - x, right - x))
    around = _levels(grey) - _levels(grey[within])
    alone = not around.any()  # the box is the whole picture
    middle = _quantile(_levels(grey) if alone else around, 0.5)
    contrast = cv2.absdiff(grey, np.full_like(grey, middle))
    usual = 0 if alone else 2 * _quantile(_folded(around, middle), _RING_SHARE)
    split, _ = cv2.threshold(contrast, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    _, differs = cv2.threshold(contrast, max(split, usual), 1, cv2.THRESH_BINARY)
    count, labels, blobs, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
    touching = np.bincount(labels[within].ravel(), minlength=count)[1:] > 0
    return int(blobs[1:, cv2.CC_STAT_AREA][touching].sum())


def peak(heatmap: Heatmap, box: Box, size: tuple[int, int], region: Region) -> float:
    """Highest value of the heatmap, which covers `region` of a picture of that size, inside the box."""
    rows, columns = heatmap.shape
    x1, x2 = ((x / size[0] - region.x) / region.width * columns for x in (box[0], box[2]))
    y1, y2 = ((y / size[1] - region.y) / region.height * rows for y in (box[1], box[3]))
    left, top = min(max(int(x1), 0), columns - 1), min(max(int(y1), 0), rows - 1)
    cells = heatmap[top : max(top + 1, ceil(y2)), left : max(left + 1, ceil(x2))]
    return float(cells.max())


def _levels(grey: NDArray[Any]) -> NDArray[np.int64]:
    """How many pixels there are of each of the 256 levels."""
    return np.bincount(grey.ravel(), minlength=256)


def _quantile(levels: NDArray[np.int64], share: float) -> int:
    total = np.cumsum(levels)
    return int(np.searchsorted(total, share * total[-1]))


def _folded(levels: NDArray[np.int64], middle: int) -> NDArray[np.int64]:
    """The levels of the distance from the middle."""
    distance = np.abs(np.arange(256) - middle)
    return np.bincount(distance, weights=levels, minlength=256).astype(np.int64)


def glow(picture: Pixels, heatmap: Heatmap, limits: tuple[float, float], region: Region) -> Pixels:
    """A copy, at most 800 pixels a side, tinted amber to red where the heatmap is above the lower limit.

    The tint is full at the upper limit; a picture without anything to show stays as it is.
    """
    canvas = _at_most(picture, _MAX_SIDE)
    strength = np.clip((heatmap - limits[0]) / max(limits[1] - limits[0], 1e-6), 0, 1).astype(np.float32)
    if not strength.any():
        return canvas
    high, wide = canvas.shape[:2]
    left, top = round(region.x * wide), round(region.y * high)
    right, bottom = round((region.x + region.width) * wide), round((region.y + region.height) * high)
    smooth = cv2.resize(strength, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    lit = cv2.boundingRect((smooth > 0).astype(np.uint8))
    amount = smooth[lit[1] : lit[1] + lit[3], lit[0] : lit[0] + lit[2], None]
    part = canvas[top + lit[1] : top + lit[1] + lit[3], left + lit[0] : left + lit[0] + lit[2]]
    tint = _AMBER_TINT + (_RED_TINT - _AMBER_TINT) * amount
    part[:] = part + (tint - part) * (_OPACITY * amount)
    return canvas


def framed(picture: Pixels, found: Iterable[Detection], size: tuple[int, int]) -> Drawing:
    """The picture, encoded, with a frame round each and the outline it may have; its original has `size`."""
    high, wide = picture.shape[:2]
    for each in found:
        left, top, right, bottom = each.bbox
        outline = [np.array(ring) * (wide, high) // size for ring in each.outline]
        thin = max(1, wide // 800)
        cv2.polylines(
            picture, [ring.astype(np.int32) for ring in outline], isClosed=True, color=_AMBER, thickness=thin
        )
        corners = (
            (left * wide // size[0], top * high // size[1]),
            (right * wide // size[0], bottom * high // size[1]),
        )
        cv2.rectangle(picture, *corners, _RED, max(2, wide // 400))
    jpeg = simplejpeg.encode_jpeg(picture, quality=85, colorspace="RGB", colorsubsampling="420")
    return Drawing(jpeg, wide, high)


def _at_most(picture: Pixels, side: int) -> Pixels:
    """A copy, made smaller by a whole number where it is larger than that: the fast way to average."""
    high, wide = picture.shape[:2]
    parts = -(-max(high, wide) // side)
    if parts == 1:
        return np.ascontiguousarray(picture).copy()
    size = (max(1, wide // parts), max(1, high // parts))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
