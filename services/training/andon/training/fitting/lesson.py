"""A training run from its order to a version's files and their evidence."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from andon.contracts import Invalid
from andon.contracts.annotation import Verdict
from andon.contracts.learning import Evaluation, RunKind, Trainer
from andon.contracts.station import Thresholds
from andon.serving import Detector, ModelFiles, RegionClassifier
from andon.training.domain.lessons import (
    DETECTOR,
    EVALUATION,
    PARENT,
    PARENT_DETECTOR,
    PARENT_REGIONS,
    REGIONS,
    REPORT,
    RESULT,
    Lesson,
    LessonResult,
    held_out_digest,
    learned_from,
)
from andon.training.domain.order import FitOrder, FitResult, Say
from andon.training.evaluation.evidence import evidence
from andon.training.evaluation.judging import Candidate, judge_all
from andon.training.evaluation.page import page
from andon.training.fitting.checkpoints import Checkpoints

if TYPE_CHECKING:
    from andon.training.fitting.detector.learn import Learned

FITTED, EVALUATED = 0.8, 0.97
"""Fractions of the whole after which fitting and evaluating are over."""


def run(
    lesson: Lesson, folder: Path, cache: Path | None, say: Say, kept_before: Checkpoints | None = None
) -> LessonResult:
    """Learn from `folder`/images, leave files, evidence and result.json in `folder`.

    Raises Invalid and what decoding raises, naming the image.
    """
    started = time.monotonic()

    def fitting(
        stage: str, fraction: float, message: str, metrics: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        say(stage, FITTED * fraction, message, metrics)

    if lesson.kind is RunKind.ANOMALY:
        result = _anomaly(lesson, folder, fitting, kept_before)
    elif lesson.kind is RunKind.REGIONS:
        result = _regions(lesson, folder, cache, fitting)
    else:
        result = _detector(lesson, folder, fitting, kept_before)
    say("evaluate", FITTED, "held-out parts")
    evaluation = _evaluated(lesson, result, folder)
    metrics = {**result.metrics, **_headlines(evaluation), "seconds": round(time.monotonic() - started, 2)}
    result = result.model_copy(update={"evaluation": evaluation, "metrics": metrics})
    (folder / RESULT).write_text(result.model_dump_json())
    say("done", EVALUATED, "")
    return result


def _anomaly(lesson: Lesson, folder: Path, say: Say, kept_before: Checkpoints | None) -> LessonResult:
    from andon.training.fitting.job import fit  # noqa: PLC0415 - a classifier has no use for it

    good = learned_from(lesson, Verdict.GOOD)
    images = folder / "good" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(good):
        (images / str(number)).unlink(missing_ok=True)
        (images / str(number)).symlink_to((folder / "images" / str(place)).resolve())
    order = FitOrder(
        keys=tuple(lesson.images[place].key for place in good),
        head=lesson.parameters.head,
        region=lesson.region,
        threads=lesson.threads,
        seed=lesson.parameters.seed,
    )
    result = fit(order, folder / "good", say, kept_before)
    for file in (result.fp32, result.int8):
        if file is not None:
            (folder / "good" / file.name).replace(folder / file.name)
    return LessonResult(fit=result, metrics=result.metrics, notes=result.notes)


def _regions(lesson: Lesson, folder: Path, cache: Path | None, say: Say) -> LessonResult:
    from andon.training.fitting.regions import learn  # noqa: PLC0415 - scikit-learn takes a second to load

    _judged_by_parent(lesson, folder)
    learned = learn(lesson, folder, cache, say)
    return LessonResult(
        regions=learned.file, classes=learned.classes, metrics=learned.metrics, notes=learned.notes
    )


def _detector(lesson: Lesson, folder: Path, say: Say, kept_before: Checkpoints | None) -> LessonResult:
    _judged_by_parent(lesson, folder)
    learned, trained_with = _learned(lesson, folder, say, kept_before or Checkpoints())
    return LessonResult(
        detector=learned.file,
        sure_above=learned.sure_above,
        fails_above=learned.limit.fails_above,
        calibration=learned.limit.calibration,
        classes=learned.classes,
        trained_with=trained_with,
        metrics=learned.metrics,
        notes=learned.notes,
    )


def _learned(lesson: Lesson, folder: Path, say: Say, kept_before: Checkpoints) -> "tuple[Learned, str]":
    """And with what, where that is not Andon's own arithmetic. The others have no use for either."""
    if lesson.parameters.trainer is Trainer.TORCH:
        from andon.training.fitting.deeper.finding import made_importable  # noqa: PLC0415 - as above

        made_importable()
        from andon.training.fitting.deeper.learn import learn as deeper  # noqa: PLC0415 - needs torch

        return deeper(lesson, folder, say, kept_before)
    from andon.training.fitting.detector.learn import learn  # noqa: PLC0415 - as above

    return learn(lesson, folder, say, kept_before), ""


