"""What a fit is told, what it says on the way, and what comes out of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from pydantic import Field

from andon.contracts import Invalid, Message
from andon.contracts.station import Region, Thresholds
from andon.contracts.training import Head

FEWEST_IMAGES = 8
MOST_IMAGES = 1000
"""The features of so many fit into 400 MB; of more, evenly spaced ones are taken."""

T = TypeVar("T")


class FitOrder(Message):
    """The fitting process's instructions; images are files beside them."""

    keys: tuple[str, ...]
    """Object keys, for messages and the manifest; the image of keys[i] is the file `images/<i>`."""
    head: Head = Head.AUTO
    region: Region = Region()
    """What of each image the station looks at."""
    threads: int = 2
    seed: int = 0


class FitStep(Message):
    """One line on the fitting process's output."""

    stage: str
    fraction: float
    message: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)


class Say(Protocol):
    """Tells how far a run is."""

    def __call__(
        self, stage: str, fraction: float, message: str, metrics: Mapping[str, float] = ..., /
    ) -> None: ...


class FittedFile(Message):
    """A model file the fitting process left beside its order."""

    name: str
    sha256: str
    size: int


class FitResult(Message):
    """What the fitting process leaves behind."""

    head: Head
    thresholds: Thresholds
    metrics: dict[str, float]
    notes: tuple[str, ...]
    """What a person should know: too few images, a refused quantisation."""
    source_sha256: tuple[str, ...]
    fp32: FittedFile
    int8: FittedFile | None = None


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly spaced, the first and last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / max(1, most - 1))] for place in range(most)]


def enough(count: int) -> None:
    """Raises Invalid where there are too few images to say what normal is."""
    if count < FEWEST_IMAGES:
        raise Invalid(f"a fit needs at least {FEWEST_IMAGES} good images; there are {count}")
