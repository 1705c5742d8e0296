"""Where on a part findings lie: a grid of counts that is the same for pictures of any size."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from andon.contracts.inspection import Box

_ROWS = 64


@dataclass(frozen=True)
class Looked:
    """A part's picture in pixels, and the boxes of what was found on it."""

    width: int
    height: int
    boxes: tuple[Box, ...]


def rows_for(columns: int, width: int, height: int) -> int:
    """So many rows that cells are about square."""
    return min(max(round(columns * height / width), 1), _ROWS) if width > 0 and height > 0 else columns


@dataclass
class Grid:
    """Counts each part once in every cell that one of its boxes touches."""

    columns: int
    rows: int
    parts: int = 0
    findings: int = 0
    counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * (self.columns * self.rows)

    def add(self, part: Looked) -> None:
        if part.width <= 0 or part.height <= 0:
            return
        self.parts += 1
        self.findings += len(part.boxes)
        touched: set[int] = set()
        for left, top, right, bottom in part.boxes:
            across = _cells(left, right, part.width, self.columns)
            for row in _cells(top, bottom, part.height, self.rows):
                touched.update(row * self.columns + column for column in across)
        for cell in touched:
            self.counts[cell] += 1


def gridded(columns: int, parts: Iterable[Looked]) -> Grid:
    """The grid has the form of the first picture."""
    grid = None
    for part in parts:
        grid = grid or Grid(columns, rows_for(columns, part.width, part.height))
        grid.add(part)
    return grid or Grid(columns, columns)


def _cells(start: int, end: int, size: int, cells: int) -> range:
    """Those that [start, end) touches of a line of `size` pixels; at least one inside of the part."""
    first = min(max(start * cells // size, 0), cells - 1)
    last = min(max((end * cells - 1) // size, first), cells - 1)
    return range(first, last + 1)
