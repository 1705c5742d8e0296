"""Gradient steps through the head, then through the backbone's upper half, too."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from numpy.typing import NDArray

from andon.training.fitting.deeper.state import Both, State
from andon.training.fitting.deeper.windows import MIDDLE, Bench
from andon.training.fitting.detector.taps import Features
from andon.training.fitting.detector.training import LAGGING, Course, precision, rate

Tell = Callable[[int, str, Mapping[str, float]], None]
"""Step, what happened, figures."""

HEAD_ALONE = 0.25
"""Of the way: until then the backbone is as it came, and its features are read from disk."""
CHECK_EVERY, SAVE_EVERY, TELL_EVERY = 200, 50, 10
PATIENCE = 5
"""Looks without anything better before it stops."""
_PERFECT = 0.9999
_LONGEST = 10.0
"""Of a gradient that is followed as it is."""


def prepared(threads: int) -> str:
    """The device; from here on the same order of steps gives the same weights on it."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # its own condition for repeatable sums
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    return "cuda" if torch.cuda.is_available() else "cpu"


def learn(bench: Bench, tell: Tell) -> State:
    """Goes on from what is kept at the course's path, if anything is."""
    course, state = bench.course, bench.fresh()
    if course.state_path is not None and course.state_path.exists():
        state.load(course.state_path)
    losses: list[float] = []
    while state.figures["step"] < course.steps and state.figures["stale"] < PATIENCE:
        losses.append(_step(bench, state))
        done = int(state.figures["step"])
        if done % CHECK_EVERY == 0 or done == course.steps:
            _check(bench, state, tell)
        if done % TELL_EVERY == 0:
            loss, speed = float(np.mean(losses[-TELL_EVERY:])), rate(done, course.steps)
            tell(done, "", {"train_loss": round(loss, 6), "learning_rate": round(speed, 6)})
        if course.state_path and done % SAVE_EVERY == 0:
            state.save(course.state_path)
    return state


def _step(bench: Bench, state: State) -> float:
    course, step = bench.course, int(state.figures["step"])
    generator = np.random.default_rng([course.seed, step])
    picked = bench.picked(generator)
    state.both.train()
    seen = bench.seen(state.both, picked, generator, deep=step >= HEAD_ALONE * course.steps)
    loss = bench.loss(state.both.head(*seen), picked)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.both.parameters(), _LONGEST)
    speed = rate(step + 1, course.steps)
    for group in state.optimiser.param_groups:
        group["lr"] = speed * group["share"]
    state.optimiser.step()
    state.follow(min(LAGGING, (step + 1) / (step + 11)))
    state.figures["step"] = step + 1.0
    return float(loss.detach())


def asked(bench: Bench, both: Both, fine: NDArray[Any]) -> list[NDArray[np.float32]]:
    """Features [n, h, w, 136] of whole pictures to logits [n, h, w, classes] and logarithms [n, h, w, 4].

    Of a head with masks, [n, h, w, 16] too.
    """
    with torch.inference_mode():
        x = bench.tensor(fine)
        told = both.head(*bench.scaled(x, both.upper(x[:, MIDDLE:])))
    return [each.permute(0, 2, 3, 1).cpu().numpy() for each in told]


def checked(bench: Bench, both: Both) -> Course:
    """A course of the parts to stop by alone, with the features that these upper blocks make of them."""
    course = bench.course
    fine = np.asarray(course.features.fine[course.learned :])
    coarse = np.array(course.features.coarse[course.learned :])
    with torch.inference_mode():
        for place in range(len(fine)):
            made = both.upper(bench.tensor(fine[place : place + 1])[:, MIDDLE:])
            coarse[place] = made[0].permute(1, 2, 0).cpu().numpy()
    return replace(course, features=Features(fine, coarse), views=course.views[course.learned :], learned=0)


def _check(bench: Bench, state: State, tell: Tell) -> None:
    """Keep what is best on the parts to stop by, the later of equals; without any, what came last."""
    step, known = int(state.figures["step"]), state.figures["best"]
    both = bench.with_weights(state.slow)
    by = checked(bench, both)
    with ThreadPoolExecutor(bench.course.threads) as pool:
        found = precision(by, *both.head.plain(), pool)
    if found is None or found >= known:
        state.best = {name: value.clone() for name, value in state.slow.items()}
    if found is None:
        return
    state.figures["best"] = max(found, known)
    state.figures["stale"] = 0.0 if found > known else state.figures["stale"] + 1
    if found >= _PERFECT and step > bench.course.steps // 2:
        state.figures["stale"] = PATIENCE
    told = {"val_map50": round(found, 4), "best_map": round(state.figures["best"], 4)}
    tell(step, f"mAP50 {found:.3f} on {len(by.views)} parts to stop by", told)
