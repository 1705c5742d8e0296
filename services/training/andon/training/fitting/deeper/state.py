"""All that a step changes, and where it is kept for the next attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from torch import nn  # pyright: ignore[reportMissingImports] - as above

from andon.training.fitting.deeper.head import Head
from andon.training.fitting.deeper.upper import Upper
from andon.training.fitting.detector.taps import tapped
from andon.training.fitting.detector.training import Course

UPPER_SHARE = 0.05
"""Of the head's learning rate: what the backbone knows already is worth more than one part's defects."""
_FIRST, _SECOND = 0.9, 0.99
_DECAY = 1e-2
LAYOUT = torch.channels_last
"""As features lie on disk; on processors a 3 x 3 layer is 15 times as fast so."""

Tensors = dict[str, Any]


class Both(nn.Module):
    """Backbone's upper half and head."""

    def __init__(self, course: Course, side: int) -> None:
        super().__init__()
        self.upper = Upper(tapped(side))
        self.head = Head(course.classes, course.seed, masks=course.masks)


@dataclass(eq=False)
class State:
    both: Both
    optimiser: Any
    slow: Tensors
    """Weights that follow slowly; what comes out."""
    best: Tensors
    figures: dict[str, float] = field(default_factory=lambda: {"step": 0.0, "best": -1.0, "stale": 0.0})
    """step, best (mAP50 on the parts to stop by, -1 before any) and stale (looks since)."""

    @classmethod
    def fresh(cls, course: Course, side: int, device: str) -> "State":
        both = Both(course, side).to(device, memory_format=LAYOUT)
        groups = [
            {"params": [each for each in of.parameters() if (each.ndim > 1) == dense], "share": share,
             "weight_decay": _DECAY * dense}
            for of, share in ((both.head, 1.0), (both.upper, UPPER_SHARE))
            for dense in (True, False)
        ]  # fmt: skip
        optimiser = torch.optim.AdamW(groups, betas=(_FIRST, _SECOND))
        return cls(both, optimiser, _copied(both.state_dict()), _copied(both.state_dict()))

    def load(self, path: Path) -> None:
        """As it was kept there."""
        device = next(self.both.parameters()).device
        kept = torch.load(path, map_location=device, weights_only=True)
        self.both.load_state_dict(kept["both"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.slow, self.best, self.figures = kept["slow"], kept["best"], kept["figures"]

    def save(self, path: Path) -> None:
        """Whole or not at all; a full disk costs the checkpoint, not the run."""
        half = path.with_suffix(".half")
        kept = {"both": self.both.state_dict(), "optimiser": self.optimiser.state_dict(),
                "slow": self.slow, "best": self.best, "figures": self.figures}  # fmt: skip
        try:
            torch.save(kept, half)
            half.rename(path)
        except (OSError, RuntimeError):  # torch tells of a full disk so
            half.unlink(missing_ok=True)

    def follow(self, lag: float) -> None:
        """The slow weights take their share of those just moved; running means are slow already."""
        learned = dict(self.both.named_parameters())
        for name, value in self.both.state_dict().items():
            if name in learned:
                self.slow[name].lerp_(value, 1 - lag)
            else:
                self.slow[name].copy_(value)


def _copied(weights: Mapping[str, Any]) -> Tensors:
    return {name: value.detach().clone() for name, value in weights.items()}


def kept_step(path: Path) -> int:
    """The step that an attempt before had come to; 0 without one."""
    if not path.exists():
        return 0
    return int(torch.load(path, map_location="cpu", weights_only=True)["figures"]["step"])
