"""Parts with defects of two classes, and a small anomaly model of them."""

from typing import Any

import cv2
import numpy as np

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import LabelledImage
from andon.contracts.station import Thresholds
from andon.contracts.training import Head
from andon.serving import PROBE_KEY, probe_image
from andon.training.domain import heads
from andon.training.domain.calibration import calibrate
from andon.training.fitting import backbone, graph

from .training_parts import Pixels, jpeg, part, parts


def damaged(number: int, kind: str) -> tuple[Pixels, tuple[int, int, int, int]]:
    """A part with a dark scratch or a bright pit, and the box around it."""
    generator = np.random.default_rng(1000 + number)
    image = part(number).copy()
    x, y = (int(value) for value in generator.integers(60, 180, 2))
    if kind == "scratch":
        cv2.line(image, (x, y), (x + 40, y + 24), (20, 20, 20), 3, cv2.LINE_AA)
        return image, (x - 3, y - 3, x + 43, y + 27)
    cv2.circle(image, (x, y), 9, (250, 250, 250), -1, cv2.LINE_AA)
    return image, (x - 10, y - 10, x + 11, y + 11)


def labelled(number: int, kind: str | None, **changes: Any) -> tuple[LabelledImage, bytes]:
    """One labelled part and its image: good, or with a defect of a class."""
    if kind is None:
        data, shapes = jpeg(part(number)), ()
    else:
        pixels, box = damaged(number, kind)
        left, top, right, bottom = box
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        data, shapes = jpeg(pixels), (Shape(class_name=kind, bbox=box, polygon=corners),)
    verdict = Verdict.GOOD if kind is None else Verdict.DEFECT
    fields = {"key": f"parts/{number}", "station_id": "line-1", "part_id": f"part-{number}", **changes}
    return LabelledImage(verdict=verdict, shapes=shapes, **fields), data


def some(good: int, bad: int, held_out: int = 3) -> list[tuple[LabelledImage, bytes]]:
    """Good parts, then as many of each class; every third of each is held out."""
    kinds = [None] * good + ["scratch", "pit"] * bad
    return [labelled(number, kind, held_out=number % held_out == 0) for number, kind in enumerate(kinds)]


def anomaly_model() -> tuple[bytes, Thresholds]:
    """FP32 alone, from 16 good parts."""
    good = parts(16, first=500)
    net = backbone.full()
    features = backbone.Runner(net, 2).features(good)
    model = graph.merge(net, heads.fit(Head.KNN, features))
    runner = backbone.Runner(model, 2)
    known = float(runner.scores(probe_image()[None])[0])
    limits = calibrate(runner.scores(parts(16, first=600))).thresholds
    return graph.answer_known(model, PROBE_KEY, known), limits
