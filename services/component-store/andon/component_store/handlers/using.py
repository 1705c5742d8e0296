"""What experiments and workers take: manifests, bundles, sync plans."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from andon.component_store.adapters.contents import Contents
from andon.component_store.domain.archive import packed, total_hash
from andon.component_store.domain.paths import placed, placed_or_none
from andon.component_store.domain.records import StoredManifest, StoredVersion
from andon.component_store.handlers.activation import utc_now
from andon.component_store.handlers.reading import Reader
from andon.component_store.store import ManifestStore, VersionStore
from andon.contracts import Conflict, Invalid, NotFound, TooLarge
from andon.contracts.component import (
    Bundle,
    GetManifest,
    MakeBundle,
    Manifest,
    ManifestFile,
    Needed,
    PlanSync,
    SaveManifest,
    SyncPlan,
)
from andon.messaging import Delivery

_TRIES = 20
_BUNDLE_BYTES = 64 << 20
_AT_ONCE = 200


@dataclass(frozen=True)
class Supply:
    versions: VersionStore
    manifests: ManifestStore
    reader: Reader
    contents: Contents

    async def save_manifest(self, wish: SaveManifest, _delivery: Delivery) -> Manifest:
        files = await self._known(wish.components)
        for _ in range(_TRIES):
            before = await self.manifests.get(wish.experiment_uid)
            manifest = StoredManifest(
                experiment_uid=wish.experiment_uid, files=files, created_at=utc_now(), created_by=wish.by,
                revision=before.revision + 1 if before else 1,
            )  # fmt: skip
            if await self.manifests.replaced(manifest):
                return _shown(manifest)
        raise Conflict(f"experiment_uid: too many save the manifest of {wish.experiment_uid} at once")

    async def manifest(self, question: GetManifest, _delivery: Delivery) -> Manifest:
        return _shown(await self._manifest(question.experiment_uid))

    async def plan(self, question: PlanSync, _delivery: Delivery) -> SyncPlan:
        active = await self.reader.active_of(question.required)
        here = {version.path for version in active.values()}
        named = [(placed_or_none(path), held.lower()) for path, held in question.local.items()]
        local = {place.path: held for place, held in named if place and place.path in here}
        known = await self._known_ids(local)
        needed = {
            version.path: Needed(
                version=version.shown(version.sha256),
                download=local.get(version.path) not in (version.sha256, version.hash),
                local_known=version.path in known,
            )
            for version in active.values()
        }
        unknown = tuple(path for path in dict.fromkeys(question.required) if path not in active)
        return SyncPlan(needed=tuple(needed[path] for path in sorted(needed)), unknown=unknown)

    async def bundle(self, question: MakeBundle, _delivery: Delivery) -> Bundle:
        files, missing = await self._chosen(question)
        total = sum(file.size for file in files)
        bundle = Bundle(files=files, missing=missing, total_size=total, total_hash=total_hash(files))
        if not question.build:
            return bundle
        if not files:
            raise NotFound("paths: none of them has an active version")
        if total > _BUNDLE_BYTES:
            raise TooLarge(f"paths: {total} bytes are more than the {_BUNDLE_BYTES} of one bundle")
        key = await self.contents.hand_over(await self._archive(files, question.folder), utc_now().date())
        return bundle.model_copy(update={"key": key})

    async def _archive(self, files: tuple[ManifestFile, ...], folder: str) -> bytes:
        data = await self.contents.read_many([file.sha256 for file in files])
        below = f"{folder}/" if folder else ""
        named = {f"{below}{placed(file.path).file}": data[file.sha256] for file in files}
        return await asyncio.to_thread(packed, named)

    async def _chosen(self, question: MakeBundle) -> tuple[tuple[ManifestFile, ...], tuple[str, ...]]:
        if question.experiment_uid is not None:
            return (await self._manifest(question.experiment_uid)).files, ()
        active = await self.reader.active_of(question.paths)
        return _listed(active.values()), tuple(path for path in question.paths if path not in active)

    async def _manifest(self, uid: str) -> StoredManifest:
        found = await self.manifests.get(uid)
        if found is None:
            raise NotFound(f"experiment_uid: there is no manifest of {uid}")
        return found

    async def _known(self, components: dict[str, str]) -> tuple[ManifestFile, ...]:
        """Raises BadRequest for a bad path, Invalid for a hash that is no version of its path."""
        asked = {placed(path).path: hash_.lower() for path, hash_ in components.items()}
        found = await self._known_ids(asked)
        wrong = {path: f"{asked[path]} is no version of it" for path in sorted(asked) if path not in found}
        if wrong:
            told = "; ".join(f"{path}: {why}" for path, why in list(wrong.items())[:10])
            raise Invalid(f"components: {told}", wrong)
        return _listed(found.values())

    async def _known_ids(self, asked: dict[str, str]) -> dict[str, StoredVersion]:
        """Versions by path, of those whose hash is one of theirs."""
        found: dict[str, StoredVersion] = {}
        paths = sorted(asked)
        for start in range(0, len(paths), _AT_ONCE):
            batch = {path: asked[path] for path in paths[start : start + _AT_ONCE]}
            found |= {version.path: version for version in await self.versions.each_named(batch)}
        return found


def _listed(versions: Iterable[StoredVersion]) -> tuple[ManifestFile, ...]:
    unique = {version.path: version.listed() for version in versions}
    return tuple(unique[path] for path in sorted(unique))


def _shown(manifest: StoredManifest) -> Manifest:
    return Manifest(**manifest.model_dump())
