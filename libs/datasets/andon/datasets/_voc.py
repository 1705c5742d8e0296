"""Pascal VOC: an XML file for each image, with boxes in pixels that begin at 1, both edges included."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from andon.contracts import Invalid
from andon.contracts.annotation import Shape
from andon.contracts.dataset import Sample, Split
from andon.datasets._archive import Archive, shown
from andon.datasets._marks import class_of, shape_of, size_of
from andon.datasets._reading import Found, Reading, judged, split_of

_SETS = {"train": Split.TRAIN, "val": Split.VAL, "test": Split.TEST}
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def found(archive: Archive, reading: Reading) -> Iterator[Found]:
    """Images with an XML file; those without objects are good."""
    files = [name for name in archive.names if name.lower().endswith(".xml")]
    labels = {PurePosixPath(name).stem: name for name in files}
    if len(labels) < len(files):
        raise Invalid("archive: two XML files have the same name")
    if not labels:
        raise Invalid("archive: there is no XML file in it")
    sets = _sets(archive)
    for image in archive.images:
        stem = PurePosixPath(image).stem
        file = labels.get(stem)
        if file is None:
            reading.leave_out("without an XML file")
            continue
        data = archive.image(image)
        shapes = _shapes(archive, file, size_of(data, image))
        yield judged(image, data, shapes, sets.get(stem) or split_of(image))


def _sets(archive: Archive) -> dict[str, Split]:
    sets: dict[str, Split] = {}
    for name in archive.names:
        path = PurePosixPath(name)
        if path.parts[-3:-1] == ("ImageSets", "Main") and path.stem in _SETS:
            for line in archive.labels(name).splitlines():
                if line.strip():
                    sets[line.split()[0]] = _SETS[path.stem]
    return sets


def _shapes(archive: Archive, file: str, size: tuple[int, int]) -> tuple[Shape, ...]:
    text = archive.labels(file)
    if "<!" in text:  # no label file has a document type; it is what entity bombs need
        raise Invalid(f"archive: {shown(file)}: XML with a document type or entities is not read")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except (ET.ParseError, RecursionError) as error:
        raise Invalid(f"archive: {shown(file)}: it is not XML: {error}") from error
    return tuple(
        _shape(each, size, f"{shown(file)}: object {number}")
        for number, each in enumerate(root.iter("object"), start=1)
    )


def _shape(each: ET.Element, size: tuple[int, int], where: str) -> Shape:
    name = class_of(each.findtext("name", ""), where)
    try:
        x1, y1, x2, y2 = (float(each.findtext(f"bndbox/{edge}", "")) for edge in _EDGES)
    except ValueError:
        raise Invalid(f"archive: {where}: bndbox is not xmin, ymin, xmax, ymax") from None
    return shape_of(name, (x1 - 1, y1 - 1, x2, y2), size, where)


def label_files(samples: list[tuple[Sample, str]]) -> Iterator[tuple[str, str]]:
    """Path and content of each file of labels."""
    for split in Split:
        stems = [PurePosixPath(name).stem for sample, name in samples if sample.split is split]
        yield f"ImageSets/Main/{split}.txt", "".join(f"{stem}\n" for stem in stems)
    for sample, name in samples:
        yield f"Annotations/{PurePosixPath(name).stem}.xml", _file(sample, name)


def image_path(_sample: Sample, name: str) -> str:
    return f"JPEGImages/{name}"


def _file(sample: Sample, name: str) -> str:
    size = f"<width>{sample.width}</width><height>{sample.height}</height><depth>3</depth>"
    return (
        f"<annotation>\n <folder>JPEGImages</folder>\n <filename>{escape(name)}</filename>\n"
        f" <size>{size}</size>\n <segmented>0</segmented>\n"
        f"{''.join(map(_object, sample.shapes))}</annotation>\n"
    )


def _object(shape: Shape) -> str:
    x1, y1, x2, y2 = shape.bbox
    edges = "".join(
        f"<{edge}>{value}</{edge}>" for edge, value in zip(_EDGES, (x1 + 1, y1 + 1, x2, y2), strict=True)
    )
    return (
        f" <object><name>{escape(shape.class_name)}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult><bndbox>{edges}</bndbox></object>\n"
    )
