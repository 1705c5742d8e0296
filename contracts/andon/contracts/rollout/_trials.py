"""A version on trial at stations, and what becomes of it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.inspection.versions import Tally
from andon.contracts.station import Fraction, TrialRole


class Bounds(Message):
    """How far a new version may be from the old one before it is taken back by itself.

    A bound counts as crossed when chance explains it in less than one look of a thousand.
    """

    min_parts: Annotated[int, Field(ge=5, le=100_000)] = 30
    """Parts by the new version before its pass rate, times and scores are looked at."""
    max_error_rate: Fraction = 0.02
    """Parts without an answer; looked at from the third error on."""
    max_latency_ratio: Annotated[float, Field(ge=1)] = 3.0
    """Mean inference time against the old version's; 20 ms more are always allowed."""
    max_pass_rate_change: Fraction = 0.1
    """Up or down: a version that passes everything is as wrong as one that fails everything."""
    max_score_psi: Annotated[float, Field(gt=0)] = 1.0
    """Population stability index between the ranks of both versions' scores."""


class RolloutState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    PROMOTED = "promoted"
    """The new version judges every part now."""
    PASSED = "passed"
    """The watch is over, and nothing was found."""
    ABORTED = "aborted"
    """The trial is over; the old version judges as before."""
    ROLLED_BACK = "rolled_back"
    """A bound was crossed: the old version judges again."""


class Rollout(Message):
    """One version at one station, tried beside another one."""

    id: str
    station_id: str
    role: TrialRole
    version_id: str
    """The new version."""
    against: str
    """The version that judged before."""
    share: Fraction = 0
    """Of parts that a canary judges."""
    bounds: Bounds = Bounds()
    state: RolloutState
    ending: RolloutState | None = None
    """Decided, and being carried out."""
    reason: str = ""
    by: str
    started_at: Time
    until: Time | None = None
    """When a watch is over."""
    ended_at: Time | None = None
    ended_by: str = ""
    new: Tally = Tally()
    old: Tally = Tally()
    """Of the same time; of a watch, from the hours before."""


class StartTrial(Message):
    """Try a version beside the one that judges; for each station, a rollout of its own."""

    version_id: str
    role: TrialRole
    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """By default the station that the version was fitted for."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Of parts that a canary judges, by a hash of the part's id."""
    bounds: Bounds = Bounds()
    by: str = "andon"


class Rollouts(Message):
    """Newest first."""

    rollouts: tuple[Rollout, ...]


class ListRollouts(Message):
    station_id: str | None = None
    version_id: str | None = None
    running: bool = False
    """Only those that are not over."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class GetRollout(Message):
    id: str


class EndTrial(Message):
    id: str
    by: str = "andon"
    reason: str = ""


class RollBack(Message):
    """Let stations judge by the version before this one, each by its own."""

    version_id: str
    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """By default every station that judges by it."""
    by: str = "andon"
    reason: str = ""


class RolledBack(Message):
    """A station judges by the version before again."""

    station_id: str
    from_version: str
    to_version: str
    automatic: bool
    reason: str
    rollout_id: str | None = None
    by: str
    at: Time


class RolledBackStations(Message):
    rolled_back: tuple[RolledBack, ...]


class OfferVersion(Message):
    """Deploy a version where it is proven strictly better than what judges there, or by force."""

    version_id: str
    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """By default the station that the version was fitted for."""
    force: bool = False
    by: str = "andon"


class Offered(Message):
    """How an offer ended at one station."""

    station_id: str
    activated: bool
    forced: bool = False
    """It would not have been activated on its merits."""
    reason: str
    against: str | None = None


class OfferedStations(Message):
    offered: tuple[Offered, ...]


class DeleteVersion(Message):
    version_id: str
    by: str = "andon"


class VersionDeleted(Message):
    version_id: str
    by: str
    at: Time
