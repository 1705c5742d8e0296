"""From when on a detector may fail a part: what good parts say that it was not learned from."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from andon.contracts.station import Region
from andon.serving import Detector, decode_full
from andon.training.fitting.detector.examples import Example, gathered
from andon.training.fitting.detector.operating import limit

from .test_detector_learning import KINDS, lesson

sys.path.insert(0, str(Path(__file__).parents[3] / "libs" / "serving" / "tests"))
from detector_models import detector_bytes


def test_good_parts_are_spared_only_where_they_are_enough_to_bound_false_alarms(tmp_path: Path) -> None:
    few = gathered(lesson(tmp_path / "few", [*KINDS, *[None] * 20]), tmp_path / "few")
    assert len(few.learned) == 24
    assert len(few.spared) == 8

    wanted = lesson(tmp_path / "many", [*KINDS, *[None] * 56])
    many = gathered(wanted, tmp_path / "many")
    learned = {one.place for one in many.learned}
    assert len(many.spared) == 49
    assert len(many.learned) == 12 + 7
    assert not learned & {one.place for one in many.spared}

    (first, *_) = (place for place in learned if not wanted.images[place].shapes)
    same = wanted.images[first].part_id
    other = many.spared[0].place
    images = [
        image.model_copy(update={"part_id": same}) if place == other else image
        for place, image in enumerate(wanted.images)
    ]
    apart = gathered(wanted.model_copy(update={"images": tuple(images)}), tmp_path / "many")
    assert other not in {one.place for one in apart.spared}
    assert len(apart.spared) == 48


def test_the_limit_is_what_49_of_50_good_parts_stay_below_and_no_lower_than_what_is_shown(
    tmp_path: Path,
) -> None:
    detector = Detector.open(detector_bytes(sure="0.25"))
    spared = [
        Example(
            number, "", Region(), spot(128 + 2 * number), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        )
        for number in range(49)
    ]

    bound = limit(detector, spared)

    highest = detector.find(decode_full(spared[-1].data).pixels, least=0.0)[0].score
    assert bound.fails_above == pytest.approx(highest)
    assert len(bound.calibration) == 49
    assert list(bound.calibration) == sorted(bound.calibration)
    assert limit(detector, spared[:48]).fails_above is None
    assert limit(Detector.open(detector_bytes(sure="0.99")), spared).fails_above == 0.99


def spot(level: int) -> bytes:
    """A part with a square of one shade."""
    pixels = np.zeros((320, 320, 3), np.uint8)
    pixels[32:64, 64:96] = level
    return cv2.imencode(".png", pixels)[1].tobytes()
