"""What a person says of a part: what is wrong with it and where, or that nothing is."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.inspection import Box

Point = tuple[float, float]
"""x, y in pixels of the original image."""


class Verdict(StrEnum):
    """What a person found."""

    GOOD = "good"
    DEFECT = "defect"
    UNSURE = "unsure"


class Shape(Message):
    """A defect outlined by a person."""

    class_name: Name
    bbox: Box
    polygon: Annotated[tuple[Point, ...], Field(max_length=2000)] = ()
    """The outline, where one was drawn: 3 points or more, inside the image; empty means the box alone."""

    @model_validator(mode="after")
    def _outlined(self) -> Self:
        x1, y1, x2, y2 = self.bbox
        if x2 <= x1 or y2 <= y1:
            raise ValueError("bbox: x2 and y2 are greater than x1 and y1")
        if 0 < len(self.polygon) < 3:  # noqa: PLR2004 - an outline needs three points
            raise ValueError("polygon: at least 3 points, or none")
        return self


class PartImage(Message):
    """The image that an annotation is about, by what it holds."""

    key: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    """Pixels."""


class Annotation(Message):
    """One person's finding on one part; a later one of the same person replaces it."""

    id: str
    inspection_id: str
    station_id: Name
    part_id: str | None = None
    captured_at: Time
    image: PartImage
    verdict: Verdict
    shapes: Annotated[tuple[Shape, ...], Field(max_length=500)] = ()
    """Not empty for a defect, empty otherwise."""
    by: Label
    at: Time
    note: str = ""
    reviewed_by: str = ""
    """Who looked, as the client named them; `by` is who was signed in."""
    final: bool = False
    """An engineer's last word, whoever disagrees."""
