"""Finds the labelled images of an archive, one by one."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from andon.contracts import Invalid
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.dataset import Format, Split
from andon.datasets._archive import Archive, Limits, opened

_SPLITS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.VAL,
    "valid": Split.VAL,
    "validation": Split.VAL,
    "test": Split.TEST,
    "testing": Split.TEST,
}


@dataclass(frozen=True)
class Found:
    """A labelled image in an archive."""

    name: str
    data: bytes
    verdict: Verdict
    shapes: tuple[Shape, ...] = ()
    classes: tuple[str, ...] = ()
    """Of a defect without a place, what it is."""
    split: Split | None = None
    """Where the archive puts it."""


@dataclass
class Reading:
    """The images, and what was left out on the way."""

    images: Iterator[Found]
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """Numbers of images by reason, complete when all are read."""

    def leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


@contextmanager
def read(path: Path, form: Format, limits: Limits) -> Generator[Reading]:
    """Open an archive; its images are read one at a time, as they are asked for.

    Raises UnsupportedMedia, Invalid and TooLarge, then and while reading, naming file and line.
    """
    with opened(path, limits) as archive:
        if not archive.images:
            raise Invalid("archive: there is no image in it")
        reading = Reading(iter(()))
        reading.images = _readers()[form](archive, reading)
        yield reading


def _readers() -> Mapping[Format, Callable[[Archive, Reading], Iterator[Found]]]:
    from andon.datasets import _coco, _mvtec, _voc, _yolo  # noqa: PLC0415 - they need this module's Found

    return {
        Format.COCO: _coco.found,
        Format.YOLO: _yolo.found,
        Format.VOC: _voc.found,
        Format.MVTEC: _mvtec.found,
    }


def split_of(name: str) -> Split | None:
    """By a folder on the way, or by the words of the file's own name."""
    path = PurePosixPath(name)
    words = [*path.parent.parts, *path.stem.replace("-", "_").split("_")]
    return next((_SPLITS[word.lower()] for word in words if word.lower() in _SPLITS), None)


def judged(name: str, data: bytes, shapes: tuple[Shape, ...], split: Split | None) -> Found:
    """Good where nothing is marked."""
    classes = tuple(sorted({shape.class_name for shape in shapes}))
    return Found(name, data, Verdict.DEFECT if shapes else Verdict.GOOD, shapes, classes, split)
