"""YOLO: data.yaml, and beside each image a text file of lines `class x y width height`, in shares of it."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, cast

import yaml

from andon.contracts import Invalid
from andon.contracts.annotation import Shape
from andon.contracts.dataset import Sample
from andon.datasets._archive import Archive
from andon.datasets._marks import around, class_of, shape_of, size_of
from andon.datasets._reading import Found, Reading, judged, split_of

_BOX = 5
"""Words in a line that is a box; more are an outline."""


def found(archive: Archive, reading: Reading) -> Iterator[Found]:
    """Images with a file of labels, which may be empty: then they are good."""
    names = _names(archive)
    labelled = False
    for image in archive.images:
        labels = _labels_of(image, archive)
        if labels is None:
            reading.leave_out("without a file of labels")
            continue
        labelled = True
        data = archive.image(image)
        size = size_of(data, image)
        lines = archive.labels(labels).splitlines()
        shapes = tuple(
            _shape(line.split(), names, size, f"{labels}: line {number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        )
        yield judged(image, data, shapes, split_of(image))
    if not labelled:
        raise Invalid("archive: no image in it has a file of labels (images/x.jpg, labels/x.txt)")


def _names(archive: Archive) -> dict[int, str]:
    """Classes by number; numbers stand for themselves where no file names them."""
    for file in archive.names:
        if PurePosixPath(file).suffix in (".yaml", ".yml"):
            try:
                content = yaml.safe_load(archive.labels(file))
            except (yaml.YAMLError, RecursionError, ValueError) as error:
                raise Invalid(f"archive: {file}: it is not YAML") from error
            names: Any = cast("dict[str, Any]", content).get("names") if isinstance(content, dict) else None
            if isinstance(names, list):
                return {number: class_of(name, file) for number, name in enumerate(cast("list[Any]", names))}
            if isinstance(names, dict):
                pairs = cast("dict[Any, Any]", names).items()
                return {int(key): class_of(name, file) for key, name in pairs if str(key).isdecimal()}
    for file in archive.names:
        if PurePosixPath(file).name == "classes.txt":
            lines = [line for line in archive.labels(file).splitlines() if line.strip()]
            return {number: class_of(line, file) for number, line in enumerate(lines)}
    return {}


def _labels_of(image: str, archive: Archive) -> str | None:
    path = PurePosixPath(image).with_suffix(".txt")
    parts = list(path.parts)
    places = [str(path)]
    for number, part in enumerate(parts):
        if part.lower() == "images":
            places.append(str(PurePosixPath(*parts[:number], "labels", *parts[number + 1 :])))
    return next((place for place in reversed(places) if place in archive), None)


def _shape(words: list[str], names: dict[int, str], size: tuple[int, int], where: str) -> Shape:
    try:
        number, values = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise Invalid(f"archive: {where}: it is not a class's number and coordinates") from None
    if names and number not in names:
        raise Invalid(f"archive: {where}: there is no class {number}")
    name = names.get(number, f"class-{number}")
    width, height = size
    if len(words) == _BOX:
        x, y, wide, tall = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        return shape_of(name, (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2), size, where)
    if len(words) < 2 + _BOX or len(values) % 2:
        raise Invalid(f"archive: {where}: neither a box of 4 numbers nor an outline of 3 points or more")
    outline = [(x * width, y * height) for x, y in zip(values[::2], values[1::2], strict=True)]
    return shape_of(name, around(outline), size, where, outline)


def label_files(samples: list[tuple[Sample, str]]) -> Iterator[tuple[str, str]]:
    """Path and content of each file of labels; outlines only where every shape has one."""
    classes = sorted({name for sample, _ in samples for name in sample.classes})
    numbers = {name: number for number, name in enumerate(classes)}
    outlined = all(shape.polygon for sample, _ in samples for shape in sample.shapes)
    splits = {str(sample.split): f"images/{sample.split}" for sample, _ in samples}
    yield "data.yaml", yaml.safe_dump({"path": ".", **splits, "names": dict(enumerate(classes))})
    for sample, name in samples:
        lines = [_line(shape, sample, numbers[shape.class_name], outlined) for shape in sample.shapes]
        yield f"labels/{sample.split}/{PurePosixPath(name).stem}.txt", "".join(lines)


def image_path(sample: Sample, name: str) -> str:
    return f"images/{sample.split}/{name}"


def _line(shape: Shape, sample: Sample, number: int, outlined: bool) -> str:
    width, height = sample.width, sample.height
    if outlined:
        values = [value for x, y in shape.polygon for value in (x / width, y / height)]
    else:
        x1, y1, x2, y2 = shape.bbox
        values = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    return f"{number} {' '.join(f'{value:.8f}' for value in values)}\n"
