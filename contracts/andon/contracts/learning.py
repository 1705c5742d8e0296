"""Training runs: models learned from labelled parts, and the evidence they are offered with."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.station import Fraction
from andon.contracts.training import Head


class RunKind(StrEnum):
    """What a run learns."""

    ANOMALY = "anomaly"
    """What good parts look like: from good parts alone."""
    REGIONS = "regions"
    """The classes of what stands out: from defects that people outlined."""
    DETECTOR = "detector"
    """Where defects are and which, by gradient steps: from 5 outlined parts on, better from 20."""


class Trainer(StrEnum):
    """What learns a detector."""

    NUMPY = "numpy"
    """A head on frozen features, wherever Andon runs."""
    TORCH = "torch"
    """The backbone's upper half, too: on a machine that has torch, whose agents have the label `torch`."""


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """Ended by a person; there is no version of it."""


class Place(StrEnum):
    """Where a run runs."""

    AUTO = "auto"
    """On the queue while an agent lives, in the service otherwise."""
    QUEUE = "queue"
    HERE = "here"
    """In the training service, in a process of its own."""


class LabelledImage(Message):
    """A part that somebody has looked at."""

    key: Annotated[str, Field(min_length=1, max_length=1024)]
    """Object key of the encoded image."""
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    """Checked where it is given."""
    verdict: Verdict
    shapes: Annotated[tuple[Shape, ...], Field(max_length=500)] = ()
    held_out: bool | None = None
    """Kept out of the training and judged by the result; None: every fifth part, chosen by its name."""
    station_id: str = ""
    part_id: str | None = None


class Parameters(Message):
    """What a run may be told; what its kind has no use for is recorded and not used."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 2
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-4
    head: Head = Head.AUTO
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    sure_above: Fraction = 0.5
    """A class less probable than this is not named on the line; a detector measures its own limit."""
    steps: Annotated[int, Field(ge=0, le=20_000)] = 0
    """Gradient steps of a detector at most; 0: as its parts want, up to 3000."""
    trainer: Trainer = Trainer.NUMPY
    """Of a detector."""


class StartRun(Message):
    """Learn from a dataset version, from the images named, or from what people have annotated so far."""

    run_id: Annotated[str, Field(pattern="^run-[0-9a-f]{12}$")] | None = None
    """Made by the asker, so that asking again is harmless; made here when there is none."""
    kind: RunKind = RunKind.ANOMALY
    station_id: Name = "default"
    name: Annotated[str, Field(max_length=200)] = ""
    """Of the version; by default the station and the time."""
    dataset_version: Annotated[str, Field(max_length=128)] | None = None
    images: Annotated[tuple[LabelledImage, ...], Field(max_length=5000)] = ()
    parameters: Parameters = Parameters()
    parent: Annotated[str, Field(max_length=128)] | None = None
    """The version whose anomaly model a classifier or detector joins; by default the one in use there."""
    place: Place = Place.AUTO
    deploy: bool = False
    """Deploy it when it is done; what the held-out parts speak against is refused."""
    requested_by: Label = "andon"


class Repeat(Message):
    """What has to be the same for the same model to come out."""

    order_sha256: str
    """Of the run's whole order: images, labels, split, parameters, seed."""
    dataset_version: str | None = None
    code_version: str
    environment: str
    """sha256 over the names and versions of all installed packages."""
    python: str
    seed: int
    trained_with: str = ""
    """Of a run by torch that has succeeded: version and device. The environment above is the service's."""


class Run(Message):
    """A training, from being asked for to its version."""

    id: str
    kind: RunKind
    station_id: str
    name: str = ""
    state: RunState
    place: Place
    job_id: str | None = None
    """On the queue."""
    fraction: Fraction = 0
    message: str = ""
    images: int = 0
    held_out: int = 0
    parameters: Parameters = Parameters()
    dataset_version: str | None = None
    parent: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    curves: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """By metric, a value per report; the last 500."""
    logs: tuple[str, ...] = ()
    """The last 20 lines."""
    repeat: Repeat | None = None
    version_id: str | None = None
    notes: tuple[str, ...] = ()
    deploy: bool = False
    created_at: Time
    started_at: Time | None = None
    ended_at: Time | None = None
    requested_by: str


