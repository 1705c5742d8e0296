"""Models: fitted from good parts, versioned, deployed to stations."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Command, Event, Query
from andon.contracts.station import ModelRef, Thresholds


class Head(StrEnum):
    """How normal is described."""

    AUTO = "auto"
    """Chosen on held-out good parts with synthetic defects."""
    PADIM = "padim"
    """A Gaussian per position: parts that lie the same way each time."""
    KNN = "knn"
    """Nearest good patches: parts that lie anyhow, or few of them."""


class FitModel(Message):
    """Fit an anomaly model from good images only."""

    fit_id: Name
    station_id: Name
    name: str = ""
    """Shown to people; by default the station and the time."""
    keys: tuple[str, ...] = ()
    """Object keys of good images; empty means the station's own samples."""
    max_images: Annotated[int, Field(ge=8, le=5000)] = 500
    head: Head = Head.AUTO
    deploy: bool = False
    """Deploy to the station when the fit is done."""
    requested_by: str = "andon"


class FitState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class FitProgress(Message):
    """Where a fit stands; said at every step and kept as its record."""

    fit_id: str
    station_id: str
    state: FitState
    stage: str
    """load, quantise, extract, fit, choose, calibrate, export, verify, done."""
    fraction: Annotated[float, Field(ge=0, le=1)]
    message: str = ""
    version_id: str | None = None
    """The model version, once there is one."""
    at: Time


class GetFit(Message):
    fit_id: str


class ModelVersion(Message):
    """A fitted model with the evidence it was offered with."""

    id: str
    name: str
    station_id: str
    created_at: Time
    head: Head
    model: ModelRef
    thresholds: Thresholds
    metrics: dict[str, float]
    """Such as synthetic_auroc, int8_correlation, images, fit_seconds."""
    source_sha256: tuple[str, ...]
    """Digests of the good images it was fitted from."""
    deployed_to: tuple[str, ...] = ()
    description: str = ""
    base_model: str = ""
    """What it began from, such as the backbone."""
    parent: str | None = None
    """The version it was trained on from."""
    dataset_version: str | None = None
    job_id: str | None = None
    """The fit or the job that made it."""
    code_manifest: str | None = None
    """The code that made it: a manifest of the component store, or a package's version."""
    deleted_at: Time | None = None
    """Its files are gone; what it judged still leads back to it."""
    held_out: str = ""
    """Digest of the held-out parts that `metrics` were measured on; only equal ones can be compared."""


class ListModels(Message):
    station_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class Models(Message):
    """Newest first."""

    models: tuple[ModelVersion, ...]


class DeployModel(Message):
    version_id: str
    station_ids: tuple[Name, ...] = ()
    everywhere: bool = False
    """To every station there is."""
    force: bool = False
    """Recorded: it was wanted although not proven better."""
    watch_minutes: Annotated[int | None, Field(ge=0, le=10_080)] = None
    """Rolled back by itself if it misbehaves so long; 0 is no watch, None the service's own setting."""
    note: Annotated[str, Field(max_length=500)] = ""
    by: str = "andon"


class ModelDeployed(Message):
    """From now on these stations judge by this version."""

    version_id: str
    station_ids: tuple[Name, ...]
    model: ModelRef
    thresholds: Thresholds
    by: str
    at: Time


FIT = Command(
    "training.model.fit.v1",
    FitModel,
    "Fit an anomaly model from good parts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
)
FIT_PROGRESSED = Event(
    "training.fit.progressed.v1",
    FitProgress,
    "How far a fit is.",
    said_by=("training",),
    heard_by=("gateway", INTEGRATIONS),
)
FIT_STATUS = Query(
    "training.fit.get.v1",
    GetFit,
    "Where a fit stands.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=FitProgress,
)
MODEL_FITTED = Event(
    "training.model.fitted.v1",
    ModelVersion,
    "A new model version exists.",
    said_by=("training",),
    heard_by=("gateway",),
)
LIST = Query(
    "training.model.list.v1",
    ListModels,
    "Read model versions.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Models,
)
DEPLOY = Query(
    "training.model.deploy.v1",
    DeployModel,
    "Let stations judge by a version.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=ModelDeployed,
)
MODEL_DEPLOYED = Event(
    "training.model.deployed.v1",
    ModelDeployed,
    "Stations judge by this version now.",
    said_by=("training",),
    heard_by=("inspection", "gateway"),
)
