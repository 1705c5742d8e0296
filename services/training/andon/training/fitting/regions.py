"""A classifier of regions, from outlined defects: seconds, again after every few annotations."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from andon.contracts import Invalid, Refused
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import LabelledImage
from andon.serving import crops, decode_full
from andon.training.domain.lessons import REGIONS, Lesson, learned_from
from andon.training.domain.order import FittedFile
from andon.training.fitting import pooled
from andon.training.fitting.backbone import Runner

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Say = Callable[[str, float, str], None]

STRENGTH = 0.05
"""Inverse of the regularisation: few examples in 880 dimensions."""
MANY = 160
"""Outlines from which on each is seen once; fewer are seen four times, shifted and mirrored."""
SHIFT = 0.15
"""Of a box's side: nobody outlines twice alike, and the line's own boxes are coarser."""
FOLDS = 3
MOST_KEPT = 2000
"""Images whose descriptions are kept for the next time; 200 MB at most."""
_MOST_ROUNDS = 300


@dataclass(frozen=True, eq=False)
class Examples:
    """Outlined regions as the describer sees them."""

    seen: Floats
    """[n, 880]"""
    classes: tuple[str, ...]
    """[n]"""
    image: NDArray[np.int64]
    """[n] which image each is from, so that no image is on both sides of a fold."""


@dataclass(frozen=True, eq=False)
class Learned:
    file: FittedFile
    classes: tuple[str, ...]
    metrics: dict[str, float]
    notes: tuple[str, ...]


def learn(lesson: Lesson, folder: Path, cache: Path | None, say: Say) -> Learned:
    """Leave a classifier in `folder`/regions.onnx.

    Raises Invalid, naming the image, for an outline outside of it, and for fewer than two classes.
    """
    places = learned_from(lesson, Verdict.DEFECT)
    chosen = [(place, lesson.images[place]) for place in places if lesson.images[place].shapes]
    shapes = [shape for _, image in chosen for shape in image.shapes]
    classes = tuple(sorted({shape.class_name for shape in shapes}))
    if len(classes) < 2:  # noqa: PLR2004 - to tell apart
        raise Invalid(_too_few(classes))
    say("describe", 0.05, f"{len(shapes)} outlined defects on {len(chosen)} parts")
    runner = Runner(pooled.describer(), lesson.threads)
    examples = _Sight(folder, runner, len(shapes) < MANY, cache).described(chosen)
    _tidied(cache)
    say("fit", 0.8, f"{len(classes)} classes")
    names = np.array([classes.index(each) for each in examples.classes])
    metrics = {"regions": float(len(shapes)), "classes": float(len(classes))}
    if (accuracy := _cross_checked(examples, names, lesson.parameters.seed)) is not None:
        metrics["region_accuracy_cross_fitted"] = accuracy
    weights, bias = _weights(_fitted(examples.seen, names), len(classes))
    data = pooled.classifier(weights, bias, classes)
    (folder / REGIONS).write_bytes(data)
    file = FittedFile(name=REGIONS, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    return Learned(file, classes, metrics, tuple(_doubts(classes, shapes)))


def _too_few(classes: tuple[str, ...]) -> str:
    if not classes:
        return "images: no defect is outlined on the parts to learn from; outline some, of two classes"
    return f"images: every outlined defect is called '{classes[0]}'; classes are told apart from two on"


def _doubts(classes: tuple[str, ...], shapes: Sequence[Shape]) -> Iterator[str]:
    for name in classes:
        count = sum(shape.class_name == name for shape in shapes)
        if count < 5:  # noqa: PLR2004 - below it half of the answers were wrong, measured
            yield f"'{name}' is known from {count} outlines only"


@dataclass(frozen=True, eq=False)
class _Sight:
    """How outlined regions are seen."""

    folder: Path
    runner: Runner
    often: bool
    """Four times each, shifted and mirrored."""
    cache: Path | None

    def described(self, chosen: list[tuple[int, LabelledImage]]) -> Examples:
        seen: list[Floats] = []
        classes: list[str] = []
        origin: list[int] = []
        for place, image in chosen:
            described = self._of(place, image)
            copies = len(described) // len(image.shapes)
            seen.append(described)
            classes += [shape.class_name for shape in image.shapes] * copies
            origin += [place] * len(described)
        return Examples(np.concatenate(seen), tuple(classes), np.array(origin))

    def _of(self, place: int, image: LabelledImage) -> Floats:
        """[copies * shapes, 880]; from the cache where nothing of it has changed."""
        data = (self.folder / "images" / str(place)).read_bytes()
        about = f"{pooled.SIZE} {self.often} {[shape.bbox for shape in image.shapes]}".encode()
        kept = self.cache and self.cache / f"{hashlib.sha256(data + about).hexdigest()}.npy"
        if kept and kept.exists():
            return np.load(kept)
        described = self.runner.descriptions(self._cut(data, image))
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            half = kept.with_suffix(".part")
            with half.open("wb") as out:
                np.save(out, described)
            half.rename(kept)
        return described

    def _cut(self, data: bytes, image: LabelledImage) -> Pixels:
        try:
            pixels = decode_full(data).pixels
        except Refused as refused:
            raise type(refused)(f"{image.key}: {refused}") from refused
        boxes = [inside(shape, pixels.shape[1], pixels.shape[0], image.key) for shape in image.shapes]
        plain = crops(pixels, boxes)
        if not self.often:
            return plain
        generator = np.random.default_rng(len(data))  # the same shifts whenever this image is seen
        moved = crops(pixels, [_shifted(box, generator) for box in boxes])
        return np.concatenate([plain, moved, moved[:, :, ::-1], plain[:, ::-1]])


def _tidied(cache: Path | None) -> None:
    """Only so many descriptions are kept, the newest."""
    kept = sorted(cache.glob("*.npy"), key=lambda path: path.stat().st_mtime) if cache else []
    for path in kept[:-MOST_KEPT]:
        path.unlink(missing_ok=True)


def inside(shape: Shape, width: int, height: int, key: str) -> tuple[int, int, int, int]:
    """The outline's box. Raises Invalid where it is not within the image."""
    x1, y1, x2, y2 = shape.bbox
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        raise Invalid(f"images: {key} has {width} x {height} pixels; bbox {list(shape.bbox)} is not inside")
    return shape.bbox


