"""Many processes on one terminal, each line with its speaker's name."""

import os
import sys

_COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
_WIDTH = 12


class Voices:
    """Prints lines under names; colours only where somebody looks."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._seen: list[str] = []

    def say(self, name: str, line: str) -> None:
        """One line; a reader that went away is no reason to stop."""
        if name not in self._seen:
            self._seen.append(name)
        label = f"{name:<{_WIDTH}} │"
        if self._colour:
            label = f"\x1b[{_COLOURS[self._seen.index(name) % len(_COLOURS)]}m{label}\x1b[0m"
        try:
            print(f"{label} {line}", flush=True)  # noqa: T201 - this is the stack's voice
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the rest of the process
