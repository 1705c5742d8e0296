"""Labelled parts as the detector sees them: squares, boxes in them, and many views of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts import Invalid, Refused
from andon.contracts.annotation import Verdict
from andon.contracts.station import Region
from andon.serving import decode_full, look
from andon.training.domain.lessons import FEWEST_OUTLINED, Lesson, learned_from
from andon.training.domain.order import evenly
from andon.training.fitting.detector.masks import FEWEST, Painted, painted
from andon.training.fitting.detector.taps import size_of
from andon.training.fitting.detector.targets import Window
from andon.training.fitting.regions import inside

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

SMALLEST, LARGEST = 160, 640
"""Sides of the square looked at, in pixels."""
_SEEN_AT = 32
"""Pixels that nine of ten defects shall have at least, where the camera gives them."""
_STEP = 32
CHECKED = 10
"""Every so manieth outlined part is learned nothing from: it says when to stop."""
MOST_VIEWS = 8
MOST_BYTES = 2**31
"""Of features on disk."""
FEWEST_SPARED = 49
"""Good parts of which the highest score bounds false alarms to 2 %: fewer can't promise that."""
MOST_SPARED = 150
FEWEST_GOOD = 5
"""Good parts that are learned from before any is spared."""
_SHIFT = 8
_GAIN = 0.1


@dataclass(frozen=True, eq=False)
class Example:
    """One part."""

    place: int
    """Its image in the lesson."""
    key: str
    region: Region
    data: bytes
    boxes: Floats
    """[n, 4] in fractions of the region, within it."""
    classes: NDArray[np.int64]
    polygons: tuple[Floats | None, ...] = ()
    """Of each box, [m, 2] in pixels of the picture; None where nobody outlined more than the box."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the picture in pixels."""
    _masks: dict[int, Pixels] = field(default_factory=dict[int, Pixels], repr=False)

    def pixels(self, side: int) -> Pixels:
        """uint8 [side, side, 3] RGB"""
        return look(decode_full(self.data).pixels, self.region, side)

    @property
    def outlined(self) -> NDArray[np.bool_]:
        """[n]: boxes with a polygon."""
        return np.array([polygon is not None for polygon in self.polygons], bool)

    def mask(self, side: int) -> Pixels:
        """uint8 [side, side]: 255 where all that a pixel covers is defect, as far as polygons tell."""
        if side not in self._masks:
            width, height = self.size
            whole = np.zeros((height, width), np.uint8)
            for polygon in self.polygons:
                if polygon is not None:
                    cv2.fillPoly(whole, [polygon.round().astype(np.int32)], (255,))
            self._masks[side] = look(whole, self.region, side)
        return self._masks[side]


