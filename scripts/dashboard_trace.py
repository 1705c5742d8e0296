"""What Chromium's own trace says of a page: paints, long tasks, and frames that reached the screen."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CATEGORIES = (
    "blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline", "loading",
)  # fmt: skip
LONG = 50_000
"""Microseconds from which on a task keeps a person waiting."""
_MAIN = "CrRendererMain"


@dataclass(frozen=True)
class Loading:
    """Seconds since the page was asked for."""

    contents: float
    """Something of the page was painted."""
    largest: float
    """Its largest part was."""
    interactive: float
    """The last long task before the trace ended was over; not before something was painted."""
    blocked: float
    """What long tasks after the first paint took beyond 50 ms each, together."""


class Trace:
    """Of one page."""

    def __init__(self, data: bytes) -> None:
        events: list[dict[str, Any]] = json.loads(data)["traceEvents"]
        mains = {
            (each["pid"], each["tid"])
            for each in events
            if each["name"] == "thread_name" and each["args"]["name"] == _MAIN
        }
        busy = Counter((each["pid"], each["tid"]) for each in events if each["name"] == "RunTask")
        self._main = max(mains, key=lambda thread: busy[thread])
        self._events = sorted(
            (each for each in events if (each["pid"], each["tid"]) == self._main), key=lambda each: each["ts"]
        )

    def loading(self) -> Loading:
        asked = self._times("navigationStart")[-1]
        first = next(at for at in self._times("firstContentfulPaint") if at >= asked)
        largest = [at for at in self._times("largestContentfulPaint::Candidate") if at >= asked]
        long = [
            (each["ts"] + each["dur"], each["dur"])
            for each in self._events
            if each["name"] == "RunTask" and each.get("dur", 0) > LONG and each["ts"] + each["dur"] > first
        ]
        over = max((end for end, _ in long), default=first)
        blocked = sum(took - LONG for _, took in long)
        return Loading(
            (first - asked) / 1e6, (largest[-1] - asked) / 1e6, (over - asked) / 1e6, blocked / 1e6
        )

    def frames(self) -> tuple[float, float]:
        """A second, on average, and milliseconds of the longest wait between two that were presented."""
        shown = self._times("AnimationFrame::Presentation")
        waits = [later - at for at, later in pairwise(shown)]
        return len(waits) / (sum(waits) / 1e6), max(waits) / 1e3

    def _times(self, name: str) -> list[int]:
        return [each["ts"] for each in self._events if each["name"] == name]
