"""For programs that Andon runs: say how far you are. Standard library alone; prints one line.

    from andon import report

    report.progress(0.4, epoch=3, loss=0.12)
    report.progress(step=30, total=100, message="warming up")
    report.checkpoint({"epoch": 3, "file": "last.pt"})

A program in another language prints the line itself: `::andon progress=0.4 epoch=3 loss=0.12`.
"""

import json
import math
import re
import sys
from typing import Any

_MARK = "::andon"
_KEY = re.compile(r"[^\s=\x00-\x1f\x7f]{1,128}")


def progress(fraction: float | None = None, *, message: str | None = None, **figures: float) -> None:
    """How far the job is, from 0 to 1, and figures by name: `epoch` or `step`, `epochs` or `total`, metrics.

    Raises ValueError for a figure that is no finite number or a name with spaces.
    """
    told = {} if fraction is None else {"progress": fraction}
    parts = [f"{_named(key)}={_number(key, value)}" for key, value in {**told, **figures}.items()]
    if message is not None:
        parts.append(f"message={json.dumps(message)}")
    _say(parts)


def checkpoint(state: dict[str, Any]) -> None:
    """Where a later attempt may go on; it finds this in its job's checkpoint. At most about 8 kB as JSON."""
    _say([f"checkpoint={json.dumps(state)}"])


def _named(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} can't be a figure's name")
    return key


def _number(key: str, value: float) -> str:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{key} is not a finite number")
    return f"{number:.12g}"


def _say(parts: list[str]) -> None:
    if parts:
        sys.stdout.write(f"{_MARK} {' '.join(parts)}\n")
        sys.stdout.flush()
