"""What the head is to say at each cell, and how far it is from that."""

from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

CELL = 8
"""Pixels of a side of a cell."""
_OVERLAP = 0.5
"""A box as large around a neighbouring centre that overlaps so much is not quite wrong."""
_NEAR = 1.5
"""Cells from a defect's centre, on either axis, that tell its box."""
_FAINT = 0.01
_LARGEST = 6.0
"""Of a distance's logarithm: 400 cells."""


@dataclass(frozen=True, eq=False)
class Target:
    """Of one window."""

    heat: Floats
    """[h, w, classes]: 1 at the centre of a defect, less around it."""
    weight: Floats
    """[h, w]: how much a cell's box counts; 0 where there is none to tell."""
    distances: Floats
    """[h, w, 4] in cells: left, top, right, bottom."""


@dataclass(frozen=True)
class Window:
    """Cells of a view that are looked at."""

    row: int
    column: int
    size: int


def target(boxes: Floats, classes: NDArray[np.int64], window: Window, count: int) -> Target:
    """`boxes` [n, 4] in pixels of the whole square; `classes` [n] below `count`."""
    size = window.size
    heat = np.zeros((size, size, count), np.float32)
    weight = np.zeros((size, size), np.float32)
    distances = np.ones((size, size, 4), np.float32)
    rows, columns = np.mgrid[0:size, 0:size] + 0.5
    for box, name in zip(boxes / CELL, classes, strict=True):
        x1, x2 = (float(box[side]) - window.column for side in (0, 2))
        y1, y2 = (float(box[side]) - window.row for side in (1, 3))
        across, down = (x1 + x2) / 2, (y1 + y2) / 2
        column, row = floor(across), floor(down)
        spread = (2 * max(1.0, _slack(x2 - x1, y2 - y1)) + 1) / 6
        glow = np.exp(-((columns - 0.5 - column) ** 2 + (rows - 0.5 - row) ** 2) / (2 * spread**2))
        glow[glow < _FAINT] = 0
        np.maximum(heat[..., name], glow, out=heat[..., name])
        to_sides = np.stack([columns - x1, rows - y1, x2 - columns, y2 - rows], axis=-1)
        near = (abs(columns - across) <= _NEAR) & (abs(rows - down) <= _NEAR)
        # A box smaller than a cell may hold no cell's centre: its own cell tells it all the same.
        near &= (to_sides.min(axis=-1) > 0) | ((columns - 0.5 == column) & (rows - 0.5 == row))
        better = near & (np.maximum(glow, 0.1) > weight)
        weight[better] = np.maximum(glow, 0.1)[better]
        distances[better] = np.maximum(to_sides, 0.05)[better]
    return Target(heat, weight, distances)


def _slack(wide: float, high: float) -> float:
    """How many cells off the centre may be so that a box of this size still overlaps by half."""
    one = wide + high
    first = (one - np.sqrt(one**2 - 4 * wide * high * (1 - _OVERLAP) / (1 + _OVERLAP))) / 2
    second = (one - np.sqrt(one**2 - 4 * (1 - _OVERLAP) * wide * high)) / 4
    grown = _OVERLAP * one
    third = (np.sqrt(grown**2 + 4 * _OVERLAP * (1 - _OVERLAP) * wide * high) - grown) / (4 * _OVERLAP)
    return float(min(first, second, third))


def class_loss(logits: Floats, heat: Floats) -> tuple[float, Floats]:
    """Focal loss, reduced around a defect's centre; and its derivative by the logits."""
    sure = np.clip(1 / (1 + np.exp(-logits)), 1e-5, 1 - 1e-5)
    centre = heat >= 1
    around = np.where(centre, 0, (1 - heat) ** 4)
    count = max(1, int(centre.sum()))
    missed, wrong = np.log(sure), np.log1p(-sure)
    loss = -(np.where(centre, (1 - sure) ** 2 * missed, around * sure**2 * wrong)).sum() / count
    by = np.where(
        centre,
        (1 - sure) ** 2 * (2 * sure * missed - (1 - sure)),
        around * sure**2 * (sure - 2 * (1 - sure) * wrong),
    )
    return float(loss), (by / count).astype(logits.dtype)


def box_loss(logarithms: Floats, weight: Floats, distances: Floats) -> tuple[float, Floats]:
    """1 - generalised IoU of the boxes told, by weight; and its derivative by the logarithms."""
    by = np.zeros_like(logarithms)
    places = np.nonzero(weight)
    if not len(places[0]):
        return 0.0, by
    share = weight[places] / weight[places].sum()
    told, true = np.exp(np.minimum(logarithms[places], _LARGEST)), distances[places]
    smaller, larger = np.minimum(told, true), np.maximum(told, true)
    wide, high = smaller[:, 0] + smaller[:, 2], smaller[:, 1] + smaller[:, 3]
    hull_wide, hull_high = larger[:, 0] + larger[:, 2], larger[:, 1] + larger[:, 3]
    inner, hull = wide * high, hull_wide * hull_high
    both = _area(told) + _area(true) - inner
    loss = (share * (2 - inner / both - both / hull)).sum()
    for side in range(4):
        upright = side % 2 == 0
        across = told[:, 1] + told[:, 3] if upright else told[:, 0] + told[:, 2]
        by_inner = (told[:, side] < true[:, side]) * (high if upright else wide)
        by_hull = (told[:, side] >= true[:, side]) * (hull_high if upright else hull_wide)
        by_both = across - by_inner
        better = (by_inner * both - inner * by_both) / both**2 + (by_both * hull - both * by_hull) / hull**2
        by[(*places, np.full(len(share), side))] = -better * told[:, side] * share
    return float(loss), by


def _area(distances: Floats) -> Floats:
    return (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])
