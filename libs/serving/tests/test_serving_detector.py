"""A detector's boxes lie in the original picture, whatever square it looked at."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from andon.contracts import Invalid
from andon.contracts.station import Region
from andon.serving import Detected, Detector, distinct, look
from andon.serving._outlines import MOST_POINTS, outlined

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


def test_the_limit_of_a_file_that_has_one_is_known(detector: Detector) -> None:
    assert detector.fails_above is None
    assert Detector.open(detector_bytes(fails="0.75")).fails_above == 0.75


@pytest.mark.parametrize("region", [Region(), Region(x=0.25, y=0.1, width=0.7, height=0.8)])
def test_a_defect_is_outlined_and_measured_in_pixels_of_the_picture(region: Region) -> None:
    pixels = np.zeros((640, 960, 3), np.uint8)
    cv2.ellipse(pixels, (500, 320), (70, 40), 0, 0, 360, (255, 255, 255), -1)
    true = int((pixels[..., 0] > 0).sum())
    detector = Detector.open(detector_bytes(masks=True))

    plain = detector.find(pixels, region, least=0.9)
    found = detector.find(pixels, region, least=0.9, outlines=True)

    assert [(one.box, one.score) for one in found] == [(one.box, one.score) for one in plain]
    assert all(one.outlined is None for one in plain)
    parts = [one for one in found if one.outlined]
    for one in parts:
        assert one.outlined is not None
        [polygon] = one.outlined.polygons
        drawn = np.zeros((640, 960), np.uint8)
        cv2.fillPoly(drawn, [np.array(polygon)], (1,))
        assert drawn.sum() == pytest.approx(one.outlined.area, rel=0.1)
    whole = outlined(_white(pixels, region), (420, 270, 580, 370), region, (960, 640))
    assert whole is not None
    assert whole.area == pytest.approx(true, rel=0.02)


def test_where_no_defect_is_there_is_no_outline() -> None:
    assert outlined(np.full((160, 160), -0.5, np.float32), (10, 10, 40, 40), Region(), (320, 320)) is None


def test_an_outline_of_many_corners_is_kept_short() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (160, 160)).astype(np.float32)

    found = outlined(noise, (0, 0, 640, 640), Region(), (640, 640))

    assert found is not None
    assert sum(map(len, found.polygons)) <= MOST_POINTS
    assert found.area == pytest.approx(640 * 640 / 2, rel=0.1)


def _white(pixels: np.ndarray, region: Region) -> np.ndarray:
    return look(pixels, region, 160)[..., 0].astype(np.float32) / 255 - 0.5


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no model", "not a model"),
        (detector_bytes(side=330), "no multiple of 32"),
        (detector_bytes(classes=()), "something else than boxes"),
        (detector_bytes(sure="often"), "from when on it is sure"),
        (detector_bytes(sure="2"), "something else than boxes"),
        (detector_bytes(fails="seldom"), "from when on it is sure"),
        (detector_bytes(fails="1.5"), "something else than boxes"),
    ],
)
def test_what_is_no_detector_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        Detector.open(data)
