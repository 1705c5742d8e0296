"""Defects painted onto good pictures, to choose between heads before a real defect was ever seen."""

import numpy as np
from numpy.typing import NDArray

from andon.training.domain import heat

Pixels = NDArray[np.uint8]
Mask = NDArray[np.float32]


def damage(image: Pixels, generator: np.random.Generator) -> Pixels:
    """uint8 [h, w, 3] -> a copy with one defect: a scratch, a pit, a stain or a misplaced patch."""
    return _KINDS[int(generator.integers(len(_KINDS)))](image, generator)


def _scratch(image: Pixels, generator: np.random.Generator) -> Pixels:
    side = min(image.shape[:2])
    start = generator.uniform(0.1, 0.9, 2) * side
    angle, length = generator.uniform(0, 2 * np.pi), generator.uniform(0.1, 0.35) * side
    bend = generator.uniform(-0.6, 0.6)
    steps = np.linspace(0, 1, int(length * 2))
    heading = angle + bend * steps
    rows = start[0] + np.cumsum(np.sin(heading)) / 2
    columns = start[1] + np.cumsum(np.cos(heading)) / 2
    inside = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    mask = np.zeros(image.shape[:2], np.float32)
    mask[rows[inside].astype(int), columns[inside].astype(int)] = 1
    mask = _blurred(mask, generator.uniform(0.6, 1.2))
    return _shade(image, mask / max(float(mask.max()), 1e-6), _contrast(generator))


def _pit(image: Pixels, generator: np.random.Generator) -> Pixels:
    radius = generator.uniform(3, 9)
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    row, column = _place(image, generator)
    stretch = generator.uniform(0.6, 1.6)
    away = np.hypot((rows - row) * stretch, (columns - column) / stretch)
    return _shade(image, np.clip(radius - away + 0.5, 0, 1).astype(np.float32), _contrast(generator))


def _stain(image: Pixels, generator: np.random.Generator) -> Pixels:
    noise = _blurred(generator.normal(size=image.shape[:2]).astype(np.float32), generator.uniform(4, 9))
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    row, column = _place(image, generator)
    near = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * generator.uniform(8, 22) ** 2))
    mask = np.clip(near * (1 + noise / noise.std()) - 0.35, 0, 0.5) * 2
    colour = _contrast(generator) * generator.uniform(0.4, 1, 3)
    return _shade(image, mask.astype(np.float32), colour * 0.8)


def _misplaced(image: Pixels, generator: np.random.Generator) -> Pixels:
    height, width = generator.integers(8, 32, 2)
    room = (image.shape[0] - height, image.shape[1] - width)
    top, left = generator.integers(room)
    into, beside = generator.integers(room)
    patch = image[top : top + height, left : left + width][::-1]
    changed = image.copy()
    shift = generator.uniform(-25, 25)
    changed[into : into + height, beside : beside + width] = np.clip(patch + shift, 0, 255)
    return changed


def _blurred(plane: Mask, sigma: float) -> Mask:
    return heat.smooth(plane[None], sigma, round(3 * sigma))[0]


def _place(image: Pixels, generator: np.random.Generator) -> tuple[float, float]:
    return generator.uniform(0.08, 0.92) * image.shape[0], generator.uniform(0.08, 0.92) * image.shape[1]


def _contrast(generator: np.random.Generator) -> float:
    return float(generator.choice((-1, 1)) * generator.uniform(25, 90))


def _shade(image: Pixels, mask: Mask, by: float | NDArray[np.float64]) -> Pixels:
    return np.clip(image + mask[..., None] * by, 0, 255).astype(np.uint8)


_KINDS = (_scratch, _pit, _stain, _misplaced)
