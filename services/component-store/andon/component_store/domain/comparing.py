"""What differs between two texts, and where a text occurs."""

import difflib
from collections.abc import Iterator
from io import StringIO

from andon.contracts import Invalid

_MOST_LINES = 5000
"""Of each side: the time to compare grows with the product."""
_SHOWN = 200


def unified(before: str, after: str, path: str, old: str, new: str) -> str:
    """A unified diff; empty where nothing differs. Raises Invalid for texts of too many lines."""
    if before == after:
        return ""
    sides = list(StringIO(before, newline="\n")), list(StringIO(after, newline="\n"))
    if max(map(len, sides)) > _MOST_LINES:
        raise Invalid(f"from_hash, to_hash: a side has more than the {_MOST_LINES} lines that are compared")
    lines = difflib.unified_diff(*sides, fromfile=f"{path}@{old}", tofile=f"{path}@{new}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def occurrences(text: str, needle: str, most: int) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of the first `most` lines with the needle, whatever its case."""
    wanted = needle.casefold()
    if wanted not in text.casefold():
        return
    for number, line in enumerate(text.splitlines(), 1):
        if wanted in line.casefold():
            yield number, line.strip()[:_SHOWN]
            most -= 1
            if not most:
                return
