"""Takes chunks and whole files in."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import unquote

from andon.contracts import BadRequest
from andon.contracts.sync import (
    BeginWhole,
    ChunkStored,
    Encoding,
    Outcome,
    StoreChunk,
    SyncStatus,
    WholeBegun,
)
from andon.messaging import Delivery
from andon.sync.adapters.objects import Objects
from andon.sync.adapters.running import Reached, Running
from andon.sync.adapters.wire import Bytes, digests, unpacked
from andon.sync.domain import blocks
from andon.sync.domain import files as domain
from andon.sync.domain.files import Draft, File, Segment
from andon.sync.domain.names import identity, normal
from andon.sync.handlers.order import Order
from andon.sync.handlers.room import Room
from andon.sync.handlers.shelf import Shelf, shown
from andon.sync.handlers.tidying import Tidying
from andon.sync.store.documents import Kept
from andon.sync.store.experiments import Experiments

_ROOT_GENERATION = 1


@dataclass(frozen=True)
class Intake:
    """Bytes are written first, then the file that refers to them: what is acknowledged is kept."""

    shelf: Shelf
    objects: Objects
    running: Running
    experiments: Experiments
    tidying: Tidying
    order: Order
    room: Room
    clock: Callable[[], datetime]

    async def store(self, chunk: StoreChunk, delivery: Delivery) -> ChunkStored:
        """Keep a chunk if it goes on where the file ends, or fills a place of the begun one."""
        path = normal(unquote(chunk.path, errors="surrogateescape"))
        key, packed = identity(chunk.uid, path), chunk.encoding is not Encoding.IDENTITY
        with (
            self.order.coming(key, chunk.offset + chunk.length),
            self.room.of(chunk.length + packed * len(delivery.body)),
        ):
            body = await unpacked(delivery.body, chunk.encoding, chunk.length, chunk.hash)
            await self.known(chunk.uid, register=chunk.register_uid)
            one = _Storing(self, chunk, body, key)
            await one.write_ahead()
            file = await self.shelf.change(chunk.uid, path, one.decide, shown(body.data))
        if one.reached is not None:
            self.running.keep(one.key, one.reached)
        if one.outcome is Outcome.STORED:
            self.tidying.look_at(one.key, file)
        return _answer(one.outcome, chunk, file)

    async def begin(self, wish: BeginWhole, _: Delivery) -> WholeBegun:
        """Begin a new generation of a file, or go on with the one that was begun."""
        path = normal(wish.path)
        await self.known(wish.uid, register=wish.register_uid)

        async def decide(kept: Kept) -> File:
            now = self.clock()
            domain.guard(kept.file if kept.file.version else None, wish.writer, now)
            return domain.begun(kept.file, wish, now)

        file = await self.shelf.change(wish.uid, path, decide)
        missing = file.draft.missing if file.draft else ()
        generation = file.draft.generation if file.draft else file.generation
        return WholeBegun(generation=generation, missing=missing, complete=file.draft is None)

    async def known(self, uid: str, *, register: bool) -> None:
        """Let the experiment be one that syncs. Raises NotFound."""
        if self.experiments.is_syncing(uid):
            return
        if not register:
            await self.experiments.get(uid)
        kept = await self.experiments.change(uid, self.clock(), status=SyncStatus.SYNCING, error=None)
        await self.shelf.relay.tell_experiment(kept)


@dataclass
class _Storing:
    """One chunk, as often as it has to be decided about."""

    intake: Intake
    chunk: StoreChunk
    body: Bytes
    key: str
    outcome: Outcome = Outcome.REWIND
    reached: Reached | None = None
    _written: dict[tuple[int, int], Segment] = field(default_factory=dict[tuple[int, int], Segment])
    """By generation and offset: what was written once is not written again."""
    _hashes: Sequence[str] = ()
    """Of the blocks, where they are blocks."""

    async def write_ahead(self) -> None:
        """Write the bytes while the chunks before these are still in work, then wait for those."""
        chunk, files = self.chunk, self.intake.shelf.files
        kept = files.remembered(self.key) or (await files.read(self.key) if chunk.offset else None)
        file = kept.file if kept else None
        if not chunk.length or (file and file.writer != chunk.writer):
            return
        if file and file.draft and chunk.generation == file.draft.generation:
            with suppress(BadRequest):  # what is remembered may be old: `decide` says so if it is not
                numbers, _ = await self._announced(file.draft)
                if not all(file.draft.placed[number] for number in numbers):
                    await self._keep_blocks(file.draft)
            return
        generation, size = (file.generation or _ROOT_GENERATION, file.size) if file else (_ROOT_GENERATION, 0)
        if chunk.generation == generation and chunk.offset >= size:
            await self._keep_run(chunk.generation, chunk.offset)
            await self.intake.order.wait(self.key, chunk.generation, chunk.offset)

    async def decide(self, kept: Kept) -> File:
        self.reached = None
        file, chunk = kept.file, self.chunk
        self.outcome = Outcome.REWIND
        if file.draft is not None and chunk.generation == file.draft.generation:
            domain.guard(file, chunk.writer, self.intake.clock())
            return await self._block(file, file.draft)
        if chunk.generation != (file.generation or _ROOT_GENERATION) or chunk.offset > file.size:
            return file
        if chunk.offset < file.size or (file.generation and not chunk.length):
            same = min(file.size - chunk.offset, chunk.length)
            if not await self._is_there(file, chunk.offset, same):
                return file
            if same == chunk.length:
                self.outcome = Outcome.REPEATED
                return file
            return await self._append(file, file.size, self.body.data[same:])
        return await self._append(file, chunk.offset, self.body.data)

    async def _is_there(self, file: File, offset: int, length: int) -> bool:
        data = self.body.data
        segments = file.between(offset, length)
        if len(segments) == 1 and length == len(data):
            whole = next(each for each in file.segments if each.key == segments[0].key)
            hashes = {whole.sha256, self.body.sha256}
            if (whole.offset, whole.length) == (offset, length) and "" not in hashes:
                return len(hashes) == 1
        return await self.intake.objects.read(file, offset, length) == data[:length]

    async def _append(self, file: File, offset: int, data: bytes) -> File:
        now = self.intake.clock()
        domain.guard(file if file.version else None, self.chunk.writer, now)
        generation = file.generation or _ROOT_GENERATION
        segment = Segment(offset, 0, "", 0, "")
        if data:
            whole = len(data) == len(self.body.data)
            segment = await (self._keep_run if whole else self._keep_rest)(generation, offset)
        self.outcome = Outcome.STORED
        after = domain.appended(file, segment, self.chunk.writer, now)
        self.reached = await self.intake.running.further(self.key, generation, offset, data)
        if self.reached is None:
            return after
        reached = self.reached
        return replace(after, hashed=reached.size, sha256=reached.sha256, xxh3=reached.xxh3)

    async def _block(self, file: File, draft: Draft) -> File:
        numbers, hashes = await self._announced(draft)
        if all(draft.placed[number] for number in numbers):
            self.outcome = Outcome.REPEATED
            return file
        offset, data, size = self.chunk.offset, self.body.data, draft.block_bytes
        one = await self._keep_blocks(draft)
        self.outcome = Outcome.STORED
        segments = [
            Segment(offset + at, min(size, len(data) - at), one.key, at, digest)
            for at, digest in zip(range(0, len(data), size), hashes, strict=True)
        ]
        return domain.placed(file, draft, segments, self.intake.clock())

    async def _announced(self, draft: Draft) -> tuple[range, Sequence[str]]:
        """Which blocks these are, and the hash of each. Raises BadRequest where they are other ones."""
        offset, data, size = self.chunk.offset, self.body.data, draft.block_bytes
        end = offset + len(data)
        if not data or offset % size or end > draft.size or (end % size and end != draft.size):
            why = f"this file comes in blocks of {size} bytes, {draft.size} in all"
            raise BadRequest(f"offset: {why}", {"offset": why})
        numbers = range(offset // size, blocks.count(end, size))
        if len(self._hashes) != len(numbers):
            parts = [data[at : at + size] for at in range(0, len(data), size)]
            known = len(parts) == 1 and self.body.sha256
            self._hashes = [known] if known else await digests(parts)
        for number, digest in zip(numbers, self._hashes, strict=True):
            if digest != draft.hashes[number]:
                why = f"block {number} is not the one that was announced: begin the file again"
                raise BadRequest(f"hash: {why}", {"hash": why})
        return numbers, self._hashes

    async def _keep_run(self, generation: int, offset: int) -> Segment:
        """All that came, as packed as it came where that pays: a growing file is read in runs."""
        place, objects, body = (generation, offset), self.intake.objects, self.body
        if place not in self._written and body.frame:
            length = len(body.data)
            self._written[place] = await objects.keep_frame(self.key, *place, body.frame, length)
        return await self._keep(generation, offset, body.data, body.sha256)

    async def _keep_rest(self, generation: int, offset: int) -> Segment:
        """What is new of it."""
        data = self.body.data[offset - self.chunk.offset :]
        return await self._keep(generation, offset, data, (await digests([data]))[0])

    async def _keep_blocks(self, draft: Draft) -> Segment:
        """All that came, not packed: each block is read by itself."""
        sha256 = self.body.sha256 or (await digests([self.body.data]))[0]
        return await self._keep(draft.generation, self.chunk.offset, self.body.data, sha256)

    async def _keep(self, generation: int, offset: int, data: bytes, sha256: str) -> Segment:
        place = (generation, offset)
        if place not in self._written:
            self._written[place] = await self.intake.objects.keep(self.key, generation, offset, data, sha256)
        return self._written[place]


def _answer(outcome: Outcome, chunk: StoreChunk, file: File) -> ChunkStored:
    draft = file.draft
    begun = draft is not None and draft.generation == chunk.generation
    known = file.hashed == file.size
    return ChunkStored(
        outcome=outcome,
        generation=draft.generation if begun and draft else file.generation,
        size=file.size,
        sha256=file.sha256 if known else None,
        xxh3=file.xxh3 if known else None,
        complete=not begun,
    )
