"""Names for the regions that stand out: what is cut out around them, and who knows their classes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts import Invalid
from andon.contracts.inspection import Box
from andon.serving._session import open_session

REGION_SIDE = 128
"""Pixels of a side of what the classifier looks at."""
REGION_MARGIN = 0.35
"""Of the box's width and height that is added on every side: a defect is told by its surroundings, too."""
CLASSES_KEY = "andon.classes"
"""Metadata of a classifier's file: its classes as JSON, in the order of its output."""

Pixels = NDArray[np.uint8]


def crops(pixels: Pixels, boxes: Sequence[Box] | Sequence[tuple[float, float, float, float]]) -> Pixels:
    """uint8 [n, 128, 128, 3]: each box with its margin, as far as the picture goes."""
    if not boxes:
        return np.empty((0, REGION_SIDE, REGION_SIDE, 3), np.uint8)
    return np.stack([_crop(pixels, box) for box in boxes])


def _crop(pixels: Pixels, box: Box | tuple[float, float, float, float]) -> Pixels:
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = box
    aside, above = REGION_MARGIN * (x2 - x1), REGION_MARGIN * (y2 - y1)
    left, top = min(max(round(x1 - aside), 0), width - 1), min(max(round(y1 - above), 0), height - 1)
    right, bottom = max(left + 1, min(round(x2 + aside), width)), max(top + 1, min(round(y2 + above), height))
    cut = np.ascontiguousarray(pixels[top:bottom, left:right])
    shrinks = min(cut.shape[:2]) > REGION_SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(cut, (REGION_SIDE, REGION_SIDE), interpolation=how).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Named:
    """What a region most likely is."""

    class_name: str
    probability: float
    """0 to 1, among the classes it knows."""


class RegionClassifier:
    """A loaded classifier: `image` uint8 [n, 128, 128, 3] RGB -> `probabilities` float32 [n, classes]."""

    def __init__(self, session: Any, classes: tuple[str, ...]) -> None:
        self._session = session
        self.classes = classes

    @classmethod
    def open(cls, model: bytes | Path, threads: int = 1) -> Self:
        """Raises Invalid for a file that is not such a classifier."""
        session = open_session(model, threads)
        return cls(session, _classes_of(session))

    def probabilities(self, cut: Pixels) -> NDArray[np.float32]:
        """uint8 [n, 128, 128, 3] -> float32 [n, classes]; a row sums to 1."""
        if not len(cut):
            return np.empty((0, len(self.classes)), np.float32)
        return self._session.run(["probabilities"], {"image": cut})[0]

    def name(self, pixels: Pixels, boxes: Sequence[Box]) -> list[Named]:
        """What each box of a picture, RGB in the boxes' own pixels, most likely is."""
        found = self.probabilities(crops(pixels, boxes))
        return [Named(self.classes[int(row.argmax())], float(row.max())) for row in found]


def _classes_of(session: Any) -> tuple[str, ...]:
    written = session.get_modelmeta().custom_metadata_map.get(CLASSES_KEY, "")
    try:
        classes = tuple(str(each) for each in json.loads(written))
    except ValueError as error:
        raise Invalid("the classifier's file names no classes") from error
    inputs = [(each.name, each.shape[1:], each.type) for each in session.get_inputs()]
    if inputs != [("image", [REGION_SIDE, REGION_SIDE, 3], "tensor(uint8)")]:
        raise Invalid("the classifier's file looks at something else than regions")
    if [(each.name, each.shape[1:]) for each in session.get_outputs()] != [("probabilities", [len(classes)])]:
        raise Invalid("the classifier's file answers something else than its classes")
    return classes
