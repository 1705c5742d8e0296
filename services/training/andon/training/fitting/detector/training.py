"""Gradient steps on kept features, until they pay no more."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.training.evaluation.figures import Found, average_precision
from andon.training.fitting.detector.decoding import Decoded, decode
from andon.training.fitting.detector.examples import View
from andon.training.fitting.detector.masks import mask_loss, spread
from andon.training.fitting.detector.network import Norms, Weights, backward, forward
from andon.training.fitting.detector.state import Scaling, State
from andon.training.fitting.detector.taps import Features
from andon.training.fitting.detector.targets import CELL, Window, box_loss, class_loss, target

Floats = NDArray[np.floating[Any]]
Tell = Callable[[int, str, Mapping[str, float]], None]
"""Iteration, what happened, figures."""

SHARDS = 2
"""Parts of a batch that are worked on side by side; as many on every machine, so that sums come out alike."""
CROPS = 8
CROP = 32
"""Cells of a side of what one step sees of a view."""
PEAK_RATE = 4e-3
_WARM_UP = 0.1
_DECAY = 1e-2
_FIRST, _SECOND = 0.9, 0.99
_NORM_MEMORY = 0.95
_NEARBY = 0.25
"""Share of the crops that are laid around a defect."""
_NOT_AT_EDGE = 0.15
"""Of a crop's side."""
CHECK_EVERY, SAVE_EVERY, TELL_EVERY = 200, 100, 20
PATIENCE = 5
"""Checks without anything better before it stops."""
NOISE = 0.1
"""Deviation of the factor on each channel of a crop, so that no single one is relied on."""
LAGGING = 0.99
"""What is kept of the slow weights at each step; they are what is used: quieter than the last step's."""
LEAST = 0.01
"""Score below which nothing is counted as found."""
_PERFECT = 0.9999
_SAME = 0.02
"""Between two answers of a dozen parts, so much is chance; what was learned longer is the better bet."""
_ENOUGH = 5
"""Parts to stop by on which a perfect answer ends it at once."""


@dataclass(frozen=True, eq=False)
class Course:
    """What is learned from, and how long."""

    features: Features
    views: tuple[View, ...]
    """Those learned from, then as many plain ones to stop by as there are more."""
    learned: int
    classes: int
    steps: int
    seed: int
    scaling: Scaling
    threads: int = 2
    state_path: Path | None = None
    masks: bool = False
    """Whether outlines are learned, too."""


def learn(course: Course, tell: Tell) -> State:
    """Goes on from what is kept at the state's path, if anything is."""
    known = course.state_path is not None and course.state_path.exists()
    state = State.load(course.state_path) if known and course.state_path else None
    state = state or State.fresh(course.classes, course.seed, masks=course.masks)
    with ThreadPoolExecutor(course.threads) as pool:
        losses: list[float] = []
        while state.figures["step"] < course.steps and state.figures["stale"] < PATIENCE:
            losses.append(_step(course, state, pool))
            done = int(state.figures["step"])
            if done % CHECK_EVERY == 0 or done == course.steps:
                _check(course, state, pool, tell)
            elif done % TELL_EVERY == 0:
                told = {
                    "train_loss": float(np.mean(losses[-TELL_EVERY:])),
                    "learning_rate": rate(done, course.steps),
                }
                tell(done, "", {name: round(value, 6) for name, value in told.items()})
            if course.state_path and done % SAVE_EVERY == 0:
                state.save(course.state_path)
    return state


def rate(step: int, steps: int) -> float:
    """Up for a tenth of the way, then down along a cosine."""
    way = step / steps
    if way < _WARM_UP:
        return PEAK_RATE * way / _WARM_UP
    return PEAK_RATE * 0.5 * (1 + cos(pi * (way - _WARM_UP) / (1 - _WARM_UP)))


def _step(course: Course, state: State, pool: ThreadPoolExecutor) -> float:
    step = int(state.figures["step"])
    generator = np.random.default_rng([course.seed, step])
    picked = _picked(course, generator)
    shards = [(picked[start::SHARDS], child) for start, child in enumerate(generator.spawn(SHARDS))]
    done = list(pool.map(lambda shard: _gradient(course, state.weights, *shard), shards))
    for _, _, moments in done:
        for name, (mean, variance) in moments.items():
            old_mean, old_variance = state.norms[name]
            state.norms[name] = (
                old_mean * _NORM_MEMORY + mean * (1 - _NORM_MEMORY),
                old_variance * _NORM_MEMORY + variance * (1 - _NORM_MEMORY),
            )
    _moved(state, [found for _, found, _ in done], rate(step + 1, course.steps))
    state.figures["step"] = step + 1.0
    return float(np.mean([loss for loss, _, _ in done]))


def _moved(state: State, gradients: list[Weights], speed: float) -> None:
    """Adam with decoupled decay, and the slow weights after it."""
    step = state.figures["step"] + 1
    lag = min(LAGGING, step / (step + 10))
    for name, value in state.weights.items():
        by = sum(each[name] for each in gradients) / np.float32(len(gradients))
        first = state.first[name] = state.first[name] * _FIRST + by * (1 - _FIRST)
        second = state.second[name] = state.second[name] * _SECOND + by * by * (1 - _SECOND)
        along = (first / (1 - _FIRST**step)) / (np.sqrt(second / (1 - _SECOND**step)) + 1e-8)
        if value.ndim > 1:
            along = along + _DECAY * value
        moved = state.weights[name] = value - speed * along
        state.slow[name] = state.slow[name] * lag + moved * (1 - lag)


_Place = tuple[int, Window]
"""A view and what of it."""


