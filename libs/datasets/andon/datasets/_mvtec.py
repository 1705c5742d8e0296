"""MVTec folders: train/good, test/good, test/<defect>, and masks in ground_truth/<defect>."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any, cast

from PIL import Image, ImageDraw

from andon.contracts import Invalid
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.dataset import Sample, Split
from andon.datasets._archive import Archive
from andon.datasets._marks import class_of, shape_of, size_of
from andon.datasets._reading import Found, Reading, judged

_SPLITS = {"train": Split.TRAIN, "test": Split.TEST}
_SMALLEST = 4
"""Pixels that a spot of a mask has at least; smaller ones are crumbs of its compression."""
_MOST_SIDE_PIXELS = 50_000_000


def found(archive: Archive, reading: Reading) -> Iterator[Found]:
    """Images below train and test, in the archive's root or in a folder for each product."""
    any_found = False
    for image in archive.images:
        parts = PurePosixPath(image).parts
        place = next((n for n, part in enumerate(parts[:-2]) if part in _SPLITS), None)
        if place is None or "ground_truth" in parts:
            if "ground_truth" not in parts:
                reading.leave_out("neither below train nor below test")
            continue
        any_found = True
        split, kind = _SPLITS[parts[place]], parts[place + 1]
        data = archive.image(image)
        if kind == "good":
            size_of(data, image)
            yield judged(image, data, (), split)
            continue
        name = class_of(kind, image)
        mask = _mask_of(PurePosixPath(*parts[:place]), kind, PurePosixPath(image).stem, archive)
        shapes = _shapes(archive.image(mask), name, size_of(data, image), mask) if mask else ()
        yield Found(image, data, Verdict.DEFECT, shapes, (name,), split)
    if not any_found:
        raise Invalid("archive: there is no image below train/good, test/good or test/<defect> in it")


def _mask_of(root: PurePosixPath, kind: str, stem: str, archive: Archive) -> str | None:
    folder = root / "ground_truth" / kind
    names = (f"{folder / stem}{ending}{suffix}" for ending in ("_mask", "") for suffix in _MASKS)
    return next((name for name in names if name in archive), None)


_MASKS = (".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")


def _shapes(data: bytes, name: str, size: tuple[int, int], where: str) -> tuple[Shape, ...]:
    """One for each spot of the mask."""
    import cv2  # noqa: PLC0415 - who only writes archives does without its 40 MB
    import numpy as np  # noqa: PLC0415 - the same

    wide, tall = size_of(data, where)
    if (wide, tall) != size or wide * tall > _MOST_SIDE_PIXELS:
        raise Invalid(f"archive: {where}: the mask is {wide} x {tall}, its image {size[0]} x {size[1]}")
    try:
        with Image.open(BytesIO(data)) as image:
            mask = (np.asarray(image.convert("RGB")).max(axis=2) > 127).astype(np.uint8)  # noqa: PLR2004 - half
    except (OSError, SyntaxError, ValueError) as error:
        raise Invalid(f"archive: {where}: it can't be read as an image") from error
    contours = cast("Any", cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE))
    shapes: list[Shape] = []
    for ring in list(contours[0]):
        x, y, w, h = cv2.boundingRect(ring)
        if w * h < _SMALLEST:
            continue
        # A contour runs through the middle of pixels; an outline goes around them.
        wider, taller = w / max(w - 1, 1), h / max(h - 1, 1)
        corners = cast("Any", cv2.approxPolyDP(ring, 1.0, closed=True))
        points: list[list[float]] = corners[:, 0, :].tolist()
        outline = [(x + (px - x) * wider, y + (py - y) * taller) for px, py in points]
        shapes.append(shape_of(name, (x, y, x + w, y + h), size, where, outline))
    return tuple(sorted(shapes, key=lambda shape: shape.bbox))


def image_path(sample: Sample, name: str) -> str:
    """Defects are always below test, as the layout has no others; good ones to choose by go with training."""
    if sample.verdict is Verdict.GOOD:
        return f"{'test' if sample.split is Split.TEST else 'train'}/good/{name}"
    return f"test/{_kind(sample)}/{name}"


def mask_of(sample: Sample, name: str) -> tuple[str, bytes] | None:
    """Path and PNG of a defect's mask; None where nobody has marked its place."""
    if not sample.shapes:
        return None
    mask = Image.new("L", (sample.width, sample.height))
    for shape in sample.shapes:
        x1, y1, x2, y2 = shape.bbox
        spot = Image.new("L", (x2 - x1, y2 - y1), 0 if shape.polygon else 255)
        if shape.polygon:
            ImageDraw.Draw(spot).polygon([(x - x1, y - y1) for x, y in shape.polygon], fill=255)
        mask.paste(255, (x1, y1), spot)
    out = BytesIO()
    mask.save(out, "PNG")
    return f"ground_truth/{_kind(sample)}/{PurePosixPath(name).stem}_mask.png", out.getvalue()


def _kind(sample: Sample) -> str:
    return sample.classes[0] if sample.classes else "defect"
