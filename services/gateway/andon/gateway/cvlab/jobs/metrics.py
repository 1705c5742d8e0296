"""A run's table of results: steps by columns, and each column summed up."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

Cell = float | str | None

_COUNTERS = ("step", "epoch", "index", "iteration", "timestamp", "time", "")
_MOST_COLUMNS = 500
_LONGEST_CELL = 256


@dataclass(frozen=True)
class Table:
    columns: Sequence[str] = ()
    rows: Sequence[dict[str, Cell]] = ()

    @property
    def numbers(self) -> Iterator[tuple[str, list[float]]]:
        """The finite numbers of each column that has any and counts no steps."""
        for name in self.columns:
            found = [value for row in self.rows if isinstance(value := row.get(name), float)]
            if found and name.strip().lower() not in _COUNTERS:
                yield name, found


@dataclass(frozen=True)
class Summary:
    """Over all steps; a value that is no finite number does not count."""

    total_steps: int = 0
    final: dict[str, float] = field(default_factory=dict[str, float])
    """The last number of each column."""
    max: dict[str, float] = field(default_factory=dict[str, float])
    min: dict[str, float] = field(default_factory=dict[str, float])
    mean: dict[str, float] = field(default_factory=dict[str, float])
    median: dict[str, float] = field(default_factory=dict[str, float])


def table_of(text: str) -> Table:
    """CSV with a header. A line that has not ended is left out: its writer is not done with it."""
    whole, end, _rest = text.rpartition("\n")
    reader = csv.reader(io.StringIO(whole + end, newline=""), strict=False)
    try:
        header = [name.strip() for name in next(reader, [])][:_MOST_COLUMNS]
        rows = [dict(zip(header, map(_cell, line), strict=False)) for line in reader if line]
    except csv.Error:  # a NUL, or a cell that never ends
        return Table()
    return Table(header, rows)


def summary_of(table: Table) -> Summary:
    found = dict(table.numbers)
    return Summary(
        total_steps=len(table.rows),
        final={name: values[-1] for name, values in found.items()},
        max={name: max(values) for name, values in found.items()},
        min={name: min(values) for name, values in found.items()},
        mean={name: fmean(values) for name, values in found.items()},
        median={name: median(values) for name, values in found.items()},
    )


def thinned(rows: Sequence[dict[str, Cell]], most: int | None) -> Sequence[dict[str, Cell]]:
    """So many at most, evenly, with the first and the last."""
    if most is None or len(rows) <= most:
        return rows
    if most == 1:
        return rows[-1:]
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(place * step)] for place in range(most)]


def _cell(text: str) -> Cell:
    """JSON knows no nan and no infinity: they are null."""
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return text[:_LONGEST_CELL]
    return value if math.isfinite(value) else None
