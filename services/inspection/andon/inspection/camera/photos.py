"""Real photographs as a camera: solar cells of the elpv-dataset package."""

import csv
import random
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from andon.contracts import NotFound
from andon.inspection.camera.folder import Picture, read
from andon.inspection.camera.order import is_defect
from andon.inspection.camera.shot import Shot

PACKAGE = "elpv-dataset"
LICENCE = """\
The solar-cell photographs are the ELPV dataset (package elpv-dataset), licensed CC BY-NC-SA 4.0:
name its authors, no commercial use, share changes alike. They are no part of Andon.
Buerhop-Lutz et al., EU PVSEC 2018; Deitsch et al., Solar Energy 185 (2019); Deitsch et al., MVA 32 (2021).
https://creativecommons.org/licenses/by-nc-sa/4.0/"""
"""To be shown before the package is installed."""


class PhotoCamera:
    """Good solar cells first, then good and defective ones mixed."""

    def __init__(  # noqa: PLR0913 - what the command line offers
        self,
        folder: Path | None = None,
        *,
        seed: int = 0,
        good_first: int = 200,
        defects: float = 0.15,
        cells: str = "mono",
        repeat: bool = False,
    ) -> None:
        """Opens the dataset. `folder`: where `pip install --target` put it (None: this Python).

        `cells` is mono, poly or all. Cells with a defect probability of 1/3 are left out: nobody knows.
        Raises NotFound with the command that installs the package.
        """
        good, bad = _cells(_data(folder), cells)
        mixer = random.Random(seed)  # noqa: S311 - an order, not a secret
        mixer.shuffle(good)
        mixer.shuffle(bad)
        self.good_first = min(good_first, len(good))
        taught, mixed = good[: self.good_first], _mixed(good[self.good_first :], bad, defects, seed)
        self.total = None if repeat else len(taught) + len(mixed)
        wrong = sum(picture.truth == "defect" for picture in mixed)
        self.about = (
            f"real photographs of {cells} solar cells: {len(taught)} good ones to teach with, "
            f"then {len(mixed)} mixed ones ({wrong} defective)"
        )
        self._shots = _shown(taught, mixed, repeat)

    def __iter__(self) -> Iterator[Shot]:
        return self

    def __next__(self) -> Shot:
        return next(self._shots)


def _shown(taught: list[Picture], mixed: list[Picture], repeat: bool) -> Iterator[Shot]:
    for picture in taught:
        yield read(picture)
    turn = 1
    while mixed and (turn == 1 or repeat):
        for picture in mixed:
            yield read(picture, turn)
        turn += 1


def _mixed(good: list[Picture], bad: list[Picture], share: float, seed: int) -> list[Picture]:
    """Good and bad in the given share, until one of them runs out."""
    sides, shown = {False: iter(good), True: iter(bad)}, list[Picture]()
    for number in range(len(good) + len(bad)):
        picture = next(sides[is_defect(number, share, seed)], None)
        if picture is None:
            break
        shown.append(picture)
    return shown


def _data(folder: Path | None) -> Path:
    """Found without importing the package: its code is not needed and not run."""
    if folder is None:
        spec = find_spec("elpv_dataset")
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    else:
        places = [folder / "elpv_dataset"]
    data = next((place / "data" for place in places if (place / "data" / "labels.csv").is_file()), None)
    if data is None:
        where = f" --target {folder}" if folder else ""
        raise NotFound(
            f"The photographs are not installed. Install them with: pip install --no-deps{where} {PACKAGE}"
        )
    return data


def _cells(data: Path, cells: str) -> tuple[list[Picture], list[Picture]]:
    good, bad = list[Picture](), list[Picture]()
    rows = csv.reader((data / "labels.csv").read_text().splitlines(), delimiter=" ", skipinitialspace=True)
    for name, probability, kind, *_ in rows:
        if cells not in (kind, "all"):
            continue
        part_id = Path(name).stem
        if float(probability) == 0:
            good.append(Picture(data / name, part_id, "good", "good"))
        elif float(probability) > 0.5:  # noqa: PLR2004 - the labels are 0, 1/3, 2/3 and 1
            bad.append(Picture(data / name, part_id, "defect", "defect"))
    return good, bad
