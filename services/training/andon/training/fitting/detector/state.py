"""What is learned: how features are scaled, and all that a step changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.training.fitting.detector.network import Norms, Weights, begin, fresh_norms
from andon.training.fitting.detector.taps import Features

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and deviation of each channel of the features."""

    fine: tuple[Floats, Floats]
    coarse: tuple[Floats, Floats]

    @classmethod
    def of(cls, features: Features, places: NDArray[np.int64]) -> "Scaling":
        def moments(kept: NDArray[np.float16]) -> tuple[Floats, Floats]:
            seen = np.concatenate([kept[place].reshape(-1, kept.shape[-1]) for place in places[:40]])
            seen = seen.astype(np.float32)
            return seen.mean(axis=0), seen.std(axis=0) + np.float32(1e-3)

        return cls(moments(features.fine), moments(features.coarse))

    def __call__(self, fine: Floats, coarse: Floats) -> tuple[Floats, Floats]:
        return (fine - self.fine[0]) / self.fine[1], (coarse - self.coarse[0]) / self.coarse[1]


@dataclass(eq=False)
class State:
    """All that a step changes."""

    weights: Weights
    norms: Norms
    first: Weights
    second: Weights
    slow: Weights
    best: Weights
    best_norms: Norms
    figures: dict[str, float]
    """step, best (mAP50 on the parts to stop by, -1 before any) and stale (checks since)."""

    @classmethod
    def fresh(cls, classes: int, seed: int, *, masks: bool = False) -> "State":
        weights = begin(classes, seed, masks=masks)
        zeros = {name: np.zeros_like(value) for name, value in weights.items()}
        figures = {"step": 0.0, "best": -1.0, "stale": 0.0}
        norms = fresh_norms(masks=masks)
        return cls(weights, norms, zeros, {**zeros}, {**weights}, {**weights}, {**norms}, figures)

    @classmethod
    def load(cls, path: Path) -> "State":
        with np.load(path, allow_pickle=False) as kept:
            groups: dict[str, Any] = {}
            for name in kept.files:
                group, _, key = name.partition("/")
                groups.setdefault(group, {})[key] = kept[name]
        for group in ("norms", "best_norms"):
            groups[group] = {name: (pair[0], pair[1]) for name, pair in groups[group].items()}
        groups["figures"] = {name: float(value) for name, value in groups["figures"].items()}
        return cls(**groups)

    def save(self, path: Path) -> None:
        """Whole or not at all; a full disk costs the checkpoint, not the run."""
        half = path.with_suffix(".half")
        arrays = {f"{group}/{key}": np.asarray(value) for group in self.__dataclass_fields__
                  for key, value in getattr(self, group).items()}  # fmt: skip
        try:
            with half.open("wb") as out:
                np.savez(out, **arrays)  # pyright: ignore[reportArgumentType] - its stub takes no mapping
            half.rename(path)
        except OSError:
            half.unlink(missing_ok=True)
