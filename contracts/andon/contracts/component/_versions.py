"""Versions of components: uploaded, activated, read, compared."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from andon.contracts._message import Message, Time

Path = Annotated[str, Field(min_length=1, max_length=300)]
"""`category/name.py`; backslashes and outer slashes are forgiven, and `.py` may be left out."""
Hash = Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{16}|[0-9A-Fa-f]{64})$")]
"""XXH3-64 or SHA-256 of the content, in hex."""
Reason = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line for people who read the history."""


class Category(StrEnum):
    """The first half of a path."""

    AGENT = "agent"
    MODEL = "model"
    DATASET = "dataset"
    DATALOADER = "dataloader"
    TRANSFORM = "transform"
    OPTIMIZER = "optimizer"
    LOSS = "loss"
    METRIC = "metric"
    SCHEDULER = "scheduler"
    SAMPLER = "sampler"
    SOLVER = "solver"
    CHECKPOINT = "checkpoint"
    LOGGER = "logger"


class Kind(StrEnum):
    """What a version's content is."""

    CODE = "code"
    """A Python module, `.py`."""
    PREPROCESSING = "preprocessing"
    """A Python module that prepares images, `.py`."""
    CONFIG = "config"
    """YAML of plain values, `.yaml`."""
    MODEL_HEAD = "model_head"
    """An ONNX graph, `.onnx`; bytes that nobody here reads."""


class Version(Message):
    """One content at one path."""

    path: str
    category: Category
    name: str
    kind: Kind
    sha256: str
    """Its identity at the path."""
    hash: str
    """XXH3-64 in 16 hex digits, by which workers name it."""
    size: int
    """Bytes."""
    is_active: bool
    created_at: Time
    created_by: str


class WithContent(Message):
    """Bytes travel as base64."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64")


class UploadVersion(WithContent):
    path: Path
    content: bytes
    kind: Kind | None = None
    """By default what the path's ending says."""
    activate: bool = True
    by: str
    why: Reason = ""


class Uploaded(Message):
    version: Version
    is_new: bool
    """False when the path had this content already."""


class ActivateVersion(Message):
    hash: Hash
    path: Path | None = None
    """Needed where the same content is at several paths."""
    restore_local: bool = True
    """Also write the file below the store's own folder, where it has one."""
    by: str
    why: Reason = ""


class Activated(Message):
    version: Version
    restored: bool
    """Whether the file below the store's own folder was written."""


class GetVersion(Message):
    """By hash, by path (its active version), or by both."""

    hash: Hash | None = None
    path: Path | None = None


class Content(WithContent):
    version: Version
    content: bytes
    paths: tuple[str, ...]
    """Everywhere this content is."""


class ListVersions(Message):
    path: Path
    include_content: bool = False
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000


class Versions(WithContent):
    """Newest first."""

    versions: tuple[Version, ...]
    contents: dict[str, bytes] = Field(default_factory=dict[str, bytes])
    """By sha256, where asked for; the newest, as far as 4 MiB reach."""


class ListComponents(Message):
    category: Category | None = None
    after: str = ""
    """Only paths behind this one: the way to the next page."""
    limit: Annotated[int, Field(ge=1, le=2000)] = 2000


class Component(Message):
    """A path and what is active there."""

    path: str
    category: Category
    name: str
    active_sha256: str | None = None
    active_hash: str | None = None
    """None while nothing was ever activated."""
    version_count: int
    updated_at: Time


class Components(Message):
    """In order of their paths."""

    components: tuple[Component, ...]


class GetActive(Message):
    paths: Annotated[tuple[str, ...], Field(max_length=5000)]


class Active(Message):
    versions: tuple[Version, ...]
    """Paths that are unknown, invalid or without an active version are left out."""


class DiffVersions(Message):
    from_hash: Hash
    to_hash: Hash
    path: Path | None = None
    """Needed where a content is at several paths."""


class Diff(Message):
    path: str
    from_hash: str
    to_hash: str
    from_content: str
    to_content: str
    unified: str
    """Empty for one and the same content."""


class SearchComponents(Message):
    text: Annotated[str, Field(min_length=1, max_length=200)]
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class Match(Message):
    path: str
    hash: str | None
    line: int
    """From 1; 0 where the path itself matches."""
    text: str
    """The line, cut to 200 characters."""


class Matches(Message):
    """Paths first, then the active versions' contents."""

    matches: tuple[Match, ...]
    complete: bool
    """False when there may be more than were looked at."""


class ListActivations(Message):
    path: Path
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class Activation(Message):
    """The active version of a path changed."""

    path: str
    sequence: int
    """Counts the path's activations from 1."""
    sha256: str
    hash: str
    previous_sha256: str | None = None
    previous_hash: str | None = None
    rollback: bool
    """To a version older than the one before."""
    by: str
    why: str
    at: Time


class Activations(Message):
    """Newest first."""

    activations: tuple[Activation, ...]
