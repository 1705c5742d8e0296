"""Runs a version over held-out parts the way the line does."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.inspection import Box, Decision
from andon.contracts.learning import LabelledImage, Latency
from andon.contracts.station import Region, Thresholds
from andon.serving import (
    SIDE,
    Decoded,
    Detected,
    Detector,
    ModelFiles,
    Named,
    Predictor,
    RegionClassifier,
    ServingSettings,
    apart,
    decode_full,
    distinct,
    load,
    look,
    spots,
)
from andon.training.evaluation.figures import OVERLAP, Judged, iou

UNNAMED = "anomaly"
POSSIBLE = 0.01
"""Score from which on a detector's candidates count for precision over recall."""
_THUMBNAIL = 160


@dataclass(frozen=True, eq=False)
class Candidate:
    """A version's files, and what it judges by."""

    files: ModelFiles
    thresholds: Thresholds
    region: Region = field(default_factory=Region)
    classifier: RegionClassifier | None = None
    sure_above: float = 0.5
    detector: Detector | None = None
    threads: int = 2


@dataclass(frozen=True, eq=False)
class Seen:
    """A held-out part with what was said of it."""

    image: LabelledImage
    judged: Judged
    milliseconds: float
    heatmap: NDArray[np.float32]
    found: tuple[tuple[Box, str, float], ...]
    """Box, class and how sure, as the line would report it."""
    named: tuple[Named, ...]
    """Of each outline, what the classifier calls it."""
    mask: NDArray[np.bool_] | None
    """[256, 256] of what is looked at; None where not every defect has a polygon."""
    thumbnail: bytes = field(repr=False)
    candidates: tuple[Detected, ...] | None = None
    """All that a detector thinks possible, whatever was decided; None without one."""
    with_detector: Judged | None = None
    """The same where the detector decides, too; None of one that has no limit for that."""
    areas: tuple[tuple[int, int], ...] = ()
    """Of outlined defects that were found: pixels as the detector outlines them, and as people did."""


def judge_all(
    candidate: Candidate, images: Sequence[tuple[LabelledImage, Path]]
) -> tuple[list[Seen], Latency | None]:
    """Every image, one at a time as on the line. Raises what decoding raises, naming the image."""
    return asyncio.run(_judge_all(candidate, images))


async def _judge_all(
    candidate: Candidate, images: Sequence[tuple[LabelledImage, Path]]
) -> tuple[list[Seen], Latency | None]:
    predictor = await load(candidate.files, ServingSettings(threads=candidate.threads))
    try:
        seen: list[Seen] = []
        for image, path in images:
            data = await asyncio.to_thread(path.read_bytes)
            seen.append(await _judged(candidate, predictor, image, data))
        if not seen:
            return [], None
        times = np.array([one.milliseconds for one in seen])
        latency = Latency(
            runtime=predictor.name,
            device=predictor.device,
            median_ms=round(float(np.median(times)), 3),
            p95_ms=round(float(np.quantile(times, 0.95)), 3),
            parts=len(seen),
        )
        return seen, latency
    finally:
        await predictor.close()


async def _judged(candidate: Candidate, predictor: Predictor, image: LabelledImage, data: bytes) -> Seen:
    decoded = decode_full(data)
    pixels = look(decoded.pixels, candidate.region)
    began = time.perf_counter()
    prediction = await predictor.predict(pixels)
    taken = (time.perf_counter() - began) * 1e3
    decision = decide(prediction.score, candidate.thresholds)
    detector = candidate.detector
    candidates = (
        tuple(detector.find(decoded.pixels, candidate.region, POSSIBLE, outlines=True)) if detector else None
    )
    judged = Judged(image.verdict, decision, prediction.score)
    sure = distinct([one for one in candidates or () if detector and one.score >= detector.sure_above])
    found: tuple[tuple[Box, str, float], ...] = ()
    if decision is not Decision.PASS:
        others = _found(candidate, prediction.heatmap, decoded, [one.box for one in sure])
        found = tuple((one.box, one.class_name, one.score) for one in sure) + others
    boxes = [shape.bbox for shape in image.shapes]
    classifier = candidate.classifier
    return Seen(
        image=image,
        judged=judged,
        milliseconds=taken,
        heatmap=prediction.heatmap,
        found=found,
        named=tuple(classifier.name(decoded.pixels, boxes)) if classifier and boxes else (),
        mask=_mask(image, decoded, candidate.region),
        candidates=candidates,
        with_detector=_failed(judged, sure, detector.fails_above) if detector else None,
        areas=tuple(_areas(image, sure)),
        thumbnail=_thumbnail(decoded.pixels, boxes, [box for box, _, _ in found]),
    )


