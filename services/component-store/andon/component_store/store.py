"""Versions, pointers, history and manifests in MongoDB."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.component_store.domain.records import Pointer, StoredManifest, StoredVersion, identity
from andon.contracts import Conflict
from andon.contracts.component import Activation, Category
from andon.storage import Collection, Database, Index, reaching, stored

_SHORT = 16
"""Hex digits of XXH3-64."""


class _Inline(BaseModel):
    """A small content; larger ones are in the object store."""

    sha256: str
    data: bytes


class InlineStore:
    """Small contents by sha256."""

    def __init__(self, database: Database) -> None:
        self._contents = Collection(database, "contents", _Inline, key="sha256")

    async def put(self, sha256: str, data: bytes) -> None:
        await self._contents.put(_Inline(sha256=sha256, data=data))

    async def get(self, sha256: str) -> bytes | None:
        found = await self._contents.get(sha256)
        return found.data if found else None

    async def get_many(self, sha256s: Sequence[str]) -> dict[str, bytes]:
        """Those that are here."""
        found = await self._contents.find({"sha256": {"$in": list(sha256s)}}, limit=0)
        return {each.sha256: each.data for each in found}


class VersionStore:
    """Every version there is; none is ever deleted."""

    def __init__(self, database: Database) -> None:
        self._versions = Collection(
            database, "versions", StoredVersion,
            indexes=(
                Index(("path", "hash"), unique=True),
                Index(("path", "-created_at")),
                Index(("sha256",)),
                Index(("hash",)),
                Index(("open",), only={"open": True}),
            ),
        )  # fmt: skip

    async def prepare(self) -> None:
        await self._versions.prepare()

    async def add(self, version: StoredVersion) -> bool:
        """Whether it is new. Raises Conflict when its short hash names another content of the path."""
        try:
            await self._versions.add(version)
        except Conflict:
            if await self._versions.get(version.id) is None:
                raise Conflict(
                    f"content: its short hash {version.hash} names another content of {version.path}",
                    {"content": "hash taken"},
                ) from None
            return False
        return True

    async def get(self, path: str, sha256: str) -> StoredVersion | None:
        return await self._versions.get(identity(path, sha256))

    async def get_many(self, ids: Sequence[str]) -> list[StoredVersion]:
        return await self._versions.find({"id": {"$in": list(ids)}}, limit=0)

    async def named(self, hash_: str, path: str | None = None) -> list[StoredVersion]:
        """With this hash, short or long, oldest first."""
        where = _named(hash_)
        if path is not None:
            where["path"] = path
        return await self._versions.find(where, sort=["created_at"], limit=100)

    async def each_named(self, hashes: Mapping[str, str]) -> list[StoredVersion]:
        """The versions with these hashes, short or long, by path."""
        sides = [{"path": path, **_named(hash_)} for path, hash_ in hashes.items()]
        return await self._versions.find({"$or": sides}, limit=0) if sides else []

    async def of(self, path: str, limit: int) -> list[StoredVersion]:
        """Newest first."""
        return await self._versions.find({"path": path}, sort=["-created_at"], limit=limit)

    async def count(self, path: str) -> int:
        return await self._versions.count({"path": path})

    async def open(self) -> list[StoredVersion]:
        """Not yet told of, or with a wish."""
        return await self._versions.find({"open": True}, limit=500)

    async def settled(self, version: StoredVersion) -> None:
        await self._versions.update(version.id, {"$set": {"open": False, "wish": None}})


class PointerStore:
    """What is active, one document per path."""

    def __init__(self, database: Database) -> None:
        self._pointers = Collection(
            database, "pointers", Pointer, key="path",
            indexes=(Index(("category", "path")), Index(("open",), only={"open": True})),
        )  # fmt: skip

    async def prepare(self) -> None:
        await self._pointers.prepare()

    async def get(self, path: str) -> Pointer | None:
        return await self._pointers.get(path)

    async def get_many(self, paths: Sequence[str]) -> dict[str, Pointer]:
        found = await self._pointers.find({"path": {"$in": list(paths)}}, limit=0)
        return {each.path: each for each in found}

    async def opened(self, new: Pointer) -> Pointer:
        """The path's pointer, made if there is none."""
        try:
            await self._pointers.add(new)
        except Conflict:
            return await self._pointers.get(new.path) or new
        return new

    async def moved(self, activation: Activation, since: datetime) -> bool:
        """Compare and set: False when somebody moved it since the activation was decided."""
        changes = {
            "version": activation.sequence, "active": activation.sha256, "active_hash": activation.hash,
            "active_since": since, "updated_at": activation.at, "open": True,
        }  # fmt: skip
        with reaching():
            done = await self._pointers.raw.update_one(
                {"_id": activation.path, "version": activation.sequence - 1},
                {"$set": stored(changes), "$push": {"pending": stored(activation)}},
            )
        return done.matched_count == 1

    async def told(self, activation: Activation) -> None:
        await self._pointers.update(
            activation.path, {"$pull": {"pending": {"sequence": activation.sequence}}}
        )
        with reaching():
            await self._pointers.raw.update_one(
                {"_id": activation.path, "pending": {"$size": 0}}, {"$set": {"open": False}}
            )

    async def counted(self, path: str, versions: int, now: datetime) -> None:
        await self._pointers.update(path, {"$max": {"version_count": versions, "updated_at": now}})

    async def open(self) -> list[Pointer]:
        return await self._pointers.find({"open": True}, limit=500)

    async def page(self, category: Category | None, after: str, limit: int) -> list[Pointer]:
        """In order of paths."""
        where: dict[str, Any] = {"path": {"$gt": after}}
        if category is not None:
            where["category"] = category
        return await self._pointers.find(where, sort=["path"], limit=limit)

    async def containing(self, text: str, limit: int) -> list[Pointer]:
        """Whose path has the text, whatever its case."""
        where = {"path": {"$regex": re.escape(text), "$options": "i"}}
        return await self._pointers.find(where, sort=["path"], limit=limit)


class HistoryStore:
    """Who activated what, and why."""

    def __init__(self, database: Database) -> None:
        self._activations = Collection(
            database, "activations", Activation, key=lambda each: f"{each.path}@{each.sequence}",
            indexes=(Index(("path", "-sequence")),),
        )  # fmt: skip

    async def prepare(self) -> None:
        await self._activations.prepare()

    async def put(self, activation: Activation) -> None:
        await self._activations.put(activation)

    async def of(self, path: str, limit: int) -> list[Activation]:
        """Newest first."""
        return await self._activations.find({"path": path}, sort=["-sequence"], limit=limit)


class ManifestStore:
    """What experiments were made of."""

    def __init__(self, database: Database) -> None:
        self._manifests = Collection(database, "manifests", StoredManifest, key="experiment_uid")

    async def get(self, uid: str) -> StoredManifest | None:
        return await self._manifests.get(uid)

    async def replaced(self, manifest: StoredManifest) -> bool:
        """Compare and set: False when another one was saved meanwhile."""
        if manifest.revision == 1:
            try:
                await self._manifests.add(manifest)
            except Conflict:
                return False
            return True
        changes = manifest.model_dump(exclude={"experiment_uid"})
        return await self._manifests.swap(
            manifest.experiment_uid, {"revision": manifest.revision - 1}, changes
        )


def _named(hash_: str) -> dict[str, Any]:
    digits = hash_.lower()
    return {"hash" if len(digits) == _SHORT else "sha256": digits}
