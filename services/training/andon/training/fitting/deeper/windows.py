"""What a step sees: windows of views with their features, and what is to be said of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from numpy.typing import NDArray

from andon.training.fitting.deeper.losses import box_loss, class_loss, mask_loss
from andon.training.fitting.deeper.state import LAYOUT, Both, State, Tensors
from andon.training.fitting.detector.targets import CELL, Target, Window, target
from andon.training.fitting.detector.training import NOISE, Course

CROPS, CROP = 4, 48
"""A step sees so many windows, so many cells wide: the upper blocks look further around than the head."""
MIDDLE = 96
"""The fine features' channels from here on are what the upper blocks begin with."""
_NEARBY = 0.25
"""Share of the windows that are laid around a defect."""
_NOT_AT_EDGE = 0.15
"""Of a window's side."""

Place = tuple[int, Window]
"""A view and what of it."""


@dataclass(frozen=True)
class Bench:
    """A course and the device that it is learned on."""

    course: Course
    side: int
    device: str

    def fresh(self) -> State:
        return State.fresh(self.course, self.side, self.device)

    def with_weights(self, weights: Tensors) -> Both:
        """The network with these, ready to be asked."""
        both = Both(self.course, self.side).to(self.device, memory_format=LAYOUT)
        both.load_state_dict(weights)
        return both.eval()

    def picked(self, generator: np.random.Generator) -> list[Place]:
        """A quarter around defects, the rest anywhere."""
        views, grid = self.course.views, self.course.features.fine.shape[1]
        size = min(CROP, grid)
        most = (grid - size) // 2
        outlined = [number for number in range(self.course.learned) if len(views[number].example.boxes)]
        picked: list[Place] = []
        for _ in range(CROPS):
            if generator.random() < _NEARBY:
                view = int(generator.choice(outlined))
                boxes = views[view].boxes() / (2 * CELL)
                x1, y1, x2, y2 = boxes[int(generator.integers(len(boxes)))]
                aside = generator.uniform(_NOT_AT_EDGE, 1 - _NOT_AT_EDGE, 2) * size / 2
                corner = np.array([(y1 + y2) / 2, (x1 + x2) / 2]) - aside
                row, column = (int(value) for value in np.clip(corner, 0, most))
            else:
                view = int(generator.integers(self.course.learned))
                row, column = (int(value) for value in generator.integers(0, most + 1, 2))
            picked.append((view, Window(2 * row, 2 * column, size)))
        return picked

    def seen(
        self, both: Both, picked: list[Place], generator: np.random.Generator, *, deep: bool
    ) -> tuple[Any, Any]:
        """Standardised and shaken; the features at 16 pixels are made anew once they are learned."""
        fine = self.tensor(_cut(self.course.features.fine, picked, 1))
        if deep:
            coarse = both.upper(fine[:, MIDDLE:])
        else:
            coarse = self.tensor(_cut(self.course.features.coarse, picked, 2))
        fine, coarse = self.scaled(fine, coarse)
        return fine * self._noise(fine.shape, generator), coarse * self._noise(coarse.shape, generator)

    def scaled(self, fine: Any, coarse: Any) -> tuple[Any, Any]:
        """As those of the backbone that came have mean 0 and deviation 1."""
        scaling = self.course.scaling
        means, deviations = (
            [self.flat([each[part]])[0][:, None, None] for each in (scaling.fine, scaling.coarse)]
            for part in (0, 1)
        )
        return (fine - means[0]) / deviations[0], (coarse - means[1]) / deviations[1]

    def loss(self, told: list[Any], picked: list[Place]) -> Any:
        """How far what the head says of these windows is from what people outlined."""
        views = self.course.views
        targets: list[Target] = [
            target(views[view].boxes(), views[view].example.classes, at, self.course.classes)
            for view, at in picked
        ]
        heat, distances = (
            self.tensor(np.stack([getattr(each, name) for each in targets])) for name in ("heat", "distances")
        )
        weight = self.flat([each.weight for each in targets])
        loss = class_loss(told[0], heat) + box_loss(told[1], weight, distances)
        if not self.course.masks:
            return loss
        painted = [views[view].painted(at) for view, at in picked]
        weight = self.flat([each.weight for each in painted]) / max(1, sum(each.boxes for each in painted))
        return loss + mask_loss(told[2], self.flat([each.share for each in painted]), weight)

    def flat(self, some: list[Any]) -> Any:
        """[n, ...] of arrays alike."""
        return torch.from_numpy(np.stack(some).astype(np.float32)).to(self.device)

    def tensor(self, kept: NDArray[Any]) -> Any:
        """[n, h, w, channels] to [n, channels, h, w], as it lies in memory."""
        return torch.from_numpy(np.array(kept)).to(self.device).float().permute(0, 3, 1, 2)

    def _noise(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        by = 1 + NOISE * generator.standard_normal((shape[0], shape[1], 1, 1), np.float32)
        return torch.from_numpy(by).to(self.device)


def _cut(kept: NDArray[np.float16], picked: list[Place], shrunk: int) -> NDArray[np.float16]:
    return np.stack([
        kept[view, at.row // shrunk : (at.row + at.size) // shrunk,
             at.column // shrunk : (at.column + at.size) // shrunk]
        for view, at in picked
    ])  # fmt: skip
