"""A detector from outlined defects: features once, gradient steps in minutes, one file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from andon.contracts.annotation import Verdict
from andon.serving import Detector
from andon.training.domain.lessons import DETECTOR, Lesson
from andon.training.domain.order import FittedFile, Say
from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.detector.examples import (
    FEWEST_GOOD,
    FEWEST_SPARED,
    Examples,
    View,
    gathered,
    lazily,
    views_of,
)
from andon.training.fitting.detector.export import Head, exported
from andon.training.fitting.detector.operating import Limit, limit, outlined_above, sure_above
from andon.training.fitting.detector.state import Scaling, State
from andon.training.fitting.detector.taps import Shelf
from andon.training.fitting.detector.training import Course
from andon.training.fitting.detector.training import learn as steps_of

FEATURES, STEPS = 0.3, 0.95
"""Fractions of the whole after which features and steps are done."""
FEWEST_STEPS, MOST_STEPS = 400, 3000
STEPS_PER_PART = 20
FEW = 5
_TELL_EVERY = 40
"""Views; a multiple of a batch."""


@dataclass(frozen=True, eq=False)
class Learned:
    file: FittedFile
    classes: tuple[str, ...]
    sure_above: float
    """Score from which on a defect is reported."""
    limit: Limit
    metrics: dict[str, float]
    notes: tuple[str, ...]


def learn(lesson: Lesson, folder: Path, say: Say, kept_before: Checkpoints) -> Learned:
    """Leave a detector in `folder`/detector.onnx; goes on from what a killed attempt had done.

    Raises Invalid, naming the image, for an outline outside of it, and for too few different parts;
    Unavailable where the disk does not take the features.
    """
    say("look", 0.0, "reading parts", {})
    examples = gathered(lesson, folder)
    views = views_of(examples, lesson.parameters.seed)
    place = kept_before.place(folder)
    course, went_on = course_of(lesson, examples, views, place, say)

    def tell(step: int, what: str, metrics: Mapping[str, float]) -> None:
        fraction = FEATURES + (STEPS - FEATURES) * step / course.steps
        say("learn", fraction, what or f"step {step} of {course.steps}", metrics)

    state = steps_of(course, tell)
    say("export", STEPS, "", {})
    sure = sure_above(course, state.best, state.best_norms)
    head = Head(state.best, state.best_norms, course.scaling)
    told = examples.side, examples.classes, sure
    above = outlined_above(course, state.best, state.best_norms)
    bound = limit(Detector.open(exported(head, *told), lesson.threads), examples.spared)
    data = exported(head, *told, bound.fails_above, above)
    (folder / DETECTOR).write_bytes(data)
    metrics = {**figures_of(examples, state.figures, bound), "sure_above": sure}
    file = FittedFile(name=DETECTOR, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    notes = (
        *([f"went on from step {went_on}"] if went_on else []),
        *doubts_of(lesson, examples, state.figures, course),
    )
    return Learned(file, examples.classes, sure, bound, metrics, notes)


def figures_of(examples: Examples, figures: Mapping[str, float], bound: Limit) -> dict[str, float]:
    parts = (*examples.learned, *examples.checked)
    found = {
        "parts": float(len(parts)),
        "outlines": float(sum(len(one.boxes) for one in parts)),
        "classes": float(len(examples.classes)),
        "side": float(examples.side),
        "steps": figures["step"],
        "spared": float(len(examples.spared)),
    }
    if bound.fails_above is not None:
        found["fails_above"] = round(bound.fails_above, 4)
    if figures["best"] >= 0:
        found["best_map"] = round(figures["best"], 4)
    return found


def course_of(
    lesson: Lesson, examples: Examples, views: list[View], place: Path, say: Say
) -> tuple[Course, int]:
    """With the features of all views, and the step that an attempt before had come to."""
    say("look", 0.01, f"{len(views)} views of {len(examples.learned)} parts, {examples.side} pixels wide", {})

    def looked(count: int) -> None:
        if count % _TELL_EVERY == 0 or count == len(views):
            say("look", 0.01 + (FEATURES - 0.01) * count / len(views), "", {})

    features = Shelf(place, examples.side, len(views)).filled(lazily(views), lesson.threads, looked)
    learned = len(views) - len(examples.checked)
    plain = np.array([number for number in range(learned) if views[number].way == 0])
    path = place / "steps.npz"
    went_on = int(State.load(path).figures["step"]) if path.exists() else 0
    course = Course(
        features=features,
        views=tuple(views),
        learned=learned,
        classes=len(examples.classes),
        steps=lesson.parameters.steps or _steps(examples),
        seed=lesson.parameters.seed,
        scaling=Scaling.of(features, plain),
        threads=lesson.threads,
        state_path=path,
        masks=examples.masks,
    )
    return course, went_on


def _steps(examples: Examples) -> int:
    return int(np.clip(STEPS_PER_PART * len(examples.learned), FEWEST_STEPS, MOST_STEPS))


def doubts_of(lesson: Lesson, examples: Examples, figures: Mapping[str, float], course: Course) -> list[str]:
    doubts: list[str] = []
    parts = (*examples.learned, *examples.checked)
    for number, name in enumerate(examples.classes):
        count = sum(int((one.classes == number).sum()) for one in parts)
        if count < FEW:
            doubts.append(f"'{name}' is known from {count} outlines only")
    held_out = {shape.class_name for image in lesson.images if image.held_out for shape in image.shapes}
    doubts += [
        f"'{name}' is on held-out parts alone, so it can't be found"
        for name in sorted(held_out - set(examples.classes))
    ]
    if not examples.checked:
        doubts.append("too few outlined parts to keep some to stop by: every step was done")
    if figures["step"] < course.steps:
        doubts.append(f"stopped early, after {int(figures['step'])} of {course.steps} steps")
    if len(examples.spared) < FEWEST_SPARED:
        doubts.append(
            f"it can't decide: {len(examples.spared)} good parts were left out of its learning, where"
            f" {FEWEST_SPARED} bound its false alarms; {FEWEST_SPARED + FEWEST_GOOD} good parts are enough"
        )
    outlined = sum(image.verdict is Verdict.DEFECT and not image.held_out for image in lesson.images)
    if len(parts) < outlined:
        doubts.append(
            f"learned from {len(parts)} of {outlined} outlined parts: the others do not fit on disk"
        )
    return doubts
