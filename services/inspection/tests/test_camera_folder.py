"""The user's own images as a camera."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from andon.contracts import Invalid, NotFound
from andon.inspection.camera import MAX_INLINE, FolderCamera


def picture(path: Path, shade: int = 128, size: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size, size, 3), shade, np.uint8))
    return path


@pytest.fixture
def mvtec(tmp_path: Path) -> Path:
    for n in range(5):
        picture(tmp_path / f"train/good/{n}.png", n)
        picture(tmp_path / f"test/good/{n}.png", 50 + n)
        picture(tmp_path / f"test/crack/{n}.png", 100 + n)
        picture(tmp_path / f"test/hole/{n}.jpg", 150 + n)
    picture(tmp_path / "ground_truth/crack/2.png", 1)
    picture(tmp_path / "ground_truth/hole/3_mask.png", 255)
    return tmp_path


def test_mvtec_layout_shows_train_first_and_test_mixed(mvtec: Path):
    camera = FolderCamera(mvtec)
    shots = list(camera)
    assert (camera.good_first, camera.total) == (5, 20)
    assert [shot.part_id for shot in shots[:5]] == [f"train/good/{n}.png" for n in range(5)]
    tested = [shot.part_id for shot in shots[5:]]
    assert len(set(tested)) == 15
    assert tested != sorted(tested)


def test_mvtec_layout_gives_the_truth_with_its_masks(mvtec: Path):
    shots = {shot.part_id: shot for shot in FolderCamera(mvtec)}
    good, crack = shots["test/good/1.png"], shots["test/crack/2.png"]
    assert (good.truth, good.truth_class, good.mask) == ("good", "good", None)
    assert (crack.truth, crack.truth_class) == ("defect", "crack")
    assert crack.mask is not None
    assert crack.mask.min() == 255, "whatever is not black is defect"
    assert shots["test/hole/3.jpg"].mask is not None
    assert shots["test/crack/1.png"].mask is None


def test_the_order_is_the_seed_s(mvtec: Path):
    def order(seed: int) -> list[str]:
        return [shot.part_id for shot in FolderCamera(mvtec, seed=seed)]

    assert order(1) == order(1) != order(2)


def test_a_plain_folder_is_shown_by_name_and_nobody_knows_the_truth(tmp_path: Path):
    for name in ("b.png", "a.JPG", "sub/c.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._a.jpg").write_text("what a Mac leaves behind")
    shots = list(FolderCamera(tmp_path))
    assert [shot.part_id for shot in shots] == ["a.JPG", "b.png", "sub/c.png"]
    assert {(shot.truth, shot.truth_class) for shot in shots} == {(None, "")}


def test_jpeg_and_png_are_passed_on_as_they_are(tmp_path: Path):
    path = picture(tmp_path / "a.png")
    shot = next(FolderCamera(tmp_path))
    assert shot.data == path.read_bytes()
    assert shot.content_type == "image/png"


def test_other_formats_become_png(tmp_path: Path):
    picture(tmp_path / "a.bmp", 77)
    shot = next(FolderCamera(tmp_path))
    assert shot.content_type == "image/png"
    assert np.all(cv2.imdecode(np.frombuffer(shot.data, np.uint8), cv2.IMREAD_COLOR) == 77)


def test_an_image_above_what_a_message_takes_is_encoded_anew(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (1700, 1700, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    assert (tmp_path / "a.png").stat().st_size > MAX_INLINE
    shot = next(FolderCamera(tmp_path))
    assert len(shot.data) <= MAX_INLINE
    assert shot.content_type == "image/jpeg"


def test_repeating_goes_on_with_part_ids_of_their_own(mvtec: Path):
    camera = FolderCamera(mvtec, repeat=True, good_first=2)
    assert camera.total is None
    shown = [next(camera).part_id for _ in range(2 + 15 + 15)]
    assert len(set(shown)) == 32
    assert all(part_id.endswith(" #2") for part_id in shown[17:])


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path):
    with pytest.raises(NotFound, match="no folder"):
        FolderCamera(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="no images"):
        FolderCamera(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")
    picture(tmp_path / "b.jpg")
    with pytest.raises(Invalid, match=r"1 of 2 files are no readable images: a\.jpg"):
        FolderCamera(tmp_path)
