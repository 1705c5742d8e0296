"""Versions: what is in them, who stands for them, how they differ."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.annotation import Verdict
from andon.contracts.dataset._samples import Sample, Split, VersionId


class Approval(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"


class Counts(Message):
    """How many samples there are of what."""

    samples: int
    groups: int
    bytes: int
    verdicts: dict[str, int]
    classes: dict[str, int]
    splits: dict[str, dict[str, int]]
    """By split, then by verdict."""
    stations: dict[str, int]


class DatasetVersion(Message):
    """A version: what its manifest holds never changes, what people think of it may."""

    id: VersionId
    dataset: str
    number: int
    """1 is the dataset's first."""
    manifest_key: str
    manifest_size: int
    """Bytes."""
    counts: Counts
    notes: tuple[str, ...] = ()
    """What a person should know: duplicates, what was left out, a split without defects."""
    base: str | None = None
    description: str = ""
    created_at: Time
    by: str
    approval: Approval = Approval.DRAFT
    approved_by: str | None = None
    approved_at: Time | None = None
    approval_note: str = ""


class GetVersion(Message):
    id: VersionId


class ListVersions(Message):
    dataset: Name | None = None
    approval: Approval | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class Versions(Message):
    """Newest first."""

    total: int
    items: tuple[DatasetVersion, ...]


class ListSamples(Message):
    id: VersionId
    split: Split | None = None
    verdict: Verdict | None = None
    class_name: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    offset: Annotated[int, Field(ge=0)] = 0


class Samples(Message):
    """In the manifest's order."""

    total: int
    items: tuple[Sample, ...]


class ApproveVersion(Message):
    id: VersionId
    approved: bool = True
    note: Annotated[str, Field(max_length=2000)] = ""
    by: Label


class CompareVersions(Message):
    id: VersionId
    other: VersionId
    """What it is compared with: the older one."""
    limit: Annotated[int, Field(ge=0, le=1000)] = 200
    """Of named samples in each list."""


class Difference(Message):
    """What became of the other version's samples, by sha256; lists are cut at the limit."""

    id: str
    other: str
    added: int
    removed: int
    relabelled: int
    moved: int
    """In another split."""
    same: int
    added_samples: tuple[str, ...]
    removed_samples: tuple[str, ...]
    relabelled_samples: tuple[str, ...]
    moved_samples: tuple[str, ...]
