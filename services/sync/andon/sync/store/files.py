"""Files and their checkpoints: each change is one compare-and-set write, with the event it makes."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from pymongo import ASCENDING, IndexModel, InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from andon.contracts import Conflict
from andon.storage import Mongo, reaching, stored
from andon.sync.domain.files import File
from andon.sync.domain.names import identity
from andon.sync.store.documents import Document, Kept, Told, document_of, kept_of, update_of

_ROOM = 100_000
"""Segments and blocks that are remembered, of all files together."""
_SHORT = {"segments": 0, "draft": 0, "outbox": 0}
_KEYS = 100
"""In one question: of hundreds, a database may find it cheaper to look at every file there is."""
_DUPLICATE = 11000


class Files:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._raw = mongo.database("sync")["files"]
        self._known: OrderedDict[str, Kept] = OrderedDict()
        self._weight = 0
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self) -> None:
        sparse = {"partialFilterExpression": {"unsaid_at": {"$gt": ""}}}
        garbage = {"partialFilterExpression": {"garbage_at": {"$gt": ""}}}
        with reaching():
            await self._raw.create_indexes(
                [
                    IndexModel([("uid", ASCENDING), ("path", ASCENDING)]),
                    IndexModel([("unsaid_at", ASCENDING)], **sparse),
                    IndexModel([("garbage_at", ASCENDING)], **garbage),
                    IndexModel([("packs", ASCENDING)]),
                ]
            )

    def turn(self, key: str) -> asyncio.Lock:
        """One at a time here; between processes the compare-and-set decides."""
        lock = self._turns.get(key)
        if lock is None:
            lock = self._turns[key] = asyncio.Lock()
        return lock

    def remembered(self, key: str) -> Kept | None:
        """As it was when this process last saw it."""
        if (kept := self._known.get(key)) is not None:
            self._known.move_to_end(key)
        return kept

    async def read(self, key: str) -> Kept | None:
        with reaching():
            document = await self._raw.find_one({"_id": key})
        self._forget(key)
        if document is None:
            return None
        kept = kept_of(document)
        self._remember(kept)
        return kept

    async def read_many(self, keys: Sequence[str]) -> dict[str, Kept]:
        return {document["_id"]: kept_of(document) for document in await self._by_keys(keys)}

    async def save(self, before: Kept | None, after: Kept) -> bool:
        """Whether nobody was faster. `after` has the next version."""
        self._forget(after.id)
        if before is None:
            try:
                with reaching():
                    await self._raw.insert_one(document_of(after))
            except Conflict:
                return False
        else:
            where = {"_id": after.id, "version": before.file.version}
            with reaching():
                result = await self._raw.update_one(where, update_of(before, after))
            if result.matched_count == 0:
                return False
        self._remember(after)
        return True

    async def save_many(self, changes: Sequence[tuple[Kept | None, Kept]]) -> set[str]:
        """The ids of those that were written; in the others' files somebody was faster."""
        writes: list[Any] = []
        for before, after in changes:
            self._forget(after.id)
            if before is None:
                writes.append(InsertOne(document_of(after)))
            else:
                where = {"_id": after.id, "version": before.file.version}
                writes.append(UpdateOne(where, update_of(before, after)))
        every = {after.id for _, after in changes}
        try:
            with reaching():
                result = await self._bulk(writes)
        except Conflict:
            result = -1
        if result == len(changes):
            return every
        versions = await self._versions(every)
        return {
            after.id
            for _, after in changes
            if versions.get(after.id) == (after.file.version, after.file.sha256, after.file.generation)
        }

    async def _bulk(self, writes: list[Any]) -> int:
        try:
            result = await self._raw.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            failures = (error.details or {}).get("writeErrors", [])
            if not failures or {failure.get("code") for failure in failures} != {_DUPLICATE}:
                raise
            return -1
        return result.inserted_count + result.matched_count

    async def _versions(self, keys: set[str]) -> dict[str, tuple[int, str | None, int]]:
        fields = {"version": 1, "sha256": 1, "generation": 1}
        found = await self._by_keys(list(keys), fields)
        return {each["_id"]: (each["version"], each["sha256"], each["generation"]) for each in found}

    async def hashed(self, key: str, generation: int, size: int, sha256: str, xxh3: str) -> None:
        """Note the hashes of a file's first `size` bytes, unless more of it is hashed."""
        where = {"_id": key, "generation": generation, "hashed": {"$lt": size}}
        with reaching():
            await self._raw.update_one(where, {"$set": {"hashed": size, "sha256": sha256, "xxh3": xxh3}})
        self._forget(key)

    async def named(self, uid: str, paths: Sequence[str]) -> list[File]:
        """Those there are, without their segments, in order of their paths."""
        found = await self._by_keys([identity(uid, path) for path in paths], _SHORT)
        return sorted((kept_of(document).file for document in found), key=lambda file: file.path)

    async def page(self, uid: str, after: str, limit: int) -> list[File]:
        """In order of their paths, without their segments."""
        where = {"uid": uid, "path": {"$gt": after}}
        cursor = self._raw.find(where, _SHORT, limit=limit).sort([("uid", ASCENDING), ("path", ASCENDING)])
        with reaching():
            return [kept_of(document).file for document in await cursor.to_list()]

    async def _by_keys(self, keys: Sequence[str], fields: Document | None = None) -> list[Document]:
        found: list[Document] = []
        for at in range(0, len(keys), _KEYS):
            with reaching():
                found += await self._raw.find({"_id": {"$in": list(keys[at : at + _KEYS])}}, fields).to_list()
        return found

    async def told(self, said: Sequence[tuple[str, int]]) -> None:
        """Empty outboxes, unless they have grown since."""
        emptied = {"$set": {"outbox": [], "unsaid_at": None}}
        writes = [UpdateOne({"_id": key, "version": version}, emptied) for key, version in said]
        if writes:
            with reaching():
                await self._raw.bulk_write(writes, ordered=False)

    async def unsaid(self, before: datetime, limit: int) -> list[Kept]:
        """Files whose events wait since before a moment."""
        return await self._waiting("unsaid_at", before, limit)

    async def littered(self, before: datetime, limit: int) -> list[Kept]:
        """Files that have had garbage since before a moment."""
        return await self._waiting("garbage_at", before, limit)

    async def _waiting(self, name: str, before: datetime, limit: int) -> list[Kept]:
        where = {name: {"$gt": "", "$lt": stored(before)}}
        cursor = self._raw.find(where, limit=limit).sort([(name, ASCENDING)])
        with reaching():
            return [kept_of(document) for document in await cursor.to_list()]

    async def shared(self, pack: str) -> bool:
        """Whether a file still has bytes in this pack."""
        with reaching():
            return await self._raw.find_one({"packs": pack}, {"_id": 1}) is not None

    def outbox_said(self, key: str, version: int) -> None:
        """What is remembered of a file has nothing more to say."""
        kept = self._known.get(key)
        if kept is not None and kept.file.version == version:
            self._known[key] = Kept(kept.id, kept.file, ())

    def _remember(self, kept: Kept) -> None:
        self._known[kept.id] = kept
        self._weight += _weight(kept)
        while self._weight > _ROOM and len(self._known) > 1:
            self._weight -= _weight(self._known.popitem(last=False)[1])

    def _forget(self, key: str) -> None:
        if (kept := self._known.pop(key, None)) is not None:
            self._weight -= _weight(kept)


def _weight(kept: Kept) -> int:
    draft = kept.file.draft
    return 10 + len(kept.file.segments) + (2 * len(draft.hashes) if draft else 0)


__all__ = ["Files", "Kept", "Told"]
