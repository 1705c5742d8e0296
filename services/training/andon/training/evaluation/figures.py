"""What is counted and measured on held-out parts, with how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts.annotation import Verdict
from andon.contracts.inspection import Box, Decision
from andon.contracts.learning import Figures, Share
from andon.training.domain.calibration import auroc

Z = 1.959964
"""Of a normal distribution, 95 % lie within so many deviations."""
OVERLAP = 0.5
HIGHEST_FALSE = 0.3
"""False positive rate up to which overlap is integrated, as is usual for PRO."""
_STEPS = 200


@dataclass(frozen=True)
class Judged:
    """One held-out part as the version judges it."""

    truth: Verdict
    decision: Decision
    score: float


def share(count: int, of: int) -> Share | None:
    """With its Wilson interval; None of nothing."""
    if not of:
        return None
    value = count / of
    middle = (value + Z**2 / (2 * of)) / (1 + Z**2 / of)
    aside = Z * sqrt(value * (1 - value) / of + Z**2 / (4 * of**2)) / (1 + Z**2 / of)
    low = 0.0 if count == 0 else max(0.0, middle - aside)
    high = 1.0 if count == of else min(1.0, middle + aside)
    return Share(count=count, of=of, value=value, low=low, high=high)


def figures(parts: Sequence[Judged]) -> Figures:
    """Of good and defective parts; those that people were unsure of are not among them."""
    decisions = {
        truth.value: {
            decision.value: sum(one.truth is truth and one.decision is decision for one in parts)
            for decision in Decision
        }
        for truth in (Verdict.GOOD, Verdict.DEFECT)
    }
    good, bad = decisions["good"], decisions["defect"]
    return Figures(
        parts=len(parts),
        decisions=decisions,
        false_accept=share(bad["pass"], sum(bad.values())),
        false_reject=share(good["fail"], sum(good.values())),
        uncertain=share(good["uncertain"] + bad["uncertain"], len(parts)),
        image_auroc=separation(parts),
    )


def separation(parts: Sequence[Judged]) -> float | None:
    """Image AUROC; None unless there are good and defective parts."""
    scores = {
        truth: np.array([one.score for one in parts if one.truth is truth])
        for truth in (Verdict.GOOD, Verdict.DEFECT)
    }
    if not len(scores[Verdict.GOOD]) or not len(scores[Verdict.DEFECT]):
        return None
    return auroc(scores[Verdict.GOOD], scores[Verdict.DEFECT])


@dataclass(frozen=True)
class Found:
    """A region that was found, and how sure."""

    image: int
    box: Box
    confidence: float


def average_precision(
    found: Sequence[Found], truth: Sequence[tuple[int, Box]], overlap: float = OVERLAP
) -> float | None:
    """Area under precision over recall, precision made monotone; None where there is nothing to find."""
    if not truth:
        return None
    free = dict.fromkeys(range(len(truth)), True)
    hits: list[bool] = []
    for one in sorted(found, key=lambda each: -each.confidence):
        rivals = [place for place, (image, _) in enumerate(truth) if image == one.image]
        best = max(rivals, key=lambda place: iou(one.box, truth[place][1]), default=None)
        hit = best is not None and free[best] and iou(one.box, truth[best][1]) >= overlap
        if hit and best is not None:
            free[best] = False
        hits.append(hit)
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1) if hits else np.zeros(0)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], right / len(truth)])
    return float((np.diff(recall) * highest).sum())


def iou(one: Box, other: Box) -> float:
    """Intersection over union."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap_per_region(
    heatmaps: NDArray[np.float32], masks: NDArray[np.bool_], limit: float = HIGHEST_FALSE
) -> float | None:
    """PRO: mean share of each region above a limit, over the false positive rate, integrated and normalised.

    Both [n, h, w]. None without a region or without anything outside of one.
    """
    regions: list[NDArray[np.float32]] = []
    for heat, mask in zip(heatmaps, masks, strict=True):
        count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        regions += [np.sort(heat[labels == number]) for number in range(1, count)]
    outside = np.sort(heatmaps[~masks])
    if not regions or not len(outside):
        return None
    rates = np.linspace(0, limit, _STEPS)
    limits = np.quantile(outside, 1 - rates)
    overlaps = [
        np.mean([1 - np.searchsorted(region, each, "right") / len(region) for region in regions])
        for each in limits
    ]
    return float(np.trapezoid(overlaps, rates) / limit)
