"""From judged parts to the evidence a version is offered with."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import cv2
import numpy as np

from andon.contracts.annotation import Verdict
from andon.contracts.inspection import Box, Decision
from andon.contracts.learning import ClassFigures, Evaluation, Latency, Miss
from andon.serving import SIDE
from andon.training.evaluation.figures import Found, average_precision, figures, overlap_per_region, share
from andon.training.evaluation.judging import Seen

MOST_MISSES = 24
FEW = 50
"""Held-out parts of a kind below which an interval is wide, and said to be so."""


def evidence(
    version_id: str, held_out: str, seen: Sequence[Seen], latency: Latency | None, at: datetime
) -> tuple[Evaluation, list[Seen]]:
    """The evaluation, and the parts of its misses in their order."""
    certain = [one for one in seen if one.image.verdict is not Verdict.UNSURE]
    stations = sorted({one.image.station_id for one in certain if one.image.station_id})
    classes = {name: _class(name, certain) for name in _classes(certain)}
    precisions = [one.average_precision for one in classes.values() if one.average_precision is not None]
    decided = [one.with_detector for one in certain if one.with_detector]
    misses = worst(certain)
    evaluation = Evaluation(
        version_id=version_id,
        held_out=held_out,
        at=at,
        all=figures([one.judged for one in certain]),
        by_station={
            station: figures([one.judged for one in certain if one.image.station_id == station])
            for station in stations
        },
        classes=classes,
        region_confusion=_confusion(certain),
        pixel_pro=_pro(certain),
        map50=float(np.mean(precisions)) if precisions else None,
        with_detector=figures(decided) if decided else None,
        area_error=area_error([pair for one in certain for pair in one.areas]),
        latency=latency,
        misses=tuple(_miss(one) for one in misses),
        notes=tuple(_doubts(certain)),
    )
    return evaluation, misses


def area_error(areas: Sequence[tuple[int, int]]) -> float | None:
    """Median of the difference between an area told and the true one, as a share of that."""
    if not areas:
        return None
    told, true = np.array(areas, np.float64).T
    return float(np.median(abs(told / true - 1)))


def worst(seen: Sequence[Seen]) -> list[Seen]:
    """Defects that passed, the least suspected first; good parts that failed, the most suspected first."""
    passed = [one for one in seen if _is(one, Verdict.DEFECT, Decision.PASS)]
    failed = [one for one in seen if _is(one, Verdict.GOOD, Decision.FAIL)]
    passed.sort(key=lambda one: one.judged.score)
    failed.sort(key=lambda one: -one.judged.score)
    room = max(MOST_MISSES - len(failed), MOST_MISSES // 2)
    return [*passed[:room], *failed][:MOST_MISSES]


def _is(one: Seen, truth: Verdict, decision: Decision) -> bool:
    return one.judged.truth is truth and one.judged.decision is decision


def _classes(seen: Sequence[Seen]) -> list[str]:
    return sorted({shape.class_name for one in seen for shape in one.image.shapes})


def _class(name: str, seen: Sequence[Seen]) -> ClassFigures:
    truth = [
        (place, shape.bbox)
        for place, one in enumerate(seen)
        for shape in one.image.shapes
        if shape.class_name == name
    ]
    found = [
        Found(place, box, sure)
        for place, one in enumerate(seen)
        for box, called, sure in _told(one)
        if called == name
    ]
    calls = [
        called.class_name
        for one in seen
        for shape, called in zip(one.image.shapes, one.named, strict=False)
        if shape.class_name == name
    ]
    parts = [one for one in seen if any(shape.class_name == name for shape in one.image.shapes)]
    classified = any(one.named or one.candidates is not None for one in seen)
    return ClassFigures(
        regions=len(truth),
        named=share(calls.count(name), len(calls)),
        average_precision=average_precision(found, truth) if classified else None,
        parts=len(parts),
        missed=share(sum(one.judged.decision is Decision.PASS for one in parts), len(parts)),
    )


def _told(one: Seen) -> Iterator[tuple[Box, str, float]]:
    """What counts for precision over recall: a detector's candidates, else what the line reports."""
    if one.candidates is None:
        yield from one.found
        return
    for each in one.candidates:
        yield each.box, each.class_name, each.score


def _confusion(seen: Sequence[Seen]) -> dict[str, dict[str, int]]:
    table: dict[str, dict[str, int]] = {}
    for one in seen:
        for shape, called in zip(one.image.shapes, one.named, strict=False):
            row = table.setdefault(shape.class_name, {})
            row[called.class_name] = row.get(called.class_name, 0) + 1
    return table


def _pro(seen: Sequence[Seen]) -> float | None:
    masked = [(one.heatmap, one.mask) for one in seen if one.mask is not None]
    if not any(mask.any() for _, mask in masked):
        return None
    large = [cv2.resize(heat, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for heat, _ in masked]
    return overlap_per_region(np.stack(large).astype(np.float32), np.stack([mask for _, mask in masked]))


def _miss(one: Seen) -> Miss:
    return Miss(
        key=one.image.key,
        truth=one.judged.truth.value,
        decision=one.judged.decision.value,
        score=one.judged.score,
        classes=tuple(sorted({shape.class_name for shape in one.image.shapes})),
        station_id=one.image.station_id,
        part_id=one.image.part_id,
    )


def _doubts(seen: Sequence[Seen]) -> list[str]:
    doubts: list[str] = []
    for verdict, kind in ((Verdict.GOOD, "good"), (Verdict.DEFECT, "defective")):
        count = sum(one.judged.truth is verdict for one in seen)
        if count == 0:
            doubts.append(f"no {kind} part was held out: half of the truth is missing")
        elif count < FEW:
            doubts.append(f"{count} {kind} parts were held out; below {FEW} the intervals are wide")
    return doubts
