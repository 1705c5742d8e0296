"""Stations and their recipes: how a place on the line is judged."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query


class Mode(StrEnum):
    """What a station does with a frame."""

    TEACH = "teach"
    """Keep it as a good example for the next fit; no judgement."""
    JUDGE = "judge"
    """Judge it by the active recipe."""
    PAUSE = "pause"
    """Let it go by: nothing is kept, judged or counted until somebody resumes."""


class ModelFile(Message):
    """A model file in the object store."""

    key: str
    sha256: str
    size: int
    """Bytes."""


class RegionModel(Message):
    """Knows the classes of what stands out on a part."""

    file: ModelFile
    classes: tuple[str, ...]
    sure_above: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A class less probable than this is not named."""


class DetectorUse(StrEnum):
    """What a station's detector is asked for."""

    NAMES = "names"
    """Where the defects of parts are that did not pass, and of which class; it decides nothing."""
    DECIDES = "decides"
    """Every part is looked at; one with a defect above the detector's own limit fails, whatever its score."""


class DetectorModel(Message):
    """Finds the defects that people outlined, with box and class."""

    file: ModelFile
    classes: tuple[str, ...]
    sure_above: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Score from which on a defect is reported."""
    fails_above: Annotated[float, Field(ge=0, le=1)] | None = None
    """A part with a surer defect fails where the station lets the detector decide; None where too few good
    parts were left out of its learning to bound its false alarms."""
    calibration: tuple[float, ...] = ()
    """Ascending, the highest score on each of those good parts."""


class ModelRef(Message):
    """The model a recipe names, in every form a runtime may want."""

    version_id: str
    name: str
    digest: str
    """sha256 of the FP32 file: the model's identity."""
    fp32: ModelFile
    int8: ModelFile | None = None
    """Present when quantisation passed its own check; OpenVINO prefers it."""
    regions: RegionModel | None = None
    """Without one, what stands out is an `anomaly` and no more."""
    detector: DetectorModel | None = None
    """Its defects come first; what else stands out is told beside them."""


class Thresholds(Message):
    """Where the score turns into a decision: pass <= uncertain_above < uncertain <= fail_above < fail."""

    uncertain_above: float
    fail_above: float
    calibration: tuple[float, ...] = ()
    """Ascending cross-fitted scores of the good parts; confidence is read from them."""


Fraction = Annotated[float, Field(ge=0, le=1)]


class Region(Message):
    """A rectangle in fractions of the image, so that it holds at any resolution."""

    x: Fraction = 0
    y: Fraction = 0
    width: Annotated[float, Field(gt=0, le=1)] = 1
    height: Annotated[float, Field(gt=0, le=1)] = 1


class Evidence(Message):
    """What is kept of a judged part besides its record. Parts that did not pass are always kept whole."""

    keep_passed: Fraction = 1.0
    """Share of passed parts whose images are kept, chosen by frame id."""


class Recipe(Message):
    """How a station judges; a new revision with every change."""

    station_id: Name
    revision: int = 0
    model: ModelRef | None = None
    thresholds: Thresholds | None = None
    min_area_mm2: Annotated[float, Field(ge=0)] = 0
    """Regions smaller than this are not reported."""
    detector: DetectorUse = DetectorUse.NAMES
    region: Region = Region()
    evidence: Evidence = Evidence()
    changed_at: Time
    changed_by: str = "andon"


class TrialRole(StrEnum):
    """What the second model of a station does."""

    SHADOW = "shadow"
    """It judges silently beside; its decisions are recorded and change nothing."""
    CANARY = "canary"
    """It judges a share of the parts."""
    WATCH = "watch"
    """It judged before and steps in where the new one gives no answer."""


class Trial(Message):
    """A second model beside the recipe's."""

    rollout_id: str
    role: TrialRole
    model: ModelRef
    thresholds: Thresholds
    share: Fraction = 0
    """Of parts that a canary judges, by a hash of the part's id."""


