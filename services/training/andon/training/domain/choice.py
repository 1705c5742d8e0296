"""Which head describes a part better, judged on held-out good images and defects painted on them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.contracts.training import Head
from andon.training.domain import heads
from andon.training.domain.calibration import auroc, quantile

Floats = NDArray[np.floating]

FOLDS = 5
FEW = 100
"""With fewer images a fold's fit differs too much from the final one, so there are twice the folds."""
CLEAR = 0.005
"""AUROC by which a head must lead; within it, the share of painted defects above the pass limit decides."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What a head said about images it was not fitted from."""

    kind: Head
    good: Floats
    """[n] scores of every good image, each by a fit without it."""
    damaged: Floats
    """[m] scores of painted defects, each by a fit without its original."""

    @property
    def auroc(self) -> float:
        return auroc(self.good, self.damaged)

    @property
    def caught(self) -> float:
        """Share of painted defects that would not pass."""
        return float((self.damaged > quantile(self.good, 0.9)).mean())


def folds(count: int, seed: int = 0) -> NDArray[np.int64]:
    """[n] fold numbers, shuffled and equally used."""
    number = FOLDS if count >= FEW else 2 * FOLDS
    return np.random.default_rng(seed).permutation(np.arange(count) % min(number, count))


def cross_fit(
    kind: Head,
    features: heads.Features,
    damaged: heads.Features,
    originals: NDArray[np.int64],
    step: Callable[[float], None] = lambda _: None,
) -> Trial:
    """Fit without each fold in turn and score what was left out. `originals[i]` is what `damaged[i]` was."""
    fold = folds(len(features))
    good, bad = np.empty(len(features), np.float32), np.empty(len(damaged), np.float32)
    for number in range(fold.max() + 1):
        head = heads.fit(kind, features[fold != number])
        good[fold == number] = heads.score(head, features[fold == number])
        out = fold[originals] == number
        if out.any():
            bad[out] = heads.score(head, damaged[out])
        step((number + 1) / (fold.max() + 1))
    return Trial(kind, good, bad)


def choose(trials: list[Trial]) -> Trial:
    """The better head."""
    best = max(trials, key=lambda trial: trial.auroc)
    rivals = [trial for trial in trials if best.auroc - trial.auroc <= CLEAR]
    return max(rivals, key=lambda trial: (trial.caught, trial.auroc))
