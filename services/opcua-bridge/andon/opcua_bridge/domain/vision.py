"""What a station does, in the words of OPC 40100-1."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from andon.contracts.station import Mode, Station

_STEADY = timedelta(seconds=10)
"""After a part, a station counts as running for so long."""


class State(Enum):
    """Of the VisionStateMachine; each is the browse name of its state."""

    PREOPERATIONAL = "Preoperational"
    """It has nothing to judge by, or is being taught."""
    HALTED = "Halted"
    """An operator stopped it from SCADA: it takes no jobs from there."""
    ERROR = "Error"
    """Its camera gives no pictures."""
    OPERATIONAL = "Operational"


class Step(Enum):
    """Of the AutomaticModeStateMachine, while operational."""

    INITIALIZED = "Initialized"
    READY = "Ready"
    SINGLE = "SingleExecution"
    """A job that SCADA asked for is being done."""
    CONTINUOUS = "ContinuousExecution"
    """Parts are coming."""


@dataclass(frozen=True)
class Sight:
    """What decides how a station is shown."""

    station: Station | None
    """None until somebody told of it."""
    camera_away: bool = False
    halted: bool = False
    jobs: int = 0
    """Asked for and not done."""
    last_at: datetime | None = None
    """When its last part was judged."""


def state_of(sight: Sight) -> State:
    """What the whole system does."""
    if sight.halted:
        return State.HALTED
    station = sight.station
    if (
        station is None
        or station.mode is not Mode.JUDGE
        or station.recipe is None
        or station.recipe.model is None
    ):
        return State.PREOPERATIONAL
    return State.ERROR if sight.camera_away else State.OPERATIONAL


def step_of(sight: Sight, now: datetime) -> Step:
    """What it does with parts."""
    if state_of(sight) is not State.OPERATIONAL:
        return Step.INITIALIZED
    if sight.jobs:
        return Step.SINGLE
    steady = sight.last_at is not None and now - sight.last_at <= _STEADY
    return Step.CONTINUOUS if steady else Step.READY
