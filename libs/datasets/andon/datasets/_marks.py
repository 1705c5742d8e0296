"""Boxes and outlines from outside, put into Andon's terms."""

import math
import re
from collections.abc import Sequence
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from andon.contracts import Invalid
from andon.contracts.annotation import Shape

_SLACK = 2
"""Pixels by which labels of others reach beyond the image, as by rounding; they are cut off."""
_MOST_POINTS = 2000
_UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # an error where the process says so
)


def size_of(data: bytes, where: str) -> tuple[int, int]:
    """Width and height in pixels, from the header alone. Raises Invalid naming the file."""
    try:
        with Image.open(BytesIO(data)) as image:
            return image.size
    except _UNREADABLE as error:
        raise Invalid(f"archive: {where}: it can't be read as an image") from error


def class_of(name: object, where: str) -> str:
    """As a name that Andon takes. Raises Invalid naming the place."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", str(name).strip())[:64].strip("._-")
    if not plain:
        raise Invalid(f"archive: {where}: {str(name)[:80]!r} is no name of a class")
    return plain


def shape_of(
    name: str,
    edges: Sequence[float],
    size: tuple[int, int],
    where: str,
    outline: Sequence[tuple[float, float]] = (),
) -> Shape:
    """From x1, y1, x2, y2 in pixels. Raises Invalid naming the place where it can't be on the image."""
    width, height = size
    values = [*edges, *(value for point in outline for value in point)]
    if not all(math.isfinite(value) for value in values):
        raise Invalid(f"archive: {where}: a coordinate is not a number")
    x1, y1, x2, y2 = edges
    inside = -_SLACK <= x1 < x2 <= width + _SLACK and -_SLACK <= y1 < y2 <= height + _SLACK
    if not inside:
        raise Invalid(
            f"archive: {where}: the box {_told(edges)} does not lie in the image {width} x {height}"
        )
    left, top = max(0, round(x1)), max(0, round(y1))
    right, bottom = min(width, max(round(x2), left + 1)), min(height, max(round(y2), top + 1))
    if left >= right or top >= bottom:
        raise Invalid(f"archive: {where}: the box {_told(edges)} is empty")
    cut = [(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in outline]
    if any(math.dist(point, kept) > 2 * _SLACK for point, kept in zip(outline, cut, strict=True)):
        raise Invalid(f"archive: {where}: the outline does not lie in the image {width} x {height}")
    few = cut[:: math.ceil(len(cut) / _MOST_POINTS)] if len(cut) > _MOST_POINTS else cut
    polygon = tuple(few) if len(few) >= 3 else ()  # noqa: PLR2004 - an outline needs three points
    return Shape(class_name=name, bbox=(left, top, right, bottom), polygon=polygon)


def around(outline: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2 of what an outline covers."""
    wide, tall = [x for x, _ in outline], [y for _, y in outline]
    return min(wide), min(tall), max(wide), max(tall)


def _told(edges: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in edges)