class DeploymentKind(StrEnum):
    DEPLOY = "deploy"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    AUTOMATIC_ROLLBACK = "automatic-rollback"


class Deployment(Message):
    """A version taken into use at a station."""

    version_id: str
    digest: str
    name: str = ""
    kind: DeploymentKind = DeploymentKind.DEPLOY
    by: str
    at: Time
    forced: bool = False
    """Somebody wanted it without its being proven better."""
    note: str = ""


class Station(Message):
    """A place on the line where parts are looked at."""

    id: Name
    name: str = ""
    line: str = ""
    mode: Mode = Mode.TEACH
    mm_per_pixel_x: Annotated[float, Field(gt=0)] | None = None
    mm_per_pixel_y: Annotated[float, Field(gt=0)] | None = None
    recipe: Recipe | None = None
    samples: int = 0
    """Good examples kept so far for teaching."""
    trial: Trial | None = None
    history: tuple[Deployment, ...] = ()
    """The versions it judged by, newest first; the last 100."""
    created_at: Time
    updated_at: Time


class PutStation(Message):
    """Create a station or change what is named; absent fields stay as they are."""

    id: Name
    name: str | None = None
    line: str | None = None
    mode: Mode | None = None
    mm_per_pixel_x: Annotated[float, Field(gt=0)] | None = None
    mm_per_pixel_y: Annotated[float, Field(gt=0)] | None = None
    region: Region | None = None
    evidence: Evidence | None = None
    min_area_mm2: Annotated[float, Field(ge=0)] | None = None
    detector: DetectorUse | None = None
    """`decides` is refused while the station's version has no limit for it."""
    by: str = "andon"


class GetStation(Message):
    id: Name


class ListStations(Message):
    """All stations; a line has tens of them, not thousands."""


class Stations(Message):
    stations: tuple[Station, ...]


class ListSamples(Message):
    """Good examples kept by a station in teach mode, oldest first."""

    station_id: Name
    limit: Annotated[int, Field(ge=1, le=5000)] = 500


class Sample(Message):
    frame_id: str
    key: str
    """Object key of the encoded image."""
    sha256: str
    captured_at: Time


class Samples(Message):
    samples: tuple[Sample, ...]


class SetModel(Message):
    """What a station judges by from its next part on, and what is tried beside it."""

    station_id: Name
    model: ModelRef | None = None
    """Taken into use; None leaves the recipe as it is."""
    thresholds: Thresholds | None = None
    deployment: Deployment | None = None
    """For the history; comes with a model."""
    trial: Trial | None = None
    """The trial from now on; None ends one."""
    expects_version: str | None = None
    """Refused when the station judges by another version."""
    expects_trial: str | None = None
    """Refused when another rollout is on; "" when any is."""
    at: Time


SET_MODEL = Query(
    "station.model.set.v1",
    SetModel,
    "Load and probe models, then switch a station between two frames.",
    said_by=("training",),
    heard_by=("inspection",),
    reply=Station,
)
PUT = Query(
    "station.definition.put.v1",
    PutStation,
    "Create or change a station.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Station,
)
GET = Query(
    "station.definition.get.v1",
    GetStation,
    "Read one station with its active recipe.",
    said_by=("gateway", "training", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Station,
)
LIST = Query(
    "station.definition.list.v1",
    ListStations,
    "Read all stations.",
    said_by=("gateway", "training", "opcua-bridge", "alerting", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Stations,
)
SAMPLES = Query(
    "station.sample.list.v1",
    ListSamples,
    "Find the good examples a fit can learn from.",
    said_by=("training", "gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Samples,
)
CHANGED = Event(
    "station.definition.changed.v1",
    Station,
    "A station or its recipe changed; what it judges by is inside.",
    said_by=("inspection",),
    heard_by=("gateway", "opcua-bridge", "alerting"),
)
