"""From which score on a defect is reported."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from andon.training.evaluation.figures import OVERLAP, iou
from andon.training.fitting.detector.network import Norms, Weights
from andon.training.fitting.detector.training import Course, seen

_USUAL = 0.3
"""Where there are no parts to choose it on."""
_BETWEEN = (0.1, 0.7)
_CANDIDATES = 25


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
