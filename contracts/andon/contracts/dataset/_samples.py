"""What a dataset version is made of."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.annotation import Shape, Verdict

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
VersionId = Sha256
"""sha256 of the version's manifest."""


class Format(StrEnum):
    """How others lay out labelled images; all of them as a zip."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"
    MVTEC = "mvtec"


class Split(StrEnum):
    TRAIN = "train"
    VAL = "val"
    """For choosing while training."""
    TEST = "test"
    """For judging the result, once."""


class Source(StrEnum):
    """Where a sample came from."""

    ANNOTATION = "annotation"
    """People said what it is."""
    TAUGHT = "taught"
    """A good example that a station was taught with."""
    IMPORT = "import"
    """An archive."""


class Sample(Message):
    """One labelled image."""

    sha256: Sha256
    key: str
    """Object key; the bytes belong to the datasets and go with none of them."""
    content_type: str
    size: int
    """Bytes."""
    width: int
    height: int
    """Pixels."""
    verdict: Verdict
    """good or defect."""
    shapes: tuple[Shape, ...] = ()
    classes: tuple[str, ...] = ()
    """What is wrong, in order of names; also of a defect that nobody has marked the place of."""
    split: Split
    group: str
    """Samples of one group are the same part or look the same; a group lies in one split."""
    look: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Perceptual hash: 256 bits, of which few differ between near-duplicates."""
    source: Source
    station_id: str = ""
    part_id: str | None = None
    captured_at: Time | None = None
    inspection_id: str | None = None
    annotation_id: str | None = None
    name: str = ""
    """The file's, in an archive."""


class Manifest(Message):
    """All that a version is; its bytes' sha256 is the version's id. In the object store as JSON."""

    form: str = "andon-dataset-1"
    dataset: Name
    samples: tuple[Sample, ...]
    """In order of sha256."""
