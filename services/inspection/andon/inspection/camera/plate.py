"""A machined plate under a camera: rendered, the same for the same seed, with known truth."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.inspection.camera import metal
from andon.inspection.camera.flaws import FLAWS
from andon.inspection.camera.metal import HEIGHT, MARGIN, WIDTH, Field, Picture
from andon.inspection.camera.order import defects_before, is_defect, kind_of_defect
from andon.inspection.camera.shot import Shot

KINDS = tuple(FLAWS)
"""The kinds of defects that it shows."""
BLANKS = 6
"""Plates with a grain of their own that parts are made from."""
_GAINS, _NOISES = 8, 3


@dataclass(frozen=True)
class Stage:
    """What is drawn once per seed, because drawing it per frame would cost more than judging it."""

    blanks: tuple[Picture, ...]
    gains: tuple[Picture, ...]
    """Light falling unevenly: 128 is as it is."""
    noises: tuple[NDArray[np.int8], ...]
    """Sensor noise in grey levels, larger than a frame."""


class PlateCamera:
    """Good plates first, then a set share of defective ones; 1280 x 1024, JPEG quality 90."""

    def __init__(
        self, *, seed: int = 0, good_first: int = 60, defects: float = 0.15, first: int = 1, quality: int = 90
    ) -> None:
        """`defects`: their share after the first `good_first` parts; `first`: the first part's number."""
        self.seed, self.good_first, self.defects, self.quality = seed, good_first, defects, quality
        self.total: int | None = None
        self.about = (
            f"a rendered machined plate (seed {seed}): {good_first} good ones first, "
            f"then {defects:.0%} defective ones"
        )
        self._next = first - 1
        self._stage: Stage | None = None
        self._setting = threading.Lock()

    def __iter__(self) -> Iterator[Shot]:
        return self

    def __next__(self) -> Shot:
        shot = self.shot(self._next)
        self._next += 1
        return shot

    def shot(self, index: int) -> Shot:
        """The picture of part `index` (from 0): the same bytes for the same seed, in whatever order asked."""
        kind = self.kind(index)
        picture, mask = self.render(index, kind)
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1].tobytes()
        return Shot(data, f"P-{index + 1:06d}", "defect" if kind else "good", kind or "good", mask)

    def kind(self, index: int) -> str | None:
        """The kind of part `index`'s defect; None for a good part."""
        number = index - self.good_first
        if number < 0 or not is_defect(number, self.defects, self.seed):
            return None
        return kind_of_defect(defects_before(number, self.defects, self.seed), KINDS, self.seed)

    def render(self, index: int, kind: str | None) -> tuple[Picture, Picture | None]:
        """Part `index`, good or with a kind of defect: uint8 BGR [1024, 1280, 3] and mask [1024, 1280]."""
        stage, rng = self._staged(), np.random.default_rng([self.seed, 0, index])
        plate = stage.blanks[int(rng.integers(BLANKS))]
        pose = _pose(rng)
        gain, exposure = stage.gains[int(rng.integers(_GAINS))], rng.uniform(0.96, 1.04)
        soft, noise = rng.uniform(0.35, 0.65), _window(rng, stage.noises[int(rng.integers(_NOISES))])
        mask = None
        if kind is not None:
            plate = plate.copy()
            mask = FLAWS[kind](np.random.default_rng([self.seed, 3, index]), plate)
            mask = cv2.warpAffine(mask, pose, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST)
        seen = cv2.warpAffine(plate, pose, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        seen = cv2.GaussianBlur(seen, (3, 3), soft)
        seen = cv2.multiply(seen, gain, seen, exposure / 128)
        return cv2.add(seen, noise, seen, dtype=cv2.CV_8U), mask

    def _staged(self) -> Stage:
        with self._setting:
            if self._stage is None:
                self._stage = _set_up(self.seed)
            return self._stage


def _set_up(seed: int) -> Stage:
    rng = np.random.default_rng([seed, 4])
    blanks = tuple(metal.blank(rng) for _ in range(BLANKS))
    noises = tuple(_noise(rng) for _ in range(_NOISES))
    return Stage(blanks, tuple(_gain(rng) for _ in range(_GAINS)), noises)


def _gain(rng: np.random.Generator) -> Picture:
    """Light that falls off to one side by up to 7 % and towards the corners by 6 %."""
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    tilt = rng.uniform(-0.05, 0.05) * x + rng.uniform(-0.05, 0.05) * y
    grey = np.round(128 * (1 + tilt - 0.03 * (x * x + y * y))).astype(np.uint8)
    return cv2.merge([grey, grey, grey])


def _noise(rng: np.random.Generator) -> NDArray[np.int8]:
    """Mostly the same in all colours: what a sensor's luminance does after demosaicing."""
    shape = (HEIGHT + 64, WIDTH + 64, 1)
    together = rng.standard_normal(shape, np.float32) * 1.4
    apart = rng.standard_normal((*shape[:2], 3), np.float32) * 0.5
    return np.round(together + apart).astype(np.int8)


def _window(rng: np.random.Generator, noise: NDArray[np.int8]) -> NDArray[np.int8]:
    down, right = (int(n) for n in rng.integers(0, 64, 2))
    return noise[down : down + HEIGHT, right : right + WIDTH]


def _pose(rng: np.random.Generator) -> Field:
    """A part lies within 1.5 pixels and 0.3 degrees of its place (standard deviations half of that)."""
    dx, dy = np.clip(rng.normal(0, 0.75, 2), -1.5, 1.5)
    turned = float(np.clip(rng.normal(0, 0.15), -0.3, 0.3))
    pose = cv2.getRotationMatrix2D((WIDTH / 2 + MARGIN, HEIGHT / 2 + MARGIN), turned, 1)
    pose[:, 2] += (dx - MARGIN, dy - MARGIN)
    return pose
