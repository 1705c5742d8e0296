"""Takes many small whole files in, with one object and one round trip for all of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import xxhash

from andon.contracts import Conflict, Invalid
from andon.contracts.sync import PackStored, StorePack
from andon.messaging import Delivery
from andon.sync.adapters.objects import Objects
from andon.sync.adapters.wire import Member, members, unpacked
from andon.sync.domain.files import Draft, File, Segment, guard, switched
from andon.sync.domain.names import grows, identity, normal
from andon.sync.handlers.intake import Intake
from andon.sync.handlers.shelf import changed, shown
from andon.sync.store.documents import PACKS, Kept
from andon.sync.store.files import Files


@dataclass(frozen=True)
class _File:
    path: str
    member: Member
    at: int
    data: bytes


@dataclass(frozen=True)
class Packing:
    """Each file of a pack is kept or refused for itself."""

    intake: Intake
    files: Files
    objects: Objects
    clock: Callable[[], datetime]

    async def store(self, pack: StorePack, delivery: Delivery) -> PackStored:
        with self.intake.room.of(pack.length + len(delivery.body)):
            body = await unpacked(delivery.body, pack.encoding, pack.length, pack.hash)
            await self.intake.known(pack.uid, register=True)
            good, refused = _sorted(pack.uid, body.data, members(body.data))
            return await self._store(pack, body.data, good, refused)

    async def _store(
        self, pack: StorePack, data: bytes, good: dict[str, _File], refused: dict[str, str]
    ) -> PackStored:
        found = await self.files.read_many(list(good))
        key: str | None = None
        changes: list[tuple[Kept | None, Kept]] = []
        same = 0
        for file_id, one in good.items():
            before = found.get(file_id)
            file = before.file if before else None
            if file and (file.sha256, file.hashed, file.size) == (
                one.member.sha256,
                file.size,
                len(one.data),
            ):
                same += file.generation > 0
                continue
            try:
                guard(file, pack.writer, self.clock())
            except Conflict as taken:
                refused[one.path] = str(taken)
                continue
            key = key or await self.objects.keep_pack(PACKS, data, hashlib.sha256(data).hexdigest())
            changes.append(self._change(pack, file_id, before, one, key))
        written = await self.files.save_many(changes) if changes else set[str]()
        for _, after in changes:
            if after.id in written:
                self.intake.shelf.relay.tell(after)
            else:
                refused[after.file.path] = "somebody else has just changed it; send it again"
        return PackStored(stored=same + len(written), refused=refused)

    def _change(
        self, pack: StorePack, file_id: str, before: Kept | None, one: _File, key: str
    ) -> tuple[Kept | None, Kept]:
        now, size = self.clock(), len(one.data)
        kept = before or Kept(file_id, File(pack.uid, one.path, 0, 0, (), "", now))
        generation = kept.file.generation + 1
        if kept.file.draft:
            generation = max(generation, kept.file.draft.generation + 1)
        segments = (Segment(0, size, key, one.at, one.member.sha256),) if size else ()
        draft = Draft(generation, size, max(size, 1), (), segments, pack.writer)
        whole = switched(replace(kept.file, draft=draft, writer=pack.writer, written_at=now))
        hashes = {"hashed": size, "sha256": one.member.sha256, "xxh3": xxhash.xxh3_64_hexdigest(one.data)}
        text = shown(one.data) if grows(one.path) else None
        return before, changed(kept, replace(whole, **hashes), text)


def _sorted(
    uid: str, data: bytes, index: list[tuple[Member, int]]
) -> tuple[dict[str, _File], dict[str, str]]:
    """Files by identity, and why the others are refused."""
    good: dict[str, _File] = {}
    refused: dict[str, str] = {}
    for member, at in index:
        content = data[at : at + member.length]
        try:
            path = normal(member.path)
        except Invalid as wrong:
            refused[member.path] = str(wrong)
            continue
        if hashlib.sha256(content).hexdigest() != member.sha256:
            refused[member.path] = "sha256: its bytes have another one"
            continue
        good[identity(uid, path)] = _File(path, member, at, content)
    return good, refused
