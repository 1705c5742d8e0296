"""What a rule looks at, and from where on that is bad."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from andon.contracts._message import Label, Message, Name

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Minutes = Annotated[int, Field(ge=1, le=1440)]
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]


class Metric(StrEnum):
    """A figure over the parts of a window."""

    PASS_RATE = "pass_rate"  # noqa: S105 - a share of parts
    """Share of judged parts that passed, 0 to 1; bad below its limit, all others above."""
    FAIL_RATE = "fail_rate"
    """Share of judged parts that failed; with a class, of those with such a region that did not pass."""
    UNCERTAIN_RATE = "uncertain_rate"
    ERROR_RATE = "error_rate"
    """Share of frames that could not be judged."""
    LATENCY = "latency_ms"
    """Mean from a frame's arrival to its decision, in milliseconds."""
    LAG = "lag_seconds"
    """Mean from the shutter to the decision: grows as frames wait."""


class Threshold(Message):
    """A figure over a window is beyond a limit."""

    kind: Literal["threshold"] = "threshold"
    metric: Metric
    class_name: Label | None = None
    """Only parts with a region of this class count as failed; for fail_rate."""
    limit: Finite
    clear_margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """How far on the good side of the limit the figure must come for an alert to be over."""
    window_minutes: Minutes = 15
    minimum_parts: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Fewer in the window open and resolve nothing."""


class Consecutive(Message):
    """So many parts in a row are bad."""

    kind: Literal["consecutive"] = "consecutive"
    parts: Annotated[int, Field(ge=2, le=1000)] = 5
    uncertain_too: bool = False
    """Whether an uncertain part counts as a bad one; else it is passed over."""
    clear_parts: Annotated[int, Field(ge=1, le=1000)] = 3
    """So many good ones in a row, and the alert is over."""


class Variable(StrEnum):
    """What a control chart watches, over subgroups of parts."""

    FAIL_RATE = "fail_rate"
    SCORE = "anomaly_score"
    """The mean of a subgroup: moves with parts, light and camera before parts begin to fail."""
    LATENCY = "latency_ms"


class Side(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    BOTH = "both"


class _Chart(Message):
    variable: Variable = Variable.FAIL_RATE
    subgroup: Annotated[int, Field(ge=1, le=1000)] = 20
    """Parts to one point of the chart."""
    baseline: Annotated[int, Field(ge=8, le=1000)] = 25
    """Points from which centre and sigma are learned where they are not given; anew for another recipe."""
    centre: Finite | None = None
    sigma: Positive | None = None
    """Of the points. Both are given or none."""
    side: Side = Side.UPPER
    clear_points: Annotated[int, Field(ge=1, le=1000)] = 8
    """So many points in a row without a signal, and the alert is over."""


class WesternElectric(_Chart):
    """The Western Electric tests: 1: a point beyond 3 sigma. 2: two of three beyond 2 sigma on one side.

    3: four of five beyond 1 sigma on one side. 4: eight in a row on one side."""

    kind: Literal["western_electric"] = "western_electric"
    tests: Annotated[tuple[Annotated[int, Field(ge=1, le=4)], ...], Field(min_length=1, max_length=4)] = (
        1,
        2,
        3,
        4,
    )


class Cusum(_Chart):
    """A tabular cumulative sum: finds small shifts that last."""

    kind: Literal["cusum"] = "cusum"
    slack: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.5
    """In sigma; half the shift that is to be found."""
    decision: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] = 5.0
    """In sigma; the sum from which it signals."""


class CameraSilent(Message):
    """No frame came from a station that had sent some."""

    kind: Literal["camera_silent"] = "camera_silent"
    seconds: Annotated[int, Field(ge=10, le=86400)] = 300


class Drifting(Message):
    """What is seen or scored at a station is no longer distributed as it was."""

    kind: Literal["drift"] = "drift"
    measures: Annotated[tuple[Name, ...], Field(max_length=10)] = ()
    """score or brightness; none named is both."""


class ModelTakenBack(Message):
    """A station judges by the version before again; over when that is long ago, or somebody resolves it."""

    kind: Literal["rolled_back"] = "rolled_back"
    automatic_only: bool = True
    """Not where a person took a version back."""
    window_minutes: Minutes = 1440


class DeviceLost(Message):
    """A machine that runs jobs has gone silent."""

    kind: Literal["device_lost"] = "device_lost"
    stale_too: bool = False
    """Already after 30 seconds; else once it counts as disconnected."""
    devices: Names = ()
    """None named is all."""


class JobsFailed(Message):
    """Jobs of a queue failed."""

    kind: Literal["jobs_failed"] = "jobs_failed"
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    window_minutes: Minutes = 60
    queues: Names = ()
    """None named is all."""


class DiskLow(Message):
    """A machine that runs jobs has little room where they write."""

    kind: Literal["disk_low"] = "disk_low"
    free_gb: Positive = 10.0
    """1 GB is 2^30 bytes."""
    clear_gb: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """How much more must be free for an alert to be over."""
    devices: Names = ()


class EvidenceFull(Message):
    """Kept images take a large share of the room they may take."""

    kind: Literal["evidence_full"] = "evidence_full"
    share: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.95
    """Of `inspection.max_gb` in the configuration."""
    clear_margin: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.02


class ChannelFailing(Message):
    """Notices can't be delivered."""

    kind: Literal["channel_failing"] = "channel_failing"
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """So many in a row failed."""


Condition = Annotated[
    Threshold
    | Consecutive
    | WesternElectric
    | Cusum
    | CameraSilent
    | Drifting
    | ModelTakenBack
    | DeviceLost
    | JobsFailed
    | DiskLow
    | EvidenceFull
    | ChannelFailing,
    Field(discriminator="kind"),
]
