"""The Modbus map: a station as coils and registers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

from andon.contracts.inspection import Decision
from andon.opcua_bridge.domain.lines import Last, StationState

DEFAULT_STATION = "default"
FIXED_UNITS_FROM, FIXED_UNITS_TO = 100, 247
"""Unit 100 + index shows one station; units 0, 1 and 255 show the one that holding register 2 selects."""
SELECTING_UNITS = (0, 1, 255)

TRIGGER_COIL = 0
COMMAND_REGISTER, STATION_REGISTER = 0, 1
"""Places in a table, from 0."""
CLASS_REGISTERS = 4

_HIGHEST_16, _HIGHEST_32 = 0xFFFF, 0xFFFFFFFF
_RESULTS = {Decision.PASS: 1, Decision.FAIL: 2, Decision.UNCERTAIN: 3}


class Table(Enum):
    """What a function code reads or writes."""

    COILS = "coils"
    INPUTS = "input registers"
    HOLDINGS = "holding registers"


class Fault(IntEnum):
    """Exception codes of the protocol that this map answers with."""

    FUNCTION = 1
    ADDRESS = 2
    VALUE = 3
    BUSY = 6
    NO_STATION = 11


class Faulty(Exception):
    """A request that gets an exception instead of values."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


class Outcome(IntEnum):
    """How a station's last trigger went."""

    NONE = 0
    RUNNING = 1
    DONE = 2
    FAILED = 3


@dataclass(frozen=True)
class Trigger:
    """A station's trigger: the coil as written, and what came of it."""

    coil: bool = False
    outcome: Outcome = Outcome.NONE
    blank_at: int = -1
    """After a failure: the station's place in the stream. Until it moves on there is no result to show."""


@dataclass(frozen=True)
class Shown:
    """What decides a station's cells."""

    state: StationState
    trigger: Trigger
    index: int
    """In the list of stations."""
    ready: bool
    classes: Sequence[str]
    """Whose objects registers 3 to 6 count."""


def cells(shown: Shown, table: Table) -> tuple[int, ...]:
    """A table of the map, from its first cell on."""
    if table is Table.COILS:
        return _coils(shown)
    if table is Table.HOLDINGS:
        return (0, shown.index)
    return _inputs(shown)


def part(values: Sequence[int], begin: int, count: int) -> list[int]:
    """A range of a table. Raises Faulty."""
    if begin < 0 or count < 1 or begin + count > len(values):
        raise Faulty(Fault.ADDRESS)
    return list(values[begin : begin + count])


def ordered(stations: Sequence[str], configured: Sequence[str]) -> tuple[str, ...]:
    """Stations by index: as configured, else `default` and then the others by name."""
    if configured:
        return tuple(configured)
    return (DEFAULT_STATION, *sorted(each for each in stations if each != DEFAULT_STATION))


def double(value: int) -> tuple[int, int]:
    """32 bits as two registers, high word first; what is too large stays at the highest."""
    value = min(max(value, 0), _HIGHEST_32)
    return value >> 16, value & _HIGHEST_16


def _coils(shown: Shown) -> tuple[int, ...]:
    result = _result(shown)
    return (shown.trigger.coil, result == 1, result == 2, shown.ready)  # noqa: PLR2004 - codes of the map


def _inputs(shown: Shown) -> tuple[int, ...]:
    state, last = shown.state, _last(shown)
    found = dict(last.classes) if last else {}
    classes = [_single(found.get(name, 0)) for name in shown.classes[:CLASS_REGISTERS]]
    return (
        _result(shown),
        _single(last.objects_found) if last else 0,
        *classes,
        *[0] * (CLASS_REGISTERS - len(classes)),
        *double(round(last.total_ms) if last else 0),
        shown.trigger.outcome,
        *double(state.passed),
        *double(state.failed),
        *double(state.uncertain),
    )


def _result(shown: Shown) -> int:
    last = _last(shown)
    return 0 if last is None else _RESULTS[last.decision]


def _last(shown: Shown) -> Last | None:
    """The result to show; none while a trigger runs, and none after one that failed."""
    trigger = shown.trigger
    hidden = trigger.outcome is Outcome.RUNNING or trigger.blank_at == shown.state.last_seq
    return None if hidden else shown.state.last


def _single(value: int) -> int:
    return min(max(value, 0), _HIGHEST_16)
