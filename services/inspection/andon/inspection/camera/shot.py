"""What a camera yields: one picture of one part, and what is known about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Truth = Literal["good", "defect"]

MAX_INLINE = 8_000_000
"""Bytes of an image that travels inside a message."""


@dataclass(frozen=True)
class Shot:
    """One encoded picture. The truth stays with the camera: it is never sent."""

    data: bytes
    """JPEG or PNG as encoded."""
    part_id: str
    truth: Truth | None = None
    """None where nobody knows."""
    truth_class: str = ""
    """`good`, the kind of defect, or empty where nobody knows."""
    mask: NDArray[np.uint8] | None = None
    """Height x width, 255 where the defect is; only where the camera knows."""
    content_type: str = "image/jpeg"


class Source(Protocol):
    """A camera: an iterator of shots that ends when there are no more parts."""

    @property
    def about(self) -> str:
        """One line for people: what is being looked at."""
        ...

    @property
    def good_first(self) -> int:
        """How many of the first shots are good parts to teach with; 0 where nobody knows."""
        ...

    @property
    def total(self) -> int | None:
        """How many shots there will be; None without an end."""
        ...

    def __iter__(self) -> Iterator[Shot]: ...

    def __next__(self) -> Shot: ...
