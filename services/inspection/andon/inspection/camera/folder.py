"""A folder of the user's own images as a camera."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts import Invalid, NotFound, TooLarge
from andon.inspection.camera.shot import MAX_INLINE, Shot, Truth
from andon.inspection.domain.batch import IMAGES

SUFFIXES = IMAGES
_MEDIA = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
LONGEST_PART_ID = 112
"""Characters; leaves room for the turn within a label's 128."""
_OTHER = (b"BM", b"II*\x00", b"MM\x00*", b"RIFF")


@dataclass(frozen=True)
class Picture:
    """A file and what its place in the folder says about it."""

    path: Path
    part_id: str
    truth: Truth | None = None
    truth_class: str = ""
    mask: Path | None = None


class FolderCamera:
    """Shows every image once: `train/good` first and `test` mixed, or a plain folder by name."""

    def __init__(
        self, folder: Path, *, seed: int = 0, good_first: int | None = None, repeat: bool = False
    ) -> None:
        """Opens a folder. Raises NotFound (no folder, no images) and Invalid (unreadable images).

        `good_first` limits how many of `train/good` are shown; `repeat` shows what came after them
        again and again, mixed anew.
        """
        folder = folder.expanduser()
        if not folder.is_dir():
            raise NotFound(f"There is no folder {folder}.")
        taught, mixed = _layout(folder)
        taught = taught[:good_first]
        if not taught and not mixed:
            wanted = ", ".join(sorted(SUFFIXES))
            raise NotFound(f"There are no images in {folder}. Andon reads {wanted}.")
        _check(taught + mixed)
        self._known = bool(taught)
        self.good_first = len(taught)
        self.total = None if repeat else len(taught) + len(mixed)
        self.about = _about(folder, taught, mixed)
        self._shots = self._all(taught, mixed, seed, repeat)

    def __iter__(self) -> Iterator[Shot]:
        return self

    def __next__(self) -> Shot:
        return next(self._shots)

    def _all(self, taught: list[Picture], mixed: list[Picture], seed: int, repeat: bool) -> Iterator[Shot]:
        for picture in taught:
            yield read(picture)
        turn = 1
        while mixed and (turn == 1 or repeat):
            pictures = list(mixed)
            if self._known:
                random.Random(seed + turn).shuffle(pictures)  # noqa: S311 - an order, not a secret
            for picture in pictures:
                yield read(picture, turn)
            turn += 1


def read(picture: Picture, turn: int = 1) -> Shot:
    """Read a picture's bytes as they are; re-encode only what Andon doesn't take as it is.

    Raises Invalid where the file can't be read or decoded, TooLarge where no encoding fits the bus.
    """
    try:
        data = picture.path.read_bytes()
    except OSError as error:
        raise Invalid(f"{picture.path} can't be read: {error.strerror}.") from error
    media = next((media for magic, media in _MEDIA if data.startswith(magic)), None)
    if media is None:
        data, media = _encode(data, ".png", picture.path), "image/png"
    if len(data) > MAX_INLINE:
        data, media = _encode(data, ".jpg", picture.path), "image/jpeg"
    if len(data) > MAX_INLINE:
        raise TooLarge(f"{picture.path} is above {MAX_INLINE // 1_000_000} MB even as a JPEG.")
    return Shot(
        data,
        picture.part_id + (f" #{turn}" if turn > 1 else ""),
        picture.truth,
        picture.truth_class,
        _mask(picture.mask),
        media,
    )


def _encode(data: bytes, suffix: Literal[".png", ".jpg"], path: Path) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Invalid(f"{path} is no image that can be decoded.")
    return cv2.imencode(suffix, pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def _mask(path: Path | None) -> NDArray[np.uint8] | None:
    if path is None:
        return None
    drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return None if drawn is None else np.where(drawn > 0, 255, 0).astype(np.uint8)


def _layout(folder: Path) -> tuple[list[Picture], list[Picture]]:
    train, test = folder / "train" / "good", folder / "test"
    if not (train.is_dir() or test.is_dir()):
        return [], [Picture(path, _part_id(folder, path)) for path in _images(folder)]
    taught = [_known(folder, path, "good") for path in _images(train)]
    mixed = [
        _known(folder, path, kind.name)
        for kind in sorted(test.iterdir() if test.is_dir() else ())
        if kind.is_dir()
        for path in _images(kind)
    ]
    return taught, mixed


def _known(folder: Path, path: Path, kind: str) -> Picture:
    masks = folder / "ground_truth" / kind
    named = (masks / f"{path.stem}{ending}.png" for ending in ("", "_mask"))
    mask = next((mask for mask in named if mask.is_file()), None)
    truth: Truth = "good" if kind == "good" else "defect"
    return Picture(path, _part_id(folder, path), truth, kind, mask)


def _part_id(folder: Path, path: Path) -> str:
    """The path inside the folder: its end, where it is longer than a part id may be."""
    return path.relative_to(folder).as_posix()[-LONGEST_PART_ID:]


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    return sorted(path for path in files if not path.name.startswith("."))


def _check(pictures: list[Picture]) -> None:
    bad = [picture.path for picture in pictures if not _looks_like_an_image(picture.path)]
    if bad:
        names = ", ".join(path.name for path in bad[:3]) + (", ..." if len(bad) > 3 else "")  # noqa: PLR2004
        raise Invalid(f"{len(bad)} of {len(pictures)} files are no readable images: {names}.")


def _looks_like_an_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return False
    return start.startswith(tuple(magic for magic, _ in _MEDIA) + _OTHER)


def _about(folder: Path, taught: list[Picture], mixed: list[Picture]) -> str:
    if not taught and not any(picture.truth for picture in mixed):
        return f"{len(mixed)} images of {folder}, by name"
    defects = sum(picture.truth == "defect" for picture in mixed)
    then = f"{len(mixed)} mixed ones ({defects} defective)"
    return f"{folder}: {len(taught)} good parts to teach with, then {then}"
