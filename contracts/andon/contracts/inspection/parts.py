"""What is known of a judged part: the record that is kept and the event that is said."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.station import TrialRole


class Decision(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNCERTAIN = "uncertain"


class DecidedBy(StrEnum):
    """Whose limit settled a part's decision."""

    ANOMALY = "anomaly"
    """The score's, against what good parts look like."""
    DETECTOR = "detector"
    """A defect's, of a part that would not have failed by its score."""


Box = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels of the original image; x2 and y2 are exclusive."""


class Detection(Message):
    """A region of a part that is not as it should be."""

    class_name: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    bbox: Box
    area_mm2: float | None = None
    """None until the station's mm-per-pixel is known."""
    area_px: int = 0
    """In pixels of the original image."""
    area_method: str = ""
    """mask: what the detector learned from outlines; else ring-otsu: by what differs from its surroundings;
    where that finds nothing, heatmap: its cells, or box: the detector's."""
    outline: tuple[tuple[tuple[int, int], ...], ...] = ()
    """Polygons around it, x and y in pixels of the original image, the largest first; empty where the
    detector learned no outlines."""
    peak_score: float = 0
    """Highest value of the heatmap inside the region."""
    class_confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """Probability of the class among those the model knows; None where it could not be told."""


class StoredImage(Message):
    """An image kept as evidence."""

    key: str
    content_type: str
    size: int
    """Bytes."""
    width: int
    height: int
    """Pixels."""
    sha256: str = ""


class Times(Message):
    """Where a part's time went, in milliseconds."""

    decode_ms: float
    inference_ms: float
    """Wait for the batch and inference together."""
    total_ms: float
    """From the frame's arrival at the inspector to its decision."""


class Hold(Message):
    """Why a record and its evidence stay, however old they get."""

    reason: Name
    """Such as `manual` or `labelled`; a record has one hold per reason."""
    by: str
    at: Time


class Trialled(Message):
    """What a trial made of a part."""

    rollout_id: str
    role: TrialRole
    version_id: str
    """The new version."""
    by_new: bool
    """Whether the new version's decision is the part's."""
    decision: Decision | None = None
    """A shadow's, which changes nothing."""
    anomaly_score: float | None = None
    """A shadow's."""
    confidence: float | None = None
    inference_ms: float | None = None
    """A shadow's; what it was asked and did not answer in time has none."""
    error: str | None = None
    """Why the new version gave no answer; the other one judged the part then."""


class Inspection(Message):
    """A judged part: the record that is kept and the event that is said."""

    id: str
    """UUID derived from station and frame id: the same frame has the same record."""
    frame_id: str
    station_id: str
    part_id: str | None = None
    decision: Decision
    confidence: Annotated[float, Field(ge=0, le=1)]
    """Share of the good calibration parts that score at least as high; for a fail, its complement."""
    anomaly_score: float
    uncertain_above: float
    fail_above: float
    decided_by: DecidedBy = DecidedBy.ANOMALY
    defect_fail_above: float | None = None
    """The detector's limit, where it looks at every part: a defect with more confidence fails the part."""
    objects_found: int
    detections: tuple[Detection, ...] = ()
    recipe_revision: int
    model_version: str
    model_digest: str
    captured_at: Time
    judged_at: Time
    times: Times
    source: str = "bus"
    """bus, http, camera or batch."""
    width: int
    height: int
    """Pixels of the original image."""
    image: StoredImage | None = None
    """The received bytes as they came; None where the recipe's sampling left them out."""
    annotated: StoredImage | None = None
    """The part with heatmap and boxes over it; None of a passed part, over which there is nothing to draw."""
    brightness: float | None = None
    """Mean grey of what was looked at, 0 to 255."""
    trial: Trialled | None = None
    """While a second model is tried at the station."""
    holds: tuple[Hold, ...] = ()
    """While there is one, no cleanup and no deletion touches the part."""