class GetRun(Message):
    id: Annotated[str, Field(min_length=1, max_length=128)]


class ListRuns(Message):
    station_id: Name | None = None
    state: RunState | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class Runs(Message):
    """Newest first."""

    runs: tuple[Run, ...]


class StopRun(Message):
    id: Annotated[str, Field(min_length=1, max_length=128)]
    by: Label = "andon"


class Share(Message):
    """How often something happened, with its 95 % confidence interval (Wilson)."""

    count: int
    of: int
    value: float
    low: float
    high: float


class Figures(Message):
    """How a group of held-out parts was judged."""

    parts: int
    decisions: dict[str, dict[str, int]]
    """By truth (good, defect), how many parts got which decision."""
    false_accept: Share | None = None
    """Defective parts that passed; None without defective parts."""
    false_reject: Share | None = None
    """Good parts that failed; None without good parts."""
    uncertain: Share | None = None
    """Parts that a person is asked about."""
    image_auroc: float | None = None
    """Probability that a defective part scores above a good one; None unless there are both."""


class ClassFigures(Message):
    """How one class of defects fares."""

    regions: int
    """Outlined on held-out parts."""
    named: Share | None = None
    """Of the outlined regions, those whose class the classifier tells rightly."""
    average_precision: float | None = None
    """At an overlap of half (IoU 0.5), of the regions found on the line's own path."""
    parts: int = 0
    missed: Share | None = None
    """Parts with this class that passed."""


class Latency(Message):
    """Of one part at a time on the serving runtime, in milliseconds, decoding left out."""

    runtime: str
    device: str
    median_ms: float
    p95_ms: float
    parts: int


class Miss(Message):
    """A part that was judged wrongly."""

    key: str
    truth: str
    decision: str
    score: float
    classes: tuple[str, ...] = ()
    station_id: str = ""
    part_id: str | None = None


class Evaluation(Message):
    """How a version does on parts that nothing of it was learned from."""

    version_id: str
    held_out: str
    """Digest of the held-out parts; evaluations on equal ones can be compared."""
    at: Time
    all: Figures
    by_station: dict[str, Figures] = Field(default_factory=dict)
    classes: dict[str, ClassFigures] = Field(default_factory=dict)
    region_confusion: dict[str, dict[str, int]] = Field(default_factory=dict)
    """By outlined class, how often the classifier named which."""
    pixel_pro: float | None = None
    """Area under the per-region overlap up to 30 % false positives; None without outlines."""
    map50: float | None = None
    """Mean average precision at an overlap of half, over classes."""
    with_detector: Figures | None = None
    """The same decisions where the detector decides, too; None of one that has no limit for that."""
    area_error: float | None = None
    """Median of how far the areas of outlined defects that were found are off, as a share of the true one;
    None where the detector tells no outlines."""
    latency: Latency | None = None
    misses: tuple[Miss, ...] = ()
    """The worst 24: defects that passed, the lowest score first, then good parts that failed."""
    notes: tuple[str, ...] = ()
    report_key: str = ""
    """Object key of the page for people."""
    result_key: str = ""
    """Object key of this as JSON."""


class GetEvaluation(Message):
    version_id: Annotated[str, Field(min_length=1, max_length=128)]


_ASKERS = ("gateway", INTEGRATIONS)
_TRAINING = ("training",)

START = Query("learning.run.start.v1", StartRun, "Learn a model.", _ASKERS, _TRAINING, reply=Run)
GET = Query("learning.run.get.v1", GetRun, "Where a run stands.", _ASKERS, _TRAINING, reply=Run)
LIST = Query("learning.run.list.v1", ListRuns, "Read runs, newest first.", _ASKERS, _TRAINING, reply=Runs)
STOP = Query("learning.run.stop.v1", StopRun, "End a run.", _ASKERS, _TRAINING, reply=Run)
EVALUATION = Query(
    "learning.evaluation.get.v1",
    GetEvaluation,
    "How a version did on held-out parts.",
    _ASKERS,
    _TRAINING,
    reply=Evaluation,
)
CHANGED = Event(
    "learning.run.changed.v1",
    Run,
    "A run came further, or ended.",
    said_by=_TRAINING,
    heard_by=("gateway", INTEGRATIONS),
)
