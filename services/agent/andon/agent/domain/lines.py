"""The line protocol: what a job says of its progress on its standard output."""

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any

MARK = b"::andon "
LONGEST = 8192
"""Bytes of a line; what is longer is only output."""
_METRICS = 1024
_TEXT = 4096
_PAIR = re.compile(r'([^\s=]+)=("(?:[^"\\]|\\.)*"|\{.*\}|\S*)')
_STEP = frozenset({"step", "epoch", "iteration"})
_TOTAL = frozenset({"total_steps", "total", "epochs", "iterations"})
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


@dataclass
class Marks:
    """What a job has said of itself so far."""

    fraction: float | None = None
    step: int | None = None
    total_steps: int | None = None
    message: str | None = None
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    checkpoint: dict[str, Any] | None = None
    count: int = 0
    """Lines that were understood."""
    told: bool = False
    """It names its fraction itself; else the fraction follows from its steps."""

    def hear(self, line: bytes) -> bool:
        """Take one line, such as `::andon progress=0.4 epoch=3 loss=0.12 message="warming up"`.

        Unknown keys with numbers are metrics; what can't be read is passed over. False: nothing was in it.
        """
        if not line.startswith(MARK):
            return False
        text = line[len(MARK) :].decode("utf-8", "replace").strip()
        understood = [self._take(key, _unquoted(value)) for key, value in _PAIR.findall(text)]
        if not any(understood):
            return False
        self.count += 1
        return True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def _take(self, key: str, value: str) -> bool:
        if key == "message":
            self.message = value[:_TEXT]
            return True
        if key == "checkpoint":
            return self._checkpoint(value)
        number = _number(value)
        if number is None:
            return False
        if key == "progress":
            self.fraction, self.told = min(max(number, 0.0), 1.0), True
        elif key in _STEP and number.is_integer():
            self.step = int(number)
        elif key in _TOTAL and number.is_integer():
            self.total_steps = int(number)
        elif _NAME.fullmatch(key) and (key in self.metrics or len(self.metrics) < _METRICS):
            self.metrics[key] = number
        else:
            return False
        if not self.told and self.step is not None and self.total_steps:
            self.fraction = min(max(self.step / self.total_steps, 0.0), 1.0)
        return True

    def _checkpoint(self, value: str) -> bool:
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return False
        if isinstance(found, dict):
            self.checkpoint = found
        return isinstance(found, dict)


class Cutter:
    """Finds marked lines in a stream that comes in pieces, without keeping what is not one."""

    def __init__(self) -> None:
        self._rest = b""
        """The beginning of a line that may be one of ours."""
        self._skip = False
        """The rest of a line that is none of ours has not come yet."""

    def cut(self, piece: bytes) -> list[bytes]:
        """The marked lines that ended in this piece."""
        data, self._rest = self._rest + piece, b""
        at = 0
        if self._skip:
            at = data.find(b"\n") + 1
            if at == 0:
                return []
            self._skip = False
        found: list[bytes] = []
        while (start := _next_mark(data, at)) >= 0 and (end := data.find(b"\n", start)) >= 0:
            if end - start <= LONGEST:
                found.append(data[start:end])
            at = end + 1
        self._keep(data[max(at, data.rfind(b"\n") + 1) :])
        return found

    def _keep(self, last: bytes) -> None:
        if len(last) <= LONGEST and (last.startswith(MARK) or MARK.startswith(last)):
            self._rest = last
        else:
            self._skip = True


def _next_mark(data: bytes, at: int) -> int:
    """Where the next line that begins with the mark begins; -1 when there is none."""
    if data.startswith(MARK, at):
        return at
    found = data.find(b"\n" + MARK, at)
    return found + 1 if found >= 0 else -1


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == '"' == value[-1]:
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    return value


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
