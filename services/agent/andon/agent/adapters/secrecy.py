"""Keeps what a process knows from others of the same user."""

import sys

_PR_SET_DUMPABLE = 4


def hide_memory() -> None:
    """Of this process, and its environment; jobs run as the same user."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only where it is needed

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
