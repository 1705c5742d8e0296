"""Defects that people outlined, found again: boxes, classes and outlines in the original picture."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from andon.contracts import Invalid
from andon.contracts.inspection import Box
from andon.contracts.station import Region
from andon.serving._decode import look
from andon.serving._outlines import Outlined, outlined
from andon.serving._regions import CLASSES_KEY
from andon.serving._session import open_session
from andon.serving._spots import Spot

MOST_FOUND = 100
"""Candidates that a detector tells of a picture."""
SURE_KEY = "andon.sure"
"""Metadata of a detector's file: the score from which on a defect is to be reported."""
FAILS_KEY = "andon.fails"
"""Metadata of a detector's file, if it has one: the score of a defect above which its part may be failed."""
OUTLINED_KEY = "andon.outlined"
"""Metadata of a file that learned outlines: the probability from which on a place belongs to a defect."""
SAME = 0.5
"""Candidates that overlap so much (IoU) are one defect, of the surest's class."""

_OUTPUTS = [("boxes", [MOST_FOUND, 4]), ("scores", [MOST_FOUND]), ("classes", [MOST_FOUND])]
_MASK = "mask"
"""Of a file that learned outlines: [n, side/2, side/2], how probable a defect is there."""
_STEP = 32
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Detected:
    """A defect that was found."""

    box: Box
    """Pixels of the original picture, x2 and y2 exclusive."""
    class_name: str
    score: float
    """0 to 1."""
    outlined: Outlined | None = None
    """Where outlines were asked for, and the file tells one."""


@dataclass(frozen=True)
class About:
    """What a detector's file says of itself."""

    classes: tuple[str, ...]
    sure_above: float
    fails_above: float | None
    masks: bool
    outlined_above: float


class Detector:
    """A loaded detector: `image` uint8 [n, side, side, 3] RGB -> 100 `boxes`, `scores` and `classes`.

    One that learned outlines answers `mask` [n, side/2, side/2], too.
    """

    def __init__(self, session: Any, side: int, about: About) -> None:
        self._session = session
        self.side = side
        self.classes = about.classes
        self.sure_above = about.sure_above
        self.fails_above = about.fails_above
        """Score of a defect above which its part may be failed; None where good parts did not bound it."""
        self.masks = about.masks
        """Whether it tells outlines."""
        self._outlined_above = about.outlined_above

    @classmethod
    def open(cls, model: bytes | Path, threads: int = 1) -> Self:
        """Raises Invalid for a file that is not such a detector."""
        session = open_session(model, threads)
        side = _side(session)
        detector = cls(session, side, _told(session, side))
        detector.find(np.zeros((detector.side, detector.side, 3), np.uint8), least=0.0)
        return detector

    def find(
        self,
        pixels: Pixels,
        region: Region | None = None,
        least: float | None = None,
        *,
        outlines: bool = False,
    ) -> list[Detected]:
        """Defects within the region of a whole RGB picture, the surest first, each place once for each class.

        `least` is the score from which on one is told; by default the file's own. Raises Invalid for a file
        that answers with what is no number or no class.
        """
        area = region or Region()
        seen = look(pixels, area, self.side)
        wants_mask = outlines and self.masks
        wanted_outputs = ["boxes", "scores", "classes", *([_MASK] if wants_mask else [])]
        boxes, scores, classes, *rest = self._session.run(wanted_outputs, {"image": seen[None]})
        wanted = scores[0] >= (self.sure_above if least is None else least)
        if not np.isfinite(boxes).all() or not np.isfinite(scores).all():
            raise Invalid("the detector answers with something that is not a number")
        if (classes < 0).any() or (classes >= len(self.classes)).any():
            raise Invalid("the detector answers with a class that it has no name for")
        height, width = pixels.shape[:2]
        found: list[Detected] = []
        for box, score, name in zip(boxes[0][wanted], scores[0][wanted], classes[0][wanted], strict=True):
            placed = _placed(box / self.side, area, width, height)
            if placed is not None:
                found.append(Detected(placed, self.classes[int(name)], float(score)))
        found = _once(found, lambda one, other: one.class_name == other.class_name)
        if not wants_mask:
            return found
        mask = rest[0][0]
        if not np.isfinite(mask).all():
            raise Invalid("the detector answers with something that is not a number")
        defect = mask - self._outlined_above
        return [replace(one, outlined=outlined(defect, one.box, area, (width, height))) for one in found]


def distinct(found: Sequence[Detected]) -> list[Detected]:
    """Each place once, by the surest class; `found` begins with the surest."""
    return _once(found, lambda _one, _other: True)


def _once(found: Sequence[Detected], rivals: Callable[[Detected, Detected], bool]) -> list[Detected]:
    kept: list[Detected] = []
    for one in found:
        if not any(rivals(one, other) and _overlap(one.box, other.box) >= SAME for other in kept):
            kept.append(one)
    return kept


def apart(standing_out: Sequence[Spot], boxes: Sequence[Box]) -> list[Spot]:
    """Spots that none of the boxes touches."""
    return [spot for spot in standing_out if not any(_overlap(spot.box, box) for box in boxes)]


def _placed(box: NDArray[np.float32], area: Region, width: int, height: int) -> Box | None:
    """In pixels of the picture; None where nothing of it is left."""
    x1, x2 = (round(float(area.x + area.width * x) * width) for x in (box[0], box[2]))
    y1, y2 = (round(float(area.y + area.height * y) * height) for y in (box[1], box[3]))
    x1, y1, x2, y2 = max(0, x1), max(0, y1), min(width, x2), min(height, y2)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _overlap(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


def _side(session: Any) -> int:
    inputs: list[tuple[str, tuple[Any, ...], str]] = [
        (each.name, tuple(each.shape[1:]), each.type) for each in session.get_inputs()
    ]
    side: Any = inputs[0][1][0] if inputs and inputs[0][1] else None
    if not isinstance(side, int) or inputs != [("image", (side, side, 3), "tensor(uint8)")]:
        raise Invalid("the detector's file looks at something else than a square picture")
    if side <= 0 or side % _STEP:
        raise Invalid(f"the detector's file looks at {side} pixels, which is no multiple of {_STEP}")
    return side


def _told(session: Any, side: int) -> About:
    about = session.get_modelmeta().custom_metadata_map
    try:
        classes = tuple(str(each) for each in json.loads(about.get(CLASSES_KEY, "")))
        sure = float(about.get(SURE_KEY, ""))
        fails = float(about[FAILS_KEY]) if FAILS_KEY in about else None
        above = float(about.get(OUTLINED_KEY, 0.5))
    except ValueError as error:
        raise Invalid("the detector's file names no classes, or not from when on it is sure") from error
    outputs: list[Any] = [(each.name, each.shape[1:]) for each in session.get_outputs()]
    masked = (_MASK, [side // 2, side // 2])
    masks = masked in outputs
    if sorted(outputs) != sorted([*_OUTPUTS, masked] if masks else _OUTPUTS) or not classes:
        raise Invalid("the detector's file answers something else than boxes, scores and classes")
    if not all(0 <= each <= 1 for each in (sure, above, sure if fails is None else fails)):
        raise Invalid("the detector's file answers something else than boxes, scores and classes")
    return About(classes, sure, fails, masks, above)
