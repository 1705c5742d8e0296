"""Builds and versions, as they are kept; manifests and images lie in the object store."""

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from andon.contracts import Invalid, NotFound
from andon.contracts.dataset import (
    Approval,
    ApproveVersion,
    Build,
    DatasetVersion,
    ListVersions,
    Manifest,
    StartBuild,
)
from andon.contracts.dataset import Versions as Page
from andon.storage import Blobs, Collection, Database, Index

_REMEMBERED = 3
"""Manifests in memory; each has some 700 bytes for a sample."""


class BuildRow(Build):
    """A build as it is stored."""

    wanted: StartBuild
    interrupted: int = 0
    """Times that the service ended in the middle of it."""


class DatasetStore:
    """Every method raises Unavailable while a store is away."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._blobs = blobs
        self._builds = Collection(database, "dataset_builds", BuildRow)
        self._versions = Collection(
            database,
            "dataset_versions",
            DatasetVersion,
            indexes=(
                Index(("dataset", "number"), unique=True),
                Index(("-created_at", "id")),
                Index(("dataset", "-created_at")),
            ),
        )
        self._read: OrderedDict[str, Manifest] = OrderedDict()

    async def prepare(self) -> None:
        await self._versions.prepare()

    async def build(self, build_id: str) -> BuildRow | None:
        return await self._builds.get(build_id)

    async def add_build(self, row: BuildRow) -> None:
        """Raises Conflict when it is there."""
        await self._builds.add(row)

    async def tell(self, build_id: str, **changes: Any) -> None:
        await self._builds.update(build_id, {"$set": changes})

    async def version(self, version_id: str) -> DatasetVersion | None:
        return await self._versions.get(version_id)

    async def add(self, version: DatasetVersion) -> None:
        """Raises Conflict when the id or the number is taken."""
        await self._versions.add(version)

    async def last_number(self, dataset: str) -> int:
        found = await self._versions.find({"dataset": dataset}, sort=["-number"], limit=1)
        return found[0].number if found else 0

    async def listed(self, wanted: ListVersions) -> Page:
        where: dict[str, Any] = {}
        if wanted.dataset is not None:
            where["dataset"] = wanted.dataset
        if wanted.approval is not None:
            where["approval"] = wanted.approval
        total = await self._versions.count(where)
        items = await self._versions.find(
            where, sort=["-created_at", "id"], limit=wanted.limit, skip=wanted.offset
        )
        return Page(total=total, items=tuple(items))

    async def approve(self, wanted: ApproveVersion, now: Any) -> DatasetVersion:
        """Raises NotFound."""
        changes = {
            "approval": Approval.APPROVED if wanted.approved else Approval.REJECTED,
            "approved_by": wanted.by,
            "approved_at": now,
            "approval_note": wanted.note,
        }
        await self._versions.update(wanted.id, {"$set": changes})
        return await self.known(wanted.id)

    async def known(self, version_id: str) -> DatasetVersion:
        """Raises NotFound."""
        version = await self._versions.get(version_id)
        if version is None:
            raise NotFound(f"there is no dataset version {version_id}")
        return version

    async def manifest(self, version_id: str) -> Manifest:
        """What a version holds. Raises NotFound, and Invalid when its bytes are not what they were."""
        if version_id in self._read:
            self._read.move_to_end(version_id)
            return self._read[version_id]
        version = await self.known(version_id)
        data = await self._blobs.get(version.manifest_key)
        if sha256(data).hexdigest() != version_id:
            raise Invalid(f"the manifest of dataset version {version_id} is damaged")
        manifest = self._read[version_id] = Manifest.model_validate_json(data)
        while len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return manifest

    async def put_manifest(self, version_id: str, data: bytes) -> str:
        key = f"datasets/manifests/{version_id}.json"
        await self._blobs.put(key, data, "application/json", sha256=version_id)
        return key
