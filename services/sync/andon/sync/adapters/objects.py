"""Segments as immutable objects."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from andon.storage import Blobs
from andon.sync.adapters.wire import Frame
from andon.sync.domain.files import File, Segment

_PIECE = 4 << 20
_ROOT = "sync/files/"


@dataclass(frozen=True)
class Objects:
    """Every method raises Unavailable while the store is away or full."""

    blobs: Blobs

    async def keep(self, key: str, generation: int, offset: int, data: bytes, sha256: str) -> Segment:
        """Write a run of a file's bytes; the same run again has the same name."""
        name = f"{_ROOT}{key}/{generation:09d}/{offset:015d}-{sha256[:20]}"
        await self.blobs.put(name, data, sha256=sha256)
        return Segment(offset, len(data), name, 0, sha256)

    async def keep_frame(self, key: str, generation: int, offset: int, frame: Frame, length: int) -> Segment:
        """The same of a run of `length` bytes that stays as packed as it came."""
        name = f"{_ROOT}{key}/{generation:09d}/{offset:015d}-{frame.sha256[:20]}.zst"
        await self.blobs.put(name, frame.data, sha256=frame.sha256)
        return Segment(offset, length, name, 0, "", packed=True)

    async def keep_pack(self, prefix: str, data: bytes, sha256: str) -> str:
        """Write bytes of several files; its key, that nobody else will ever have."""
        name = f"{prefix}{uuid4().hex}"
        await self.blobs.put(name, data, sha256=sha256)
        return name

    async def read(self, file: File, offset: int, length: int) -> bytes:
        """A short range of a file. Raises NotFound where an object is gone."""
        parts = [await self._piece(each) for each in file.between(offset, length)]
        return b"".join(parts)

    async def stream(self, file: File, offset: int) -> AsyncIterator[bytes]:
        """All from an offset on, a few MB at a time. Raises NotFound where an object is gone."""
        for segment in file.between(offset, file.size - offset):
            if segment.packed:
                yield await self._piece(segment)
                continue
            for start in range(0, segment.length, _PIECE):
                length = min(_PIECE, segment.length - start)
                yield await self.blobs.get_range(segment.key, segment.at + start, length)

    async def delete(self, keys: Sequence[str]) -> None:
        """Harmless for those that are gone."""
        await self.blobs.delete_many(keys)

    async def former(self, key: str, generation: int) -> list[str]:
        """What was written for generations before this one."""
        names = await self.blobs.list(f"{_ROOT}{key}/")
        return [name for name in names if int(name.split("/")[3]) < generation]

    async def _piece(self, segment: Segment) -> bytes:
        if segment.length == 0:
            return b""
        if segment.packed:
            return await self.blobs.get_unpacked(segment.key, segment.at, segment.length)
        return await self.blobs.get_range(segment.key, segment.at, segment.length)
