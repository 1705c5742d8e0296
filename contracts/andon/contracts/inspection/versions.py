"""What versions made of the parts they judged: counts to compare them by, and the way back to the parts."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time
from andon.contracts._subject import INTEGRATIONS, Query
from andon.contracts.inspection.parts import Decision

Bins = dict[int, int]
"""{number of a bin: parts in it}"""


class Tally(Message):
    """Counts of the parts that one version judged, enough to compare distributions."""

    parts: int = 0
    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    errors: int = 0
    """Parts it was asked about and gave no answer; another version answered instead."""
    disagreed: int = 0
    """As a shadow: parts whose decision was another one."""
    time_us: int = 0
    """Sum of inference times, microseconds."""
    time_squares: int = 0
    """Sum of squared inference times, milliseconds squared."""
    scores: Bins = Field(default_factory=dict[int, int])
    """Of score / fail_above, eight bins an octave; bin 41 begins at 1."""
    ranks: Bins = Field(default_factory=dict[int, int])
    """Tenths of the conformal p-value: alike for any two well calibrated versions on the same parts."""
    brightness: Bins = Field(default_factory=dict[int, int])
    """Of the mean grey of what was looked at, 0 to 255, eight greys a bin."""

    @property
    def pass_rate(self) -> float:
        """0 to 1; 0 without parts."""
        return self.passed / self.parts if self.parts else 0.0

    @property
    def mean_ms(self) -> float:
        """Mean inference time; 0 without parts."""
        return self.time_us / self.parts / 1000 if self.parts else 0.0


class HourTally(Message):
    """One version at one station in one hour."""

    station_id: str
    hour: Time
    """Its start, UTC."""
    version_id: str
    tally: Tally


class TrialTally(Message):
    """What both versions of a trial made of their parts since it began."""

    rollout_id: str
    new: Tally
    old: Tally


class GetTallies(Message):
    station_id: str | None = None
    hours: Annotated[int, Field(ge=1, le=216)] = 24
    """Back from now, the current hour counted."""
    rollout_ids: tuple[str, ...] = ()
    """Trials to be told of."""


class Tallies(Message):
    """Oldest hour first."""

    hours: tuple[HourTally, ...]
    trials: tuple[TrialTally, ...] = ()


class ListJudgedBy(Message):
    """One page of the parts that a version judged; the next begins where `after` says."""

    version_id: str
    after: Annotated[str | None, Field(pattern=r"^-?[0-9]{1,16}:[A-Za-z0-9-]{1,64}$")] = None
    """`next` of the page before; without it, from the newest."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class JudgedPart(Message):
    id: str
    station_id: str
    part_id: str | None
    decision: Decision
    anomaly_score: float
    judged_at: Time


class JudgedBy(Message):
    """Newest first."""

    version_id: str
    parts: tuple[JudgedPart, ...]
    next: str | None
    """None at the end."""


TALLIES = Query(
    "inspection.version.tally.v1",
    GetTallies,
    "Counts per version, station and hour, and of trials.",
    said_by=("training", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Tallies,
)
JUDGED_BY = Query(
    "inspection.version.parts.v1",
    ListJudgedBy,
    "Walk through the parts that a version judged.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=JudgedBy,
)