@dataclass(frozen=True, eq=False)
class Examples:
    """What a detector is learned from."""

    learned: tuple[Example, ...]
    checked: tuple[Example, ...]
    """Outlined parts that say when to stop; none where there are few."""
    spared: tuple[Example, ...]
    """Good parts that nothing is learned from: they bound the false alarms of a detector that decides."""
    classes: tuple[str, ...]
    side: int

    @property
    def masks(self) -> bool:
        """Whether enough outlines are there to learn them."""
        return sum(int(one.outlined.sum()) for one in self.learned) >= FEWEST

    @property
    def views(self) -> int:
        """Of each outlined part that is learned from; a good one is seen once."""
        outlined = sum(len(one.boxes) > 0 for one in self.learned)
        room = MOST_BYTES // size_of(self.side) - len(self.checked) - (len(self.learned) - outlined)
        return max(1, min(MOST_VIEWS, room // outlined))


def gathered(lesson: Lesson, folder: Path) -> Examples:
    """Raises Invalid, naming the image, for an outline outside of it, and for too few different parts."""
    outlined = [place for place in learned_from(lesson, Verdict.DEFECT) if lesson.images[place].shapes]
    names = {shape.class_name for place in outlined for shape in lesson.images[place].shapes}
    classes = tuple(sorted(names))
    sides: list[float] = []
    bad = [_example(lesson, folder, place, classes, sides) for place in outlined]
    bad = [one for one in bad if len(one.boxes)]
    different = len({sha256(one.data).digest() for one in bad})
    if different < FEWEST_OUTLINED:
        raise Invalid(
            f"images: {different} different parts with outlined defects are there to learn from, within the"
            f" station's region; a detector needs {FEWEST_OUTLINED}"
        )
    good = [_example(lesson, folder, place, classes, []) for place in learned_from(lesson, Verdict.GOOD)]
    side = _side(sides)
    checked, rest = _split(bad)
    room = MOST_BYTES // size_of(side) - len(checked)
    rest = evenly(rest, room)
    good, spared = _spared(good, min(len(rest), room - len(rest)), lesson)
    return Examples((*rest, *good), tuple(checked), spared, classes, side)


def _spared(
    good: list[Example], wanted: int, lesson: Lesson
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Good parts to learn from, and others: no image, and no part, is on both sides."""
    if len(good) >= FEWEST_SPARED + FEWEST_GOOD:
        wanted = min(wanted, len(good) - FEWEST_SPARED)
    learned = evenly(good, wanted)
    known = {one.place for one in learned}
    names = {name for one in learned for name in _names(one, lesson)}
    others = [one for one in good if one.place not in known and not names & _names(one, lesson)]
    return tuple(learned), tuple(evenly(others, MOST_SPARED))


def _names(one: Example, lesson: Lesson) -> set[str]:
    part = lesson.images[one.place].part_id
    return {sha256(one.data).hexdigest(), *([f"part {part}"] if part else [])}


def _example(lesson: Lesson, folder: Path, place: int, classes: Sequence[str], sides: list[float]) -> Example:
    """With `sides` told, for each box, which side of the square would show it large enough."""
    image, region = lesson.images[place], lesson.region
    data = (folder / "images" / str(place)).read_bytes()
    try:
        decoded = decode_full(data)
    except Refused as refused:
        raise type(refused)(f"{image.key}: {refused}") from refused
    boxes: list[tuple[float, ...]] = []
    names: list[int] = []
    polygons: list[Floats | None] = []
    for shape in image.shapes:
        x1, y1, x2, y2 = inside(shape, decoded.width, decoded.height, image.key)
        across = [(x / decoded.width - region.x) / region.width for x in (x1, x2)]
        down = [(y / decoded.height - region.y) / region.height for y in (y1, y2)]
        if not (0 < sum(across) / 2 < 1 and 0 < sum(down) / 2 < 1):
            continue  # the station does not look there
        left, right = np.clip(across, 0, 1)
        top, bottom = np.clip(down, 0, 1)
        boxes.append((left, top, right, bottom))
        names.append(classes.index(shape.class_name))
        polygons.append(np.array(shape.polygon, np.float64) if shape.polygon else None)
        own = max(decoded.width * region.width, decoded.height * region.height)
        sides.append(min(own, _SEEN_AT / float(np.sqrt((right - left) * (bottom - top)))))
    return Example(
        place=place,
        key=image.key,
        region=region,
        data=data,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(names, np.int64),
        polygons=tuple(polygons),
        size=(decoded.width, decoded.height),
    )


def _side(sides: list[float]) -> int:
    """Large enough for the small ones, no larger than the camera's pixels, and than what is affordable."""
    wanted = float(np.quantile(sides, 0.9))
    return int(np.clip(round(wanted / _STEP) * _STEP, SMALLEST, LARGEST))


def _split(bad: list[Example]) -> tuple[list[Example], list[Example]]:
    """Parts to stop by and parts to learn from: by what they show, so always the same ones."""
    if len(bad) < 2 * CHECKED:
        return [], bad
    order = sorted(bad, key=lambda one: sha256(one.data).digest())
    checked = {one.place for one in order[: len(bad) // CHECKED]}
    return [one for one in bad if one.place in checked], [one for one in bad if one.place not in checked]


@dataclass(frozen=True)
class View:
    """One way to see a part: mirrored, turned, shifted, lit."""

    example: Example
    side: int
    way: int
    """Bits: mirrored across, mirrored down, turned. 0 is as it is."""
    seed: int

    def pixels(self) -> Pixels:
        """uint8 [side, side, 3]"""
        pixels = self.example.pixels(self.side)
        if not self.way:
            return pixels
        return np.clip(self._turned(pixels) * self._drawn()[1], 0, 255).astype(np.uint8)

    def painted(self, window: Window) -> Painted:
        """What of the window is outlined."""
        mask = self.example.mask(self.side)
        if self.way:
            mask = self._turned(mask)
        return painted(mask, self.boxes(), self.example.outlined, window)

    def _turned(self, pixels: Pixels) -> Pixels:
        if self.way & 1:
            pixels = pixels[:, ::-1]
        if self.way & 2:
            pixels = pixels[::-1]
        if self.way & 4:
            pixels = pixels.swapaxes(0, 1)
        (across, down), _ = self._drawn()
        wide = cv2.copyMakeBorder(
            np.ascontiguousarray(pixels), _SHIFT, _SHIFT, _SHIFT, _SHIFT, cv2.BORDER_REFLECT_101
        )
        return wide[_SHIFT - down :, _SHIFT - across :][: self.side, : self.side]  # type: ignore[return-value]

    def boxes(self) -> Floats:
        """[n, 4] in pixels of the square."""
        boxes = self.example.boxes * self.side
        if not self.way:
            return boxes
        if self.way & 1:
            boxes[:, [0, 2]] = self.side - boxes[:, [2, 0]]
        if self.way & 2:
            boxes[:, [1, 3]] = self.side - boxes[:, [3, 1]]
        if self.way & 4:
            boxes = boxes[:, [1, 0, 3, 2]]
        (across, down), _ = self._drawn()
        return np.clip(boxes + np.array([across, down, across, down]), 0, self.side).astype(np.float32)

    def _drawn(self) -> tuple[tuple[int, int], np.float32]:
        generator = np.random.default_rng([self.seed, self.example.place, self.way])
        across, down = (int(by) for by in generator.integers(-_SHIFT, _SHIFT + 1, 2))
        return (across, down), np.float32(generator.uniform(1 - _GAIN, 1 + _GAIN))


def views_of(examples: Examples, seed: int) -> list[View]:
    """All views that are learned from, those of a part one after the other, then the parts to stop by."""
    ways = examples.views
    seen = [
        View(one, examples.side, way, seed)
        for one in examples.learned
        for way in range(ways if len(one.boxes) else 1)
    ]
    return seen + [View(one, examples.side, 0, seed) for one in examples.checked]


def lazily(views: Sequence[View]) -> Iterator[Callable[[], Pixels]]:
    """Each read and turned only when it is asked for."""
    return (view.pixels for view in views)
