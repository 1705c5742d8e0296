"""Answers about paths, versions and their contents."""

import asyncio
from dataclasses import dataclass

from andon.component_store.adapters.contents import Contents
from andon.component_store.domain.comparing import occurrences, unified
from andon.component_store.domain.content import text_of, tree
from andon.component_store.domain.paths import placed, placed_or_none
from andon.component_store.domain.records import Pointer, StoredVersion, identity
from andon.component_store.domain.signature import signature_of
from andon.component_store.store import HistoryStore, PointerStore, VersionStore
from andon.contracts import BadRequest, Conflict, Invalid, NotFound
from andon.contracts.component import (
    Activations,
    Active,
    Components,
    ConfigFindings,
    Content,
    Diff,
    DiffVersions,
    GetActive,
    GetVersion,
    Kind,
    ListActivations,
    ListComponents,
    ListVersions,
    Match,
    Matches,
    SearchComponents,
    ValidateConfig,
    Version,
    Versions,
)
from andon.messaging import Delivery

_SHOWN_BYTES = 4 << 20
_SEARCHED = 2000
"""Active versions whose contents one search looks at."""
_SEARCHED_AT_ONCE = 50
_LINES_OF_ONE = 5


@dataclass(frozen=True)
class Reader:
    versions: VersionStore
    pointers: PointerStore
    history: HistoryStore
    contents: Contents

    async def one(self, hash_: str, path: str | None) -> StoredVersion:
        """The version a hash means. Raises NotFound, or Conflict where it means several."""
        where = placed(path).path if path is not None else None
        found = await self.versions.named(hash_, where)
        if not found:
            at = f" of {where}" if where else ""
            raise NotFound(f"there is no version {hash_}{at}")
        if len(found) > 1:
            places = ", ".join(version.path for version in found)
            raise Conflict(f"hash: {hash_} is at several paths ({places}); name one", {"path": "needed"})
        return found[0]

    async def active(self, path: str) -> StoredVersion:
        """Raises NotFound."""
        place = placed(path)
        pointer = await self.pointers.get(place.path)
        if pointer is None:
            raise NotFound(f"there is no component {place.path}")
        found = await self.versions.get(place.path, pointer.active) if pointer.active else None
        if found is None:
            raise NotFound(f"{place.path} has no active version")
        return found

    async def active_of(self, paths: tuple[str, ...]) -> dict[str, StoredVersion]:
        """Active versions by path as it is asked for; what has none is left out."""
        places = {path: place.path for path in paths if (place := placed_or_none(path))}
        pointers = await self.pointers.get_many(sorted(set(places.values())))
        ids = [identity(each.path, each.active) for each in pointers.values() if each.active]
        found = {version.path: version for version in await self.versions.get_many(ids)}
        return {asked: found[path] for asked, path in places.items() if path in found}

    async def get(self, question: GetVersion, _delivery: Delivery) -> Content:
        if question.hash is None:
            if question.path is None:
                raise BadRequest("hash: name a hash, a path or both", {"hash": "missing"})
            version = await self.active(question.path)
            alike = [version]
        else:
            path = placed(question.path).path if question.path is not None else None
            alike = await self.versions.named(question.hash, path)
            if len({each.sha256 for each in alike}) > 1:
                raise Conflict(
                    "hash: several contents have this short one; use the long one", {"hash": "short"}
                )
            if not alike:
                raise NotFound(f"there is no version {question.hash}" + (f" of {path}" if path else ""))
            version = alike[0]
        shown = await self._shown([version])
        data = await self.contents.read(version.sha256)
        return Content(version=shown[0], content=data, paths=tuple(sorted(each.path for each in alike)))

    async def all(self, question: ListComponents, _delivery: Delivery) -> Components:
        found = await self.pointers.page(question.category, question.after, question.limit)
        return Components(components=tuple(pointer.shown() for pointer in found))

    async def versions_of(self, question: ListVersions, _delivery: Delivery) -> Versions:
        place = placed(question.path)
        found = await self.versions.of(place.path, question.limit)
        if not found:
            raise NotFound(f"there is no component {place.path}")
        shown = await self._shown(found)
        contents = await self.contents.read_many(_fitting(found)) if question.include_content else {}
        return Versions(versions=tuple(shown), contents=contents)

    async def active_versions(self, question: GetActive, _delivery: Delivery) -> Active:
        found = (await self.active_of(question.paths)).values()
        unique = {version.id: version for version in found}
        return Active(versions=tuple(version.shown(version.sha256) for version in unique.values()))

    async def activations(self, question: ListActivations, _delivery: Delivery) -> Activations:
        found = await self.history.of(placed(question.path).path, question.limit)
        return Activations(activations=tuple(found))

    async def diff(self, question: DiffVersions, _delivery: Delivery) -> Diff:
        before, after = await self._same_path(question)
        if Kind.MODEL_HEAD in (before.kind, after.kind):
            raise Invalid("from_hash, to_hash: a model head is no text that can be compared")
        data = await self.contents.read_many([before.sha256, after.sha256])
        old, new = text_of(data[before.sha256]), text_of(data[after.sha256])
        shown = await asyncio.to_thread(unified, old, new, before.path, before.hash, after.hash)
        return Diff(
            path=before.path, from_hash=before.hash, to_hash=after.hash, from_content=old, to_content=new,
            unified=shown,
        )  # fmt: skip

    async def search(self, question: SearchComponents, _delivery: Delivery) -> Matches:
        most = question.limit
        named = await self.pointers.containing(question.text, most + 1)
        matches = [Match(path=each.path, hash=each.active_hash, line=0, text=each.path) for each in named]
        looked = await self.pointers.page(None, "", _SEARCHED + 1)
        inside = [
            pointer for pointer in looked[:_SEARCHED] if pointer.active and not pointer.path.endswith(".onnx")
        ]
        for start in range(0, len(inside), _SEARCHED_AT_ONCE):
            if len(matches) > most:
                break
            batch = inside[start : start + _SEARCHED_AT_ONCE]
            contents = await self.contents.read_many([each.active for each in batch if each.active])
            matches += await asyncio.to_thread(_lines, batch, contents, question.text)
        complete = len(matches) <= most and len(looked) <= _SEARCHED
        return Matches(matches=tuple(matches[:most]), complete=complete)

    async def validate(self, question: ValidateConfig, _delivery: Delivery) -> ConfigFindings:
        version = await self.active(question.path)
        if version.kind not in (Kind.CODE, Kind.PREPROCESSING):
            raise Invalid(f"path: {version.path} is {version.kind}, which takes no parameters")
        takes = signature_of(tree(await self.contents.read(version.sha256)))
        return ConfigFindings(
            missing=takes.missing(question.parameters),
            unknown=takes.unknown(question.parameters),
            accepted=(*takes.required, *takes.optional),
        )

    async def _shown(self, versions: list[StoredVersion]) -> list[Version]:
        pointers = await self.pointers.get_many(sorted({version.path for version in versions}))
        return [version.shown(pointers[version.path].active) for version in versions]

    async def _same_path(self, question: DiffVersions) -> tuple[StoredVersion, StoredVersion]:
        where = placed(question.path).path if question.path is not None else None
        sides: list[dict[str, StoredVersion]] = []
        for hash_ in (question.from_hash, question.to_hash):
            found = await self.versions.named(hash_, where)
            if not found:
                raise NotFound(f"there is no version {hash_}" + (f" of {where}" if where else ""))
            sides.append({version.path: version for version in found})
        shared = sorted(sides[0].keys() & sides[1].keys())
        if not shared:
            raise BadRequest(
                "from_hash, to_hash: these are versions of different components", {"to_hash": "other path"}
            )
        if len(shared) > 1:
            raise Conflict(
                f"path: both are at several paths ({', '.join(shared)}); name one", {"path": "needed"}
            )
        return sides[0][shared[0]], sides[1][shared[0]]


def _fitting(versions: list[StoredVersion]) -> list[str]:
    room, chosen = _SHOWN_BYTES, list[str]()
    for version in versions:
        room -= version.size
        if room < 0:
            break
        chosen.append(version.sha256)
    return chosen


def _lines(batch: list[Pointer], contents: dict[str, bytes], text: str) -> list[Match]:
    return [
        Match(path=each.path, hash=each.active_hash, line=number, text=line)
        for each in batch
        if each.active
        for number, line in occurrences(contents[each.active].decode(), text, _LINES_OF_ONE)
    ]
