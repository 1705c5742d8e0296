"""What experiments take from the store: manifests, bundles, sync plans."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.component._versions import Hash, Path, Version


class SaveManifest(Message):
    """Replaces the experiment's former one."""

    experiment_uid: Name
    components: Annotated[dict[str, Hash], Field(max_length=5000)]
    """Hash by path; each must be a version of its path."""
    by: str


class GetManifest(Message):
    experiment_uid: Name


class ManifestFile(Message):
    path: str
    hash: str
    sha256: str
    size: int


class Manifest(Message):
    """The exact components of an experiment."""

    experiment_uid: str
    files: tuple[ManifestFile, ...]
    created_at: Time
    created_by: str
    revision: int
    """Goes up each time it is replaced."""


class MakeBundle(Message):
    """Of active versions by path, or of a manifest."""

    paths: Annotated[tuple[str, ...], Field(max_length=2000)] = ()
    experiment_uid: Name | None = None
    folder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """Above everything in the archive."""
    build: bool = True
    """False tells what would be in it."""


class Bundle(Message):
    files: tuple[ManifestFile, ...]
    missing: tuple[str, ...]
    """Paths that are not in it: unknown, invalid or without an active version."""
    total_size: int
    """Bytes, before packing."""
    total_hash: str
    """XXH3-64 over paths and sha256 of all files."""
    key: str | None = None
    """Where the archive waits in the object store for a day or two."""


class PlanSync(Message):
    """What a worker needs, and what it has: hash by path."""

    required: Annotated[tuple[str, ...], Field(max_length=5000)]
    local: Annotated[dict[str, Hash], Field(max_length=5000)]


class Needed(Message):
    version: Version
    download: bool
    """The worker has something else, or nothing."""
    local_known: bool
    """What the worker has is a version of this path."""


class SyncPlan(Message):
    needed: tuple[Needed, ...]
    unknown: tuple[str, ...]


class ValidateConfig(Message):
    path: Path
    parameters: Annotated[tuple[str, ...], Field(max_length=1000)]


class ConfigFindings(Message):
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    accepted: tuple[str, ...]


class ScanTree(Message):
    by: str


class Scanned(Message):
    registered: int
    new: int
    failed: dict[str, str]
    """Reason by file."""
