"""From which score on a defect is reported, and above which one its part may be failed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from andon.serving import Detector, decode_full
from andon.training.domain.calibration import FAIL_LEVEL, quantile
from andon.training.evaluation.figures import OVERLAP, iou
from andon.training.fitting.detector.examples import FEWEST_SPARED, Example
from andon.training.fitting.detector.masks import FINER
from andon.training.fitting.detector.network import Norms, Weights
from andon.training.fitting.detector.targets import CELL, Floats, Window
from andon.training.fitting.detector.training import Course, probable, seen

_USUAL = 0.3
"""Where there are no parts to choose it on."""
_BETWEEN = (0.1, 0.7)
_CANDIDATES = 25
_CUTS = np.round(np.arange(0.3, 0.61, 0.05), 2)
_USUAL_CUT = 0.45
_FEWEST_AREAS = 5
"""Outlines on the parts to stop by; of fewer, nothing is chosen."""


@dataclass(frozen=True)
class Limit:
    """What good parts that were not learned from say of a detector."""

    fails_above: float | None
    """On average at most one of fifty good parts scores higher; None where too few were left to tell."""
    calibration: tuple[float, ...]
    """The highest score on each of them, ascending."""


def limit(detector: Detector, spared: Sequence[Example]) -> Limit:
    """A conformal upper quantile of each good part's highest score, as the line would get it.

    Never below the score from which on a defect is reported: what fails a part is shown.
    """
    scores = np.sort(np.array([_highest(detector, one) for one in spared], np.float64))
    told = tuple(float(score) for score in scores)
    if len(scores) < FEWEST_SPARED:
        return Limit(None, told)
    return Limit(max(quantile(scores, FAIL_LEVEL), detector.sure_above), told)


def _highest(detector: Detector, part: Example) -> float:
    found = detector.find(decode_full(part.data).pixels, part.region, least=0.0)
    return max((one.score for one in found), default=0.0)


def outlined_above(course: Course, weights: Weights, norms: Norms) -> float:
    """The probability from which on a mask's cell is defect: areas on the parts to stop by come out best."""
    ratios: list[Floats] = []
    for place in range(course.learned, len(course.views)):
        view = course.views[place]
        told = probable(course, weights, norms, place)
        if told is None:
            break
        share = view.painted(Window(0, 0, len(told) // FINER)).share
        for box in (view.boxes()[view.example.outlined] * FINER / CELL).round().astype(int):
            inside = (slice(box[1], box[3]), slice(box[0], box[2]))
            if (true := share[inside].sum()) > 0:
                ratios.append(np.array([(told[inside] > cut).sum() / true for cut in _CUTS]))
    if len(ratios) < _FEWEST_AREAS:
        return _USUAL_CUT
    off = np.median(abs(np.array(ratios) - 1), axis=0)
    best = np.flatnonzero(np.isclose(off, off.min()))
    return float(_CUTS[best[abs(_CUTS[best] - _USUAL_CUT).argmin()]])


def sure_above(course: Course, weights: Weights, norms: Norms) -> float:
    """Score with the best balance of found and wrongly found (F1) on the parts to stop by."""
    places = range(course.learned, len(course.views))
    if not places:
        return _USUAL

    def told(place: int) -> list[tuple[float, bool]]:
        found = seen(course, weights, norms, place)
        view = course.views[place]
        free = list(zip(view.boxes().tolist(), view.example.classes.tolist(), strict=True))
        answers: list[tuple[float, bool]] = []
        for box, score, name in zip(found.boxes.tolist(), found.scores.tolist(), found.classes, strict=True):
            hit = next(
                (one for one in free if one[1] == name and iou(tuple(one[0]), tuple(box)) >= OVERLAP), None
            )
            if hit is not None:
                free.remove(hit)
            answers.append((score, hit is not None))
        return answers

    with ThreadPoolExecutor(course.threads) as pool:
        answers = [one for some in pool.map(told, places) for one in some]
    total = sum(len(course.views[place].example.classes) for place in places)
    scores = np.array([score for score, _ in answers])
    right = np.array([hit for _, hit in answers], bool)
    limits = np.linspace(*_BETWEEN, _CANDIDATES)
    balance = [2 * right[scores >= limit].sum() / ((scores >= limit).sum() + total) for limit in limits]
    best = limits[np.isclose(balance, max(balance))]
    return round(float((best[0] + best[-1]) / 2), 3)
