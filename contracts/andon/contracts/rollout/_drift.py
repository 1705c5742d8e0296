"""How far scores and features are from what they were."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time


class Measure(StrEnum):
    SCORE = "score"
    """How unlike the good parts what is seen is, by the same version."""
    BRIGHTNESS = "brightness"
    """Of what is looked at: light, exposure, dirt."""


class HourDrift(Message):
    """One hour of one version at a station against the first parts it judged there."""

    station_id: str
    version_id: str
    measure: Measure
    hour: Time
    parts: int
    reference_parts: int
    psi: float
    """Population stability index over bins that hold a tenth of the reference each, or as near as can be."""
    critical: float
    """A stable hour's index lies above this with the stated false-alarm rate."""
    drifted: bool
    """Above the critical value and above what matters (0.2)."""


class GetDrift(Message):
    station_id: str | None = None
    hours: Annotated[int, Field(ge=1, le=168)] = 24


class Drift(Message):
    """Oldest hour first; hours with too few parts are left out."""

    false_alarm_rate: float
    """Per station, hour and measure."""
    threshold: float
    """An index below this does not matter, however certain it is."""
    hours: tuple[HourDrift, ...]


class DriftNews(Message):
    """What is seen or scored at a station differs from how it was; or no longer does."""

    station_id: str
    version_id: str
    measure: Measure
    psi: float
    critical: float
    hour: Time
    since: Time
    """The first drifted hour."""
    at: Time