def _failed(judged: Judged, sure: Sequence[Detected], limit: float | None) -> Judged | None:
    """With the detector's word, as the line takes it."""
    if limit is None:
        return None
    bad = any(one.score > limit for one in sure)
    return replace(judged, decision=Decision.FAIL) if bad else judged


def _areas(image: LabelledImage, sure: Sequence[Detected]) -> Iterator[tuple[int, int]]:
    for shape in image.shapes:
        best = max(sure, key=lambda one: iou(one.box, shape.bbox), default=None)
        if shape.polygon and best and best.outlined and iou(best.box, shape.bbox) >= OVERLAP:
            yield best.outlined.area, pixels_of(shape)


def pixels_of(shape: Shape) -> int:
    """That its polygon covers."""
    points = np.array(shape.polygon).round().astype(np.int32)
    corner = points.min(axis=0)
    wide, high = (int(side) for side in points.max(axis=0) - corner + 1)
    drawn = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(drawn, [points - corner], (1,))
    return cv2.countNonZero(drawn)


def decide(score: float, thresholds: Thresholds) -> Decision:
    """By the recipe's limits, as the line does."""
    if score > thresholds.fail_above:
        return Decision.FAIL
    return Decision.UNCERTAIN if score > thresholds.uncertain_above else Decision.PASS


def _found(
    candidate: Candidate, heatmap: NDArray[np.float32], decoded: Decoded, known: Sequence[Box]
) -> tuple[tuple[Box, str, float], ...]:
    """What stands out beside what a detector knows."""
    size = (decoded.width, decoded.height)
    standing_out = spots(heatmap, candidate.thresholds.uncertain_above, size, candidate.region)
    standing_out = apart(standing_out, known)
    if candidate.classifier is None:
        return tuple((spot.box, UNNAMED, spot.peak) for spot in standing_out)
    names = candidate.classifier.name(decoded.pixels, [spot.box for spot in standing_out])
    return tuple(
        (spot.box, name.class_name if name.probability >= candidate.sure_above else UNNAMED, spot.peak)
        for spot, name in zip(standing_out, names, strict=True)
    )


def _mask(image: LabelledImage, decoded: Decoded, region: Region) -> NDArray[np.bool_] | None:
    if image.verdict is Verdict.DEFECT and not (image.shapes and all(one.polygon for one in image.shapes)):
        return None
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for shape in image.shapes:
        cv2.fillPoly(mask, [_placed(shape, decoded, region)], 1)
    return mask.astype(bool)


def _placed(shape: Shape, decoded: Decoded, region: Region) -> NDArray[np.int32]:
    """The outline in pixels of what is looked at."""
    points = np.array(shape.polygon) / (decoded.width, decoded.height)
    within = (points - (region.x, region.y)) / (region.width, region.height)
    return (within * SIDE).round().astype(np.int32)


def _thumbnail(pixels: NDArray[np.uint8], outlined: Sequence[Box], found: Sequence[Box]) -> bytes:
    """A small JPEG: outlines in white, what was found in red."""
    height, width = pixels.shape[:2]
    small = min(1.0, _THUMBNAIL / max(height, width))
    size = (max(1, round(width * small)), max(1, round(height * small)))
    canvas = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    for boxes, colour in ((found, (52, 64, 235)), (outlined, (255, 255, 255))):
        for left, top, right, bottom in boxes:
            corners = (round(left * small), round(top * small)), (round(right * small), round(bottom * small))
            cv2.rectangle(canvas, *corners, colour, 1)
    return cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
