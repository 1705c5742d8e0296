"""What a training run is told, and what comes out of it."""

from hashlib import sha256

from andon.contracts import Invalid, Message
from andon.contracts.annotation import Verdict
from andon.contracts.learning import Evaluation, LabelledImage, Parameters, Run, RunKind
from andon.contracts.station import Region, Thresholds
from andon.training.domain.order import FitResult, FittedFile

HELD_OUT = 5
"""Every so manieth part is kept out of the training, where nobody said which."""
FEWEST_OUTLINED = 5
"""Different parts with outlines that a detector is learned from; of fewer, nothing held on other parts."""
PARENT, PARENT_REGIONS, PARENT_DETECTOR = "parent.onnx", "parent.regions.onnx", "parent.detector.onnx"
"""Files of the version that the run goes on from, beside its order."""
REGIONS, DETECTOR = "regions.onnx", "detector.onnx"
EVALUATION, REPORT, RESULT = "evaluation.json", "report.html", "result.json"
"""Files that a run leaves beside its order."""


class Lesson(Message):
    """A run's instructions; the image of images[i] is the file `images/<i>` beside them."""

    kind: RunKind
    version_id: str
    """Of the version that will come out."""
    images: tuple[LabelledImage, ...]
    """With `held_out` settled."""
    region: Region = Region()
    """What of each image the station looks at."""
    parameters: Parameters = Parameters()
    thresholds: Thresholds | None = None
    """Of the parent's anomaly model, which lies beside as PARENT; None where the run makes its own."""
    sure_above: float = 0.5
    """Of the parent's classifier, where it lies beside as PARENT_REGIONS."""
    threads: int = 2


class LessonResult(Message):
    """What a run leaves behind."""

    fit: FitResult | None = None
    """Of an anomaly model."""
    regions: FittedFile | None = None
    """Of a classifier."""
    detector: FittedFile | None = None
    sure_above: float = 0.0
    """Score from which on the detector's defects are reported."""
    fails_above: float | None = None
    """Score of a defect above which the detector may fail a part; None where it can't decide."""
    calibration: tuple[float, ...] = ()
    """Ascending, the detector's highest score on each good part that it was not learned from."""
    classes: tuple[str, ...] = ()
    trained_with: str = ""
    """Framework and device, where it was not Andon's own arithmetic."""
    metrics: dict[str, float]
    notes: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    """None where no part was held out."""


def settled(images: tuple[LabelledImage, ...]) -> tuple[LabelledImage, ...]:
    """With every image either learned from or held out, all images of one part on the same side.

    Raises Invalid for an image that is named on both sides or twice with different labels.
    """
    known: dict[str, LabelledImage] = {}
    for image in images:
        held_out = drawn(image) if image.held_out is None else image.held_out
        one = image.model_copy(update={"held_out": held_out})
        other = known.setdefault(one.sha256 or one.key, one)
        if other is not one and other.model_copy(update={"key": one.key}) != one:
            raise Invalid(f"images: {one.key} comes twice, with different labels or on both sides")
    return tuple(known.values())


def drawn(image: LabelledImage) -> bool:
    """Whether a part is held out where nobody said so: a fifth of all, the same ones every time."""
    name = image.part_id or image.sha256 or image.key
    return int(sha256(f"{image.station_id}/{name}".encode()).hexdigest()[:8], 16) % HELD_OUT == 0


def learned_from(lesson: Lesson, verdict: Verdict) -> list[int]:
    """Places of the images with this verdict that are not held out."""
    return [
        place for place, image in enumerate(lesson.images) if image.verdict is verdict and not image.held_out
    ]


def digest_of(lesson: Lesson) -> str:
    """Of all that decides about the outcome; not of the threads or the version's id."""
    exact = lesson.model_copy(update={"threads": 0, "version_id": ""})
    return sha256(exact.model_dump_json().encode()).hexdigest()


def held_out_digest(lesson: Lesson) -> str:
    """Of the held-out parts and their labels, whatever their order."""
    lines = sorted(
        f"{image.sha256 or image.key} {image.verdict} "
        + " ".join(sorted(f"{shape.class_name}{shape.bbox}" for shape in image.shapes))
        for image in lesson.images
        if image.held_out
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def ended(run: Run) -> bool:
    """Whether nothing more will come of it."""
    return run.ended_at is not None
