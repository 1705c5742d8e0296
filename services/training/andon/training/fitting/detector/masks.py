"""What of a box is the defect: how much of each mask cell people outlined, and the loss on that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.training.fitting.detector.targets import CELL, Window

Floats = NDArray[np.floating[Any]]

FINER = 4
"""Mask cells along a side of a cell: each is two pixels of the square wide."""
FEWEST = 5
"""Outlines with a polygon that masks are learned from."""
_AROUND = 0.25
"""Of a box's size; what lies so near it counts, too: the box that is found is not quite the one outlined."""
_ELSEWHERE = 0.1
"""What all the rest of a window counts, together, where a box counts 1."""
_EVERYWHERE = 255


@dataclass(frozen=True, eq=False)
class Painted:
    """Of one window."""

    share: Floats
    """[4 h, 4 w]: how much of each mask cell is defect, 0 to 1."""
    weight: Floats
    """[4 h, 4 w]; 0 where nobody said what is defect."""
    boxes: int
    """With an outline, in the window."""


def painted(mask: NDArray[np.uint8], boxes: Floats, outlined: NDArray[np.bool_], window: Window) -> Painted:
    """`mask` [side, side] 0 to 255 of a view, `boxes` [n, 4] in its pixels, `outlined` [n]: is in it."""
    top, left, size = window.row * CELL, window.column * CELL, window.size * CELL
    step = CELL // FINER
    cut = mask[top : top + size, left : left + size].astype(np.float32)
    cells = window.size * FINER
    share = cut.reshape(cells, step, cells, step).mean(axis=(1, 3)) / _EVERYWHERE
    weight = np.full((cells, cells), _ELSEWHERE / cells**2, np.float32)
    within = (boxes - (left, top, left, top)) / step
    count = 0
    for box in within[outlined]:
        place = _cells(box, _AROUND, cells)
        area = weight[place].size
        if area:
            count += 1
            weight[place] += 1 / area
    for box in within[~outlined]:
        weight[_cells(box, 0, cells)] = 0
    return Painted(share, weight, count)


def _cells(box: Floats, around: float, cells: int) -> tuple[slice, slice]:
    x1, y1, x2, y2 = (float(each) for each in box)
    aside, above = (x2 - x1) * around + 1, (y2 - y1) * around + 1
    rows, columns = (y1 - above, y2 + above), (x1 - aside, x2 + aside)
    return (
        slice(*(int(np.clip(round(edge), 0, cells)) for edge in rows)),
        slice(*(int(np.clip(round(edge), 0, cells)) for edge in columns)),
    )


def spread(folded: Floats) -> Floats:
    """[n, h, w, 16] of cells to [n, 4 h, 4 w] of mask cells."""
    count, high, wide, _ = folded.shape
    square = folded.reshape(count, high, wide, FINER, FINER).transpose(0, 1, 3, 2, 4)
    return square.reshape(count, high * FINER, wide * FINER)


def folded(spreaded: Floats) -> Floats:
    """The way back."""
    count, high, wide = spreaded.shape
    square = spreaded.reshape(count, high // FINER, FINER, wide // FINER, FINER).transpose(0, 1, 3, 2, 4)
    return square.reshape(count, high // FINER, wide // FINER, FINER**2)


def mask_loss(logits: Floats, told: list[Painted]) -> tuple[float, Floats]:
    """Cross entropy by weight, each outlined defect alike; and its derivative by the logits [n, h, w, 16]."""
    share = np.stack([each.share for each in told])
    weight = np.stack([each.weight for each in told]) / max(1, sum(each.boxes for each in told))
    x = spread(logits)
    loss = (weight * (np.logaddexp(0, x) - share * x)).sum()
    by = weight * (1 / (1 + np.exp(-x)) - share)
    return float(loss), folded(by).astype(logits.dtype)
