"""Versions, pointers and manifests as they are kept."""

from datetime import datetime

from andon.component_store.domain.content import Digest
from andon.component_store.domain.paths import Place
from andon.contracts import Message, Time
from andon.contracts.component import Activation, Category, Component, Kind, ManifestFile, Version


class Wish(Message):
    """An upload asked for its version to become active; noted with the version, in case we end between."""

    at_version: int
    """Of the pointer when it was asked: whoever moved it since asked later."""
    by: str
    why: str


class StoredVersion(Message):
    """One content at one path; only its last two fields ever change."""

    id: str
    path: str
    category: Category
    name: str
    kind: Kind
    sha256: str
    hash: str
    size: int
    created_at: Time
    created_by: str
    open: bool
    """Not yet told of, or its wish is not yet settled."""
    wish: Wish | None

    def shown(self, active: str | None) -> Version:
        """As others see it, with `active` the sha256 of the path's active version."""
        return Version(**self.model_dump(exclude={"id", "open", "wish"}), is_active=self.sha256 == active)

    def listed(self) -> ManifestFile:
        return ManifestFile(path=self.path, hash=self.hash, sha256=self.sha256, size=self.size)


class Pointer(Message):
    """What is active at a path: one document, so that there is one answer at every moment."""

    path: str
    category: Category
    name: str
    version: int
    """Goes up with each move; a move holds only if nobody moved since it was read."""
    active: str | None
    """sha256."""
    active_hash: str | None
    active_since: Time | None
    """When the active version was made, to tell a rollback."""
    version_count: int
    updated_at: Time
    open: bool
    pending: tuple[Activation, ...]
    """Moves that history and listeners have yet to be told."""

    def shown(self) -> Component:
        return Component(
            path=self.path, category=self.category, name=self.name, active_sha256=self.active,
            active_hash=self.active_hash, version_count=self.version_count, updated_at=self.updated_at,
        )  # fmt: skip


class StoredManifest(Message):
    experiment_uid: str
    files: tuple[ManifestFile, ...]
    created_at: Time
    created_by: str
    revision: int


def identity(path: str, sha256: str) -> str:
    """The key of a version."""
    return f"{path}@{sha256}"


def new_version(place: Place, digest: Digest, size: int, by: str, now: datetime) -> StoredVersion:
    return StoredVersion(
        id=identity(place.path, digest.sha256), path=place.path, category=place.category, name=place.name,
        kind=place.kind, sha256=digest.sha256, hash=digest.hash, size=size, created_at=now, created_by=by,
        open=True, wish=None,
    )  # fmt: skip


def new_pointer(place: Place, now: datetime) -> Pointer:
    return Pointer(
        path=place.path, category=place.category, name=place.name, version=0, active=None, active_hash=None,
        active_since=None, version_count=0, updated_at=now, open=False, pending=(),
    )  # fmt: skip


def move(pointer: Pointer, to: StoredVersion, by: str, why: str, now: datetime) -> Activation:
    """The activation of another version."""
    since = pointer.active_since
    return Activation(
        path=pointer.path, sequence=pointer.version + 1, sha256=to.sha256, hash=to.hash,
        previous_sha256=pointer.active, previous_hash=pointer.active_hash,
        rollback=since is not None and to.created_at < since, by=by, why=why, at=now,
    )  # fmt: skip