def _judged_by_parent(lesson: Lesson, folder: Path) -> None:
    """Raises Invalid where there is nothing that decides about parts."""
    if lesson.thresholds is None or not (folder / PARENT).exists():
        raise Invalid(
            "station_id: the station has no anomaly model yet, which finds what gets a name; fit one first"
        )


def _evaluated(lesson: Lesson, result: LessonResult, folder: Path) -> Evaluation | None:
    held_out = [
        (image, folder / "images" / str(place))
        for place, image in enumerate(lesson.images)
        if image.held_out and image.verdict is not Verdict.UNSURE
    ]
    if not held_out:
        return None
    candidate = _candidate(lesson, result, folder)
    seen, latency = judge_all(candidate, held_out)
    evaluation, misses = evidence(
        lesson.version_id, held_out_digest(lesson), seen, latency, datetime.now(UTC)
    )
    (folder / EVALUATION).write_text(evaluation.model_dump_json(indent=1))
    (folder / REPORT).write_text(page(evaluation, candidate.thresholds, seen, misses))
    return evaluation


def _candidate(lesson: Lesson, result: LessonResult, folder: Path) -> Candidate:
    regions = folder / (REGIONS if result.regions else PARENT_REGIONS)
    detector = folder / (DETECTOR if result.detector else PARENT_DETECTOR)
    return Candidate(
        files=_files(result.fit, folder),
        thresholds=_limits(lesson, result),
        region=lesson.region,
        classifier=RegionClassifier.open(regions) if regions.exists() else None,
        sure_above=lesson.parameters.sure_above if result.regions else lesson.sure_above,
        detector=Detector.open(detector, lesson.threads) if detector.exists() else None,
        threads=lesson.threads,
    )


def _files(fit: FitResult | None, folder: Path) -> ModelFiles:
    if fit is None:
        return ModelFiles(fp32=folder / PARENT)
    return ModelFiles(folder / fit.fp32.name, folder / fit.int8.name if fit.int8 else None)


def _limits(lesson: Lesson, result: LessonResult) -> Thresholds:
    limits = result.fit.thresholds if result.fit else lesson.thresholds
    assert limits is not None  # noqa: S101 - runs that learn none refuse to go on without
    return limits


def _headlines(evaluation: Evaluation | None) -> dict[str, float]:
    """What a list of versions shows."""
    if evaluation is None:
        return {}
    whole = evaluation.all
    told = {
        "held_out_parts": float(whole.parts),
        "image_auroc": whole.image_auroc,
        "false_accept": whole.false_accept and whole.false_accept.value,
        "false_reject": whole.false_reject and whole.false_reject.value,
        "pixel_pro": evaluation.pixel_pro,
        "map50": evaluation.map50,
        "area_error": evaluation.area_error,
        "region_accuracy": _accuracy(evaluation),
        "latency_ms": evaluation.latency and evaluation.latency.median_ms,
    }
    return {name: round(value, 4) for name, value in told.items() if value is not None}


def _accuracy(evaluation: Evaluation) -> float | None:
    right = sum(row.get(name, 0) for name, row in evaluation.region_confusion.items())
    total = sum(sum(row.values()) for row in evaluation.region_confusion.values())
    return right / total if total else None
