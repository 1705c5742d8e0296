"""The rendered plate: the same for the same seed, with masks that tell the truth."""

import time

import cv2
import numpy as np
import pytest

from andon.inspection.camera import KINDS, PlateCamera
from andon.inspection.camera.metal import HEIGHT, WIDTH


@pytest.fixture(scope="module")
def camera() -> PlateCamera:
    return PlateCamera(seed=3, good_first=4, defects=0.5)


def decoded(data: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels


def test_the_first_parts_are_good_and_then_the_share_is_kept(camera: PlateCamera):
    kinds = [camera.kind(n) for n in range(44)]
    assert kinds[:4] == [None] * 4
    assert sum(kind is not None for kind in kinds) == 20
    assert {kind for kind in kinds if kind} == set(KINDS)


def test_a_shot_is_a_jpeg_of_the_size_an_industrial_camera_has(camera: PlateCamera):
    shot = camera.shot(0)
    assert shot.data.startswith(b"\xff\xd8\xff")
    assert decoded(shot.data).shape == (HEIGHT, WIDTH, 3) == (1024, 1280, 3)
    assert 60_000 < len(shot.data) < 300_000
    assert (shot.truth, shot.truth_class, shot.part_id) == ("good", "good", "P-000001")
    assert shot.mask is None


def test_the_same_seed_shows_the_same_bytes_in_whatever_order(camera: PlateCamera):
    again = PlateCamera(seed=3, good_first=4, defects=0.5)
    assert [again.shot(n).data for n in (9, 2)] == [camera.shot(n).data for n in (2, 9)][::-1]
    assert again.shot(2).data != PlateCamera(seed=4, good_first=4).shot(2).data


def test_iterating_gives_the_parts_one_by_one():
    camera = PlateCamera(seed=3, first=11)
    assert [next(camera).part_id for _ in range(3)] == ["P-000011", "P-000012", "P-000013"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_defect_changes_the_picture_inside_its_mask_and_hardly_outside(camera: PlateCamera, kind: str):
    for index in (50, 51, 52):
        good, _ = camera.render(index, None)
        bad, mask = camera.render(index, kind)
        assert mask is not None
        assert mask.shape == (HEIGHT, WIDTH)
        assert set(np.unique(mask)) == {0, 255}
        change = np.abs(bad.astype(int) - good).max(axis=2)
        near = cv2.dilate(mask, np.ones((31, 31), np.uint8)) > 0
        assert change[mask > 0].mean() > 8
        assert change[~near].max() <= 6
        assert 150 < np.count_nonzero(mask) < 60_000


def test_good_parts_differ_as_real_ones_do(camera: PlateCamera):
    first, second = (camera.render(index, None)[0].astype(float) for index in (1, 2))
    assert 1 < np.abs(first - second).mean() < 20


def test_a_frame_is_drawn_faster_than_a_part_is_judged(camera: PlateCamera):
    camera.shot(0)
    started = time.process_time()
    for index in range(20):
        camera.shot(index)
    assert (time.process_time() - started) / 20 < 0.08, "seconds of CPU per frame; about 0.015 is usual"
