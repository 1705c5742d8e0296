"""Takes new versions in, and activates any of them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from andon.component_store.adapters.contents import Contents
from andon.component_store.adapters.tree import Tree
from andon.component_store.domain.content import Digest, Room, checked, digest
from andon.component_store.domain.paths import Place, placed
from andon.component_store.domain.records import StoredVersion, Wish, new_pointer, new_version
from andon.component_store.handlers.activation import Activator
from andon.component_store.handlers.reading import Reader
from andon.contracts import Conflict, NotFound, Refused, Unavailable
from andon.contracts.component import (
    Activated,
    ActivateVersion,
    Kind,
    Scanned,
    ScanTree,
    Uploaded,
    UploadVersion,
)
from andon.messaging import Delivery
from andon.telemetry import log

_log = log("andon.component-store")
_TOLD = 100
"""Failures of a scan that are named."""


@dataclass(frozen=True)
class Intake:
    """Uploads, activations, and the scan of the store's own folder."""

    activator: Activator
    contents: Contents
    reader: Reader
    room: Room
    tree: Tree | None

    async def upload(self, wish: UploadVersion, _delivery: Delivery) -> Uploaded:
        place = placed(wish.path, wish.kind)
        checked(wish.content, place.kind, self.room)
        name = digest(wish.content)
        before = await self.activator.versions.get(place.path, name.sha256)
        if before is None:
            await self.contents.keep(name.sha256, wish.content)
            version, is_new = await self._added(place, name, wish)
        else:
            version, is_new = before, False
        _same_kind(version, wish.kind)
        if wish.activate:
            await self.activator.move(version, wish.by, wish.why)
        await self._told(version)
        pointer = await self.activator.pointers.get(place.path)
        return Uploaded(version=version.shown(pointer.active if pointer else None), is_new=is_new)

    async def activate(self, wish: ActivateVersion, _delivery: Delivery) -> Activated:
        version = await self.reader.one(wish.hash, wish.path)
        data = await self.contents.read(version.sha256)  # what can't be read must not become active
        await self.activator.activate(version, wish.by, wish.why)
        restored = self.tree is not None and wish.restore_local
        if self.tree is not None and wish.restore_local:
            await asyncio.to_thread(self.tree.write, placed(version.path), data)
        return Activated(version=version.shown(version.sha256), restored=restored)

    async def scan(self, wish: ScanTree, delivery: Delivery) -> Scanned:
        """One file that can't be taken does not end it."""
        if self.tree is None:
            raise Conflict(
                "this store has no folder of its own (ANDON_COMPONENTS__TREE): "
                "send one with `andon components scan FOLDER`"
            )
        failed: dict[str, str] = {}
        registered = new = 0
        for found in await asyncio.to_thread(lambda tree: list(tree.walk(failed.__setitem__)), self.tree):
            try:
                data = await asyncio.to_thread(self.tree.read, found.place) or b""
                taken = await self.upload(
                    UploadVersion(path=found.place.path, content=data, by=wish.by, why="scan"), delivery
                )
            except Unavailable:
                raise
            except Refused as refused:
                failed[str(found.place.file)] = str(refused)
            else:
                registered, new = registered + 1, new + taken.is_new
        return Scanned(registered=registered, new=new, failed=dict(_first(failed)))

    async def _added(self, place: Place, name: Digest, wish: UploadVersion) -> tuple[StoredVersion, bool]:
        now = self.activator.clock()
        pointer = await self.activator.pointers.opened(new_pointer(place, now))
        version = new_version(place, name, len(wish.content), wish.by, now)
        if wish.activate:
            later = Wish(at_version=pointer.version, by=wish.by, why=wish.why)
            version = version.model_copy(update={"wish": later})
        if await self.activator.versions.add(version):
            return version, True
        there = await self.activator.versions.get(place.path, name.sha256)
        if there is None:
            raise NotFound(f"there is no version {name.hash} of {place.path}")
        return there, False

    async def _told(self, version: StoredVersion) -> None:
        try:
            if version.open:
                await self.activator.settle(version)
            await self.activator.tell(version.path)
        except Unavailable as away:
            _log.warning("a version is told later", version=version.id, reason=str(away))


def _same_kind(version: StoredVersion, kind: Kind | None) -> None:
    if kind is not None and kind is not version.kind:
        raise Conflict(f"kind: {version.path} has this content as {version.kind}", {"kind": "differs"})


def _first(failed: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield from sorted(failed.items())[:_TOLD]
