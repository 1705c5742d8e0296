"""A detector's boxes lie in the original picture, whatever square it looked at."""

import sys
from pathlib import Path

import numpy as np
import pytest

from andon.contracts import Invalid
from andon.contracts.station import Region
from andon.serving import Detected, Detector, distinct

sys.path.insert(0, str(Path(__file__).parent))
from detector_models import detector_bytes


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.open(detector_bytes())


def test_boxes_are_told_in_pixels_of_the_picture(detector: Detector) -> None:
    pixels = np.zeros((640, 960, 3), np.uint8)
    pixels[128:192, 288:384] = 255

    [found] = detector.find(pixels)

    assert found == Detected((288, 128, 384, 192), "spot", 1.0)


def test_only_the_region_is_looked_at(detector: Detector) -> None:
    pixels = np.zeros((640, 640, 3), np.uint8)
    pixels[:64, :64] = 255
    pixels[320:352, 352:384] = 255

    found = detector.find(pixels, Region(x=0.5, y=0.5, width=0.5, height=0.5))

    assert [one.box for one in found] == [(352, 320, 384, 352)]


def test_the_surest_come_first_and_the_unsure_not_at_all(detector: Detector) -> None:
    pixels = np.zeros((320, 320, 3), np.uint8)
    pixels[:32, :32] = 160
    pixels[64:96, 64:96] = 220
    pixels[96:128, 160:192] = 250

    assert [one.box[0] for one in detector.find(pixels)] == [160, 64]
    assert [one.box[0] for one in detector.find(pixels, least=0.1)] == [160, 64, 0]


def test_a_place_is_told_once_by_the_surest_class() -> None:
    found = [
        Detected((0, 0, 10, 10), "pit", 0.9),
        Detected((0, 0, 10, 9), "scratch", 0.8),
        Detected((20, 0, 30, 10), "pit", 0.7),
    ]

    assert distinct(found) == [found[0], found[2]]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no model", "not a model"),
        (detector_bytes(side=330), "no multiple of 32"),
        (detector_bytes(classes=()), "something else than boxes"),
        (detector_bytes(sure="often"), "from when on it is sure"),
        (detector_bytes(sure="2"), "something else than boxes"),
    ],
)
def test_what_is_no_detector_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        Detector.open(data)
