"""What people said of a part: whether it can be, and whether they agree."""

from collections.abc import Sequence
from dataclasses import dataclass

from andon.contracts import BadRequest
from andon.contracts.annotation import Annotation, Shape, Verdict
from andon.contracts.inspection import Box
from andon.contracts.review import Annotate, ReviewState

SAME = 0.5
"""Intersection over union from which two boxes mean the same defect."""


def check(said: Annotate, width: int, height: int, classes: Sequence[str]) -> None:
    """Raises BadRequest naming the field where the finding can't be one on an image of this size."""
    if said.verdict is Verdict.DEFECT and not said.shapes:
        raise _bad("annotations", "a defect is marked by at least one box; or is the part good, or unsure?")
    if said.verdict is not Verdict.DEFECT and said.shapes:
        raise _bad("annotations", f"a part that is {said.verdict} has none")
    for number, shape in enumerate(said.shapes):
        field = f"annotations.{number}"
        if classes and shape.class_name not in classes:
            known = ", ".join(classes)
            raise _bad(f"{field}.class_name", f"'{shape.class_name}' is no class of this station ({known})")
        _check_place(shape, width, height, field)


def _check_place(shape: Shape, width: int, height: int, field: str) -> None:
    x1, y1, x2, y2 = shape.bbox
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        raise _bad(f"{field}.bbox", f"it lies outside of the image ({width} x {height})")
    for x, y in shape.polygon:
        if not (0 <= x <= width and 0 <= y <= height):  # also where one is not a number
            raise _bad(f"{field}.polygon", f"it lies outside of the image ({width} x {height})")
        if not (x1 - 1 <= x <= x2 + 1 and y1 - 1 <= y <= y2 + 1):
            raise _bad(f"{field}.polygon", "it lies outside of its bbox")
    if shape.polygon and area(shape.polygon) < 1:
        raise _bad(f"{field}.polygon", "it encloses nothing")


def _bad(field: str, why: str) -> BadRequest:
    return BadRequest(f"{field}: {why}", {field: why})


def area(polygon: Sequence[tuple[float, float]]) -> float:
    """Pixels that an outline encloses."""
    turned = [*polygon[1:], polygon[0]]
    return abs(sum(x * b - a * y for (x, y), (a, b) in zip(polygon, turned, strict=True))) / 2


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    common = wide * tall
    return common / (_size(one) + _size(other) - common)


def _size(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def agree(one: Annotation, other: Annotation) -> bool:
    """Whether two people found the same: the same verdict, and for each defect one of its class and place."""
    if one.verdict is not other.verdict or len(one.shapes) != len(other.shapes):
        return False
    left = list(other.shapes)
    for shape in one.shapes:
        near = [each for each in left if each.class_name == shape.class_name]
        best = max(near, key=lambda each: overlap(shape.bbox, each.bbox), default=None)
        if best is None or overlap(shape.bbox, best.bbox) < SAME:
            return False
        left.remove(best)
    return True


@dataclass(frozen=True)
class Settled:
    """Where an item stands by what was said of it."""

    state: ReviewState
    counts: Annotation | None
    """The annotation that counts."""
    disputed: bool


def settle(said: Sequence[Annotation], reviewers: int) -> Settled:
    """Where an item stands: an engineer's last word first, then whether enough people agree."""
    newest = sorted(said, key=lambda each: each.at, reverse=True)
    counts = next((each for each in newest if each.final), None)
    if counts is None and reviewers == 1:
        counts = next(iter(newest), None)
    if counts is None:
        counts = next((each for each in newest if _seconded(each, newest)), None)
    state = ReviewState.PENDING if counts is None else ReviewState.LABELED
    return Settled(state, counts, disputed=counts is None and len(newest) > 1)


def _seconded(each: Annotation, said: Sequence[Annotation]) -> bool:
    return any(other.by != each.by and agree(each, other) for other in said)
