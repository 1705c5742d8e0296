"""New versions on the line: tried beside the old one, promoted, rolled back, watched, traced."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.inspection.parts import Decision
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


class GetLineage(Message):
    """Of a judged part, or of a version: exactly one is named."""

    inspection_id: str | None = None
    version_id: str | None = None


class PartTrace(Message):
    inspection_id: str
    station_id: str
    part_id: str | None
    decision: Decision
    anomaly_score: float
    judged_at: Time
    recipe_revision: int
    model_version: str
    model_digest: str
    rollout_id: str | None = None
    """The trial it took part in."""
    image_key: str | None = None


class VersionTrace(Message):
    """Where a version came from."""

    version_id: str
    name: str
    digest: str
    created_at: Time
    head: str
    dataset_version: str | None = None
    job_id: str | None = None
    code_manifest: str | None = None
    parent: str | None = None
    held_out: str = ""
    good_images: int = 0
    """Whose digests the version names as what it was fitted from."""
    metrics: dict[str, float]
    manifest_key: str
    """Object key of everything needed to repeat it."""
    deployed_to: tuple[str, ...] = ()


class Lineage(Message):
    """From a part, or a version, back to where it all came from."""

    part: PartTrace | None = None
    versions: tuple[VersionTrace, ...] = ()
    """The version and its parents, nearest first."""
    missing: str | None = None
    """A version that is named and no longer there: the chain ends before it."""


START = Query(
    "rollout.trial.start.v1",
    StartTrial,
    "Try a version beside the one that judges: silently, or on a share of the parts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollouts,
)
PROMOTE = Query(
    "rollout.trial.promote.v1",
    EndTrial,
    "End a trial: its version judges every part.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)
ABORT = Query(
    "rollout.trial.abort.v1",
    EndTrial,
    "End a trial or a watch; what judges stays.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)
GET = Query(
    "rollout.trial.get.v1",
    GetRollout,
    "Read one rollout with its figures.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)
LIST = Query(
    "rollout.trial.list.v1",
    ListRollouts,
    "Read rollouts, newest first.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollouts,
)
ROLL_BACK = Query(
    "rollout.version.rollback.v1",
    RollBack,
    "Let stations judge by the version before.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=RolledBackStations,
)
OFFER = Query(
    "rollout.version.offer.v1",
    OfferVersion,
    "Deploy a version where it is strictly better on the same held-out parts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=OfferedStations,
)
DELETE = Query(
    "rollout.version.delete.v1",
    DeleteVersion,
    "Remove a version that judges nowhere.",
    said_by=("gateway",),
    heard_by=("training",),
    reply=VersionDeleted,
)
DRIFT = Query(
    "rollout.drift.get.v1",
    GetDrift,
    "How far each hour is from how it was.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Drift,
)
LINEAGE = Query(
    "rollout.lineage.get.v1",
    GetLineage,
    "Where a part's verdict came from.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Lineage,
)
CHANGED = Event(
    "rollout.trial.changed.v1",
    Rollout,
    "A trial or a watch began or ended.",
    said_by=("training",),
    heard_by=("gateway", INTEGRATIONS),
)
ROLLED_BACK = Event(
    "rollout.version.rolled-back.v1",
    RolledBack,
    "A station judges by the version before again.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)
VERSION_DELETED = Event(
    "rollout.version.deleted.v1",
    VersionDeleted,
    "A version is gone.",
    said_by=("training",),
    heard_by=("gateway",),
)
DRIFT_STARTED = Event(
    "rollout.drift.started.v1",
    DriftNews,
    "What is seen or scored at a station differs from how it was.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)
DRIFT_ENDED = Event(
    "rollout.drift.ended.v1",
    DriftNews,
    "What is seen or scored at a station is again as it was.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)
