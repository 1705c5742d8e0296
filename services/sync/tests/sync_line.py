"""Whoever talks to sync over the bus: what a gateway does, without HTTP."""

import hashlib
from typing import Any
from urllib.parse import quote

import xxhash
import zstandard

from andon.contracts import stream_of, sync
from andon.messaging import Service
from andon.storage import Blobs
from andon.sync.adapters.wire import pack_of

UID = "20261121_4f2a"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Line:
    def __init__(self, bus: Service, blobs: Blobs) -> None:
        self.bus, self.blobs = bus, blobs

    async def chunk(self, path: str, data: bytes, offset: int = 0, **fields: Any) -> sync.ChunkStored:
        packed = fields.pop("packed", False)
        wish = {"uid": UID, "path": quote(path), "generation": 1, "offset": offset, "length": len(data)}
        wish |= {"hash": xxhash.xxh3_64_hexdigest(data), "writer": "edge-1"}
        body = fields.pop("body", zstandard.compress(data) if packed else data)
        wish |= {"encoding": "zstd" if packed else "identity", **fields}
        return await self.bus.ask(sync.STORE, sync.StoreChunk.model_validate(wish), body=body, timeout=20)

    async def begin(self, path: str, data: bytes, block: int = 4096, **fields: Any) -> sync.WholeBegun:
        blocks = tuple(sha(data[at : at + block]) for at in range(0, len(data), block))
        wish = {"uid": UID, "path": path, "writer": "edge-1", "size": len(data), "block_bytes": block}
        wish |= {"blocks": blocks, **fields}
        return await self.bus.ask(sync.BEGIN, sync.BeginWhole.model_validate(wish), timeout=20)

    async def replace(self, path: str, data: bytes, block: int = 4096) -> int:
        """How many blocks had to be sent."""
        begun = await self.begin(path, data, block)
        for number in begun.missing:
            part = data[number * block : (number + 1) * block]
            await self.chunk(path, part, number * block, generation=begun.generation)
        return len(begun.missing)

    async def pack(self, files: dict[str, bytes], **fields: Any) -> sync.PackStored:
        data = pack_of([(path, content, sha(content)) for path, content in files.items()])
        digest = xxhash.xxh3_64_hexdigest(data)
        wish = sync.StorePack(uid=UID, length=len(data), hash=digest, **{"writer": "edge-1", **fields})
        return await self.bus.ask(sync.PACK, wish, body=data, timeout=20)

    async def state(self, *paths: str, hashes: bool = True) -> dict[str, sync.FileCheckpoint]:
        question = sync.GetStatus(uid=UID, paths=paths or None, hashes=hashes)
        found = await self.bus.ask(sync.STATUS, question, timeout=20)
        return {each.path: each for each in found.files}

    async def experiment(self) -> sync.Experiment:
        return (await self.bus.ask(sync.STATUS, sync.GetStatus(uid=UID), timeout=20)).experiment

    async def read(self, path: str, **fields: Any) -> bytes:
        found = await self.bus.ask(sync.LOCATE, sync.Locate(uid=UID, path=path, **fields), timeout=20)
        return b"".join([await self._piece(each) for each in found.pieces])

    async def _piece(self, piece: sync.Piece) -> bytes:
        read = self.blobs.get_unpacked if piece.packed else self.blobs.get_range
        return await read(piece.key, piece.at, piece.length)

    async def finish(self, files: dict[str, bytes], **fields: Any) -> sync.Finished:
        local = tuple(sync.Local(path=path, size=len(data), sha256=sha(data)) for path, data in files.items())
        return await self.bus.ask(sync.FINISH, sync.Finish(uid=UID, files=local, **fields), timeout=20)

    async def said(self) -> list[sync.FileChanged]:
        """Every change of a file that was said, in the order of the stream."""
        kept = await self.bus.replay(stream_of(sync.FILE_CHANGED), 0, 1000)
        return [message for _, message, _ in kept if isinstance(message, sync.FileChanged)]
