"""Where a stream of output is kept: files of one size, named by where they begin; the middle goes first."""

from collections.abc import Sequence
from dataclasses import dataclass

DIGITS = 20


@dataclass(frozen=True)
class Bounds:
    """How much of a stream is kept. Bytes."""

    segment: int = 1 << 20
    head: int = 8
    """Segments from the beginning."""
    tail: int = 8
    """Segments up to the end."""


def name_of(offset: int) -> str:
    """Sorts as the offsets do."""
    return f"{offset:0{DIGITS}d}"


def offset_of(name: str) -> int | None:
    """None for a file that is no segment."""
    return int(name) if len(name) == DIGITS and name.isdecimal() else None


def surplus(offsets: Sequence[int], bounds: Bounds) -> list[int]:
    """Those in the middle that are too many; `offsets` in order, the last one still growing."""
    return (
        list(offsets[bounds.head : len(offsets) - bounds.tail])
        if bounds.tail
        else list(offsets[bounds.head :])
    )