def _shifted(
    box: tuple[int, int, int, int], generator: np.random.Generator
) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    wide, high = x2 - x1, y2 - y1
    by = generator.uniform(-SHIFT, SHIFT, 4)
    return x1 + by[0] * wide, y1 + by[1] * high, x2 + by[2] * wide, y2 + by[3] * high


def _fitted(seen: Floats, names: NDArray[np.int64]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=_MOST_ROUNDS)).fit(
        seen, names
    )


def _cross_checked(examples: Examples, names: NDArray[np.int64], seed: int) -> float | None:
    """Share of the regions told rightly by a fit without their image; None with too few images."""
    if len(np.unique(examples.image)) < 2 * FOLDS:
        return None
    right = np.zeros(len(names), bool)
    for fit, out in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(
        examples.seen, names, examples.image
    ):
        if len(np.unique(names[fit])) < 2:  # noqa: PLR2004 - to tell apart
            return None
        right[out] = _fitted(examples.seen[fit], names[fit]).predict(examples.seen[out]) == names[out]
    return round(float(right.mean()), 4)


def _weights(fitted: Any, classes: int) -> tuple[Floats, Floats]:
    """Scaling and regression as one: [880, classes] and [classes]."""
    scaler, regression = fitted[0], fitted[1]
    coefficients, bias = regression.coef_, regression.intercept_
    if len(coefficients) == 1 and classes == 2:  # noqa: PLR2004 - scikit-learn tells two classes by one row
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        bias = np.concatenate([np.zeros_like(bias), bias])
    scaled = coefficients / scaler.scale_
    return scaled.T.astype(np.float32), (bias - scaled @ scaler.mean_).astype(np.float32)
