"""Photographs with labels, laid out as the elpv-dataset package lays them out."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from andon.contracts import NotFound
from andon.inspection.camera import LICENCE, PhotoCamera


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """60 cells, a third each of probability 0, 1/3 and 1, half of them mono."""
    data = tmp_path / "elpv_dataset" / "data"
    (data / "images").mkdir(parents=True)
    rows = list[str]()
    for n in range(60):
        name = f"images/cell{n:04}.png"
        cv2.imwrite(str(data / name), np.full((30, 30), n, np.uint8))
        probability = (0.0, 0.3333333333333333, 1.0)[n % 3]
        rows.append(f"{name}  {probability:<19} {'mono' if n < 30 else 'poly'}")
    (data / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_good_cells_come_first_and_doubtful_ones_never(installed: Path):
    shots = list(PhotoCamera(installed, good_first=4, defects=0.5))
    assert [shot.truth for shot in shots[:4]] == ["good"] * 4
    assert {shot.truth for shot in shots[4:]} == {"good", "defect"}
    assert all(int(shot.part_id.removeprefix("cell")) % 3 != 1 for shot in shots)
    assert all(int(shot.part_id.removeprefix("cell")) < 30 for shot in shots), "mono cells only"
    assert len({shot.part_id for shot in shots}) == len(shots)


def test_labels_agree_with_the_photographs_and_bytes_are_untouched(installed: Path):
    for shot in PhotoCamera(installed, good_first=2, defects=0.3, cells="all"):
        path = installed / "elpv_dataset/data/images" / f"{shot.part_id}.png"
        assert shot.data == path.read_bytes()
        assert shot.truth == ("good" if int(path.stem.removeprefix("cell")) % 3 == 0 else "defect")


def test_more_goods_than_there_are_is_all_of_them(installed: Path):
    camera = PhotoCamera(installed, good_first=1000)
    assert camera.good_first == 10


def test_without_the_package_the_way_to_it_is_said(tmp_path: Path):
    with pytest.raises(NotFound, match=r"pip install --no-deps --target .* elpv-dataset"):
        PhotoCamera(tmp_path)


def test_the_licence_is_named():
    assert "CC BY-NC-SA 4.0" in LICENCE