def _picked(course: Course, generator: np.random.Generator) -> list[_Place]:
    grid = course.features.fine.shape[1]
    size = min(CROP, grid)
    most = (grid - size) // 2
    outlined = [number for number in range(course.learned) if len(course.views[number].example.boxes)]
    picked: list[_Place] = []
    for _ in range(CROPS):
        if generator.random() < _NEARBY:
            view = int(generator.choice(outlined))
            boxes = course.views[view].boxes() / (2 * CELL)
            x1, y1, x2, y2 = boxes[int(generator.integers(len(boxes)))]
            aside = generator.uniform(_NOT_AT_EDGE, 1 - _NOT_AT_EDGE, 2) * size / 2
            corner = np.array([(y1 + y2) / 2, (x1 + x2) / 2]) - aside
            row, column = (int(value) for value in np.clip(corner, 0, most))
        else:
            view = int(generator.integers(course.learned))
            row, column = (int(value) for value in generator.integers(0, most + 1, 2))
        picked.append((view, Window(2 * row, 2 * column, size)))
    return picked


def _gradient(
    course: Course, weights: Weights, picked: list[_Place], generator: np.random.Generator
) -> tuple[float, Weights, Norms]:
    """Loss, its derivative by each weight, and the moments of each layer, of some crops."""

    def cut(kept: NDArray[np.float16], shrunk: int) -> NDArray[np.float16]:
        return np.stack([
            kept[view, at.row // shrunk : (at.row + at.size) // shrunk,
                 at.column // shrunk : (at.column + at.size) // shrunk]
            for view, at in picked
        ])  # fmt: skip

    fine, coarse = course.scaling(cut(course.features.fine, 1), cut(course.features.coarse, 2))
    fine, coarse = _shaken(fine, generator), _shaken(coarse, generator)
    targets = [
        target(course.views[view].boxes(), course.views[view].example.classes, at, course.classes)
        for view, at in picked
    ]
    done = forward(weights, fine, coarse)
    by_class, by_classes = class_loss(done.classes, np.stack([each.heat for each in targets]))
    weight, distances = (
        np.stack([getattr(each, name) for each in targets]) for name in ("weight", "distances")
    )
    by_box, by_distances = box_loss(done.distances, weight, distances)
    by_mask, by_masks = 0.0, None
    if done.masks is not None:
        by_mask, by_masks = mask_loss(done.masks, [course.views[view].painted(at) for view, at in picked])
    found = backward(weights, done, by_classes, by_distances, by_masks)
    return by_class + by_box + by_mask, found, done.seen


def _shaken(features: Floats, generator: np.random.Generator) -> Floats:
    shape = (len(features), 1, 1, features.shape[-1])
    return features * (1 + NOISE * generator.standard_normal(shape, np.float32))


def _check(course: Course, state: State, pool: ThreadPoolExecutor, tell: Tell) -> None:
    """Keep the latest that is about as good as the best on the parts to stop by; without any, the last.

    Of the first half nothing is kept: on a handful of parts what has hardly been learned may look perfect.
    """
    step, known = int(state.figures["step"]), state.figures["best"]
    found = precision(course, state.slow, state.norms, pool)
    late = step > course.steps // 2
    if found is None or found >= known - _SAME or not late:
        state.best, state.best_norms = dict(state.slow), dict(state.norms)
    if found is None:
        return
    if late:
        state.figures["best"] = max(found, known)
        state.figures["stale"] = 0.0 if found > known else state.figures["stale"] + 1
    if late and found >= _PERFECT and len(course.views) - course.learned >= _ENOUGH:
        state.figures["stale"] = PATIENCE
    told = {"val_map50": round(found, 4), "best_map": round(max(found, state.figures["best"]), 4)}
    tell(step, f"mAP50 {found:.3f} on {len(course.views) - course.learned} parts to stop by", told)


def probable(course: Course, weights: Weights, norms: Norms, place: int) -> Floats | None:
    """[4 h, 4 w]: how probable a defect is at each mask cell of a view; None of a head without masks."""
    fine, coarse = course.scaling(course.features.fine[place], course.features.coarse[place])
    done = forward(weights, fine[None], coarse[None], norms)
    return None if done.masks is None else 1 / (1 + np.exp(-spread(done.masks)[0]))


def seen(course: Course, weights: Weights, norms: Norms, place: int) -> Decoded:
    """What the head says of one view."""
    fine, coarse = course.scaling(course.features.fine[place], course.features.coarse[place])
    done = forward(weights, fine[None], coarse[None], norms)
    return decode(done.classes[0], done.distances[0])


def precision(course: Course, weights: Weights, norms: Norms, pool: ThreadPoolExecutor) -> float | None:
    """mAP50 on the parts to stop by; None without any."""
    places = range(course.learned, len(course.views))
    if not places:
        return None

    def found(place: int) -> list[tuple[int, Found]]:
        told = seen(course, weights, norms, place)
        return [
            (int(name), Found(place, tuple(box), float(score)))
            for box, score, name in zip(told.boxes.tolist(), told.scores, told.classes, strict=True)
            if score >= LEAST
        ]

    every = [one for some in pool.map(found, places) for one in some]
    precisions: list[float] = []
    for name in range(course.classes):
        truth = [
            (place, tuple(box))
            for place in places
            for box, kind in zip(
                course.views[place].boxes().tolist(), course.views[place].example.classes, strict=True
            )
            if kind == name
        ]
        known = average_precision([one for kind, one in every if kind == name], truth)
        if known is not None:
            precisions.append(known)
    return float(np.mean(precisions)) if precisions else None
