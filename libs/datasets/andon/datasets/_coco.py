"""COCO: JSON files with images, categories and annotations; boxes as x, y, width, height."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, cast

from andon.contracts import Invalid
from andon.contracts.annotation import Shape
from andon.contracts.dataset import Sample, Split
from andon.datasets._archive import Archive, shown
from andon.datasets._marks import around, class_of, shape_of, size_of
from andon.datasets._reading import Found, Reading, judged, split_of

Json = dict[str, Any]


def found(archive: Archive, reading: Reading) -> Iterator[Found]:
    """Images that a JSON file lists; those without annotations are good."""
    files = [name for name in archive.names if name.lower().endswith(".json")]
    by_name = _by_last_name(archive)
    listed: set[str] = set()
    for file in files:
        content = _parsed(archive, file)
        if content is None:
            continue
        names = {each["id"]: class_of(each["name"], f"{file}: categories") for each in content["categories"]}
        marks: dict[Any, list[Json]] = {}
        for mark in content["annotations"]:
            marks.setdefault(mark["image_id"], []).append(mark)
        for entry in content["images"]:
            name = _located(str(entry["file_name"]), file, archive, by_name)
            if name in listed:
                raise Invalid(f"archive: {file}: '{shown(name)}' is listed twice")
            listed.add(name)
            data = archive.image(name)
            size = size_of(data, name)
            said = marks.get(entry["id"], [])
            shapes = tuple(_shape(each, names, size, f"{file}: annotation {each.get('id')}") for each in said)
            yield judged(name, data, shapes, split_of(name) or split_of(file))
    if not listed:
        raise Invalid("archive: there is no JSON file in it with images, annotations and categories")
    for name in archive.images:
        if name not in listed:
            reading.leave_out("not listed in any JSON file")


def _parsed(archive: Archive, file: str) -> Json | None:
    """None for a JSON file that is about something else."""
    try:
        content = json.loads(archive.labels(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise Invalid(f"archive: {file}: it is not JSON") from error
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        return None
    parts = cast("Json", content)
    parts.setdefault("categories", [])
    needs = {"images": {"id", "file_name"}, "annotations": {"image_id"}, "categories": {"id", "name"}}
    for part, fields in needs.items():
        entries = parts[part]
        if not isinstance(entries, list):
            raise Invalid(f"archive: {file}: {part} is not a list")
        for number, each in enumerate(cast("list[Any]", entries)):
            if not isinstance(each, dict) or not fields <= cast("Json", each).keys():
                raise Invalid(f"archive: {file}: {part}[{number}] lacks one of {', '.join(sorted(fields))}")
            if any(isinstance(each[name], list | dict) for name in fields):
                raise Invalid(f"archive: {file}: {part}[{number}] is not as it must be")
    return parts


def _by_last_name(archive: Archive) -> dict[str, str | None]:
    """None for one that several images have."""
    last: dict[str, str | None] = {}
    for name in archive.images:
        short = PurePosixPath(name).name
        last[short] = None if short in last else name
    return last


def _located(wanted: str, file: str, archive: Archive, by_name: Mapping[str, str | None]) -> str:
    root = PurePosixPath(file).parent
    for folder in (root, root / "images", root.parent, root.parent / "images", PurePosixPath()):
        if (name := str(folder / wanted)) in archive:
            return name
    name = by_name.get(PurePosixPath(wanted).name)
    if name is None:
        raise Invalid(f"archive: {file}: there is no image '{shown(wanted)}' in the archive")
    return name


def _shape(mark: Json, names: Mapping[Any, str], size: tuple[int, int], where: str) -> Shape:
    name = names.get(mark.get("category_id"))
    if name is None:
        raise Invalid(f"archive: {where}: there is no category {mark.get('category_id')!r}")
    outline = _outline(mark.get("segmentation"), where)
    box = mark.get("bbox")
    if box is None and outline:
        return shape_of(name, around(outline), size, where, outline)
    match box:
        case [int() | float() as x, int() | float() as y, int() | float() as wide, int() | float() as tall]:
            return shape_of(name, (x, y, x + wide, y + tall), size, where, outline)
        case _:
            raise Invalid(f"archive: {where}: bbox is not x, y, width, height")


def _outline(segmentation: Any, where: str) -> list[tuple[float, float]]:
    """The largest of several rings; run-lengths are left to the box."""
    if not isinstance(segmentation, list):
        return []
    every = cast("list[Any]", segmentation)
    rings = [cast("list[Any]", each) for each in every if isinstance(each, list)]
    ring = max(rings, key=len, default=list[Any]())
    if len(ring) % 2 or not all(isinstance(value, int | float) for value in ring):
        raise Invalid(f"archive: {where}: segmentation is not pairs of numbers")
    return [(float(x), float(y)) for x, y in zip(ring[::2], ring[1::2], strict=True)]


def label_files(samples: list[tuple[Sample, str]]) -> Iterator[tuple[str, str]]:
    """Path and content of each file of labels; samples come with their images' names."""
    classes = sorted({name for sample, _ in samples for name in sample.classes})
    numbers = {name: number for number, name in enumerate(classes, start=1)}
    categories = [{"id": number, "name": name, "supercategory": "defect"} for name, number in numbers.items()]
    for split in Split:
        some = [(sample, name) for sample, name in samples if sample.split is split]
        if not some:
            continue
        images = [
            {"id": number, "file_name": name, "width": sample.width, "height": sample.height}
            for number, (sample, name) in enumerate(some, start=1)
        ]
        marks = [
            _mark(shape, number, numbers)
            for number, (sample, _) in enumerate(some, start=1)
            for shape in sample.shapes
        ]
        numbered = [{"id": number, **mark} for number, mark in enumerate(marks, start=1)]
        content = {"images": images, "annotations": numbered, "categories": categories}
        yield f"annotations/instances_{split}.json", json.dumps(content)


def image_path(sample: Sample, name: str) -> str:
    return f"images/{sample.split}/{name}"


def _mark(shape: Shape, image: int, numbers: Mapping[str, int]) -> Json:
    x1, y1, x2, y2 = shape.bbox
    return {
        "image_id": image,
        "category_id": numbers[shape.class_name],
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
        "segmentation": [[value for point in shape.polygon for value in point]] if shape.polygon else [],
        "iscrowd": 0,
    }
