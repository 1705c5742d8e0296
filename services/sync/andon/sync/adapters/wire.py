"""Bodies of chunks and packs: unpacked within bounds, and compared with what their sender says they are."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import xxhash
import zstandard
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from andon.contracts import BadRequest
from andon.contracts.sync import Encoding, Sha256

_INDEX = 4
_FILES = 2000
_WINDOW = 8 << 20
"""What zstd's own document asks of every reader; a sender that wants more memory is refused."""
_WORTH_KEEPING, _PAYS = 64 * 1024, 0.8


@dataclass(frozen=True)
class Frame:
    """Bytes as they came, packed by zstd."""

    data: bytes
    sha256: str
    """Of the packed bytes."""


@dataclass(frozen=True)
class Bytes:
    """What a chunk brought."""

    data: bytes
    sha256: str = ""
    """Nothing where they have a frame: who needs it makes it."""
    frame: Frame | None = None
    """Where they came packed, and so much smaller that it pays to keep them so."""


class Member(BaseModel):
    """A line of a pack's index."""

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    length: Annotated[int, Field(ge=0)]
    sha256: Sha256


_INDEX_OF = TypeAdapter(Annotated[list[Member], Field(max_length=_FILES)])


async def unpacked(body: bytes, encoding: Encoding, length: int, digest: str) -> Bytes:
    """The bytes as they were sent. Raises BadRequest where length or hash say otherwise."""
    return await asyncio.to_thread(_unpacked, body, encoding, length, digest)


def _unpacked(body: bytes, encoding: Encoding, length: int, digest: str) -> Bytes:
    data = body if encoding is Encoding.IDENTITY else _inflated(body, length)
    if len(data) != length:
        raise BadRequest(f"length: {length} bytes were announced and {len(data)} came", {"length": "differs"})
    if xxhash.xxh3_64_hexdigest(data) != digest:
        raise BadRequest("hash: the bytes that came have another XXH3-64", {"hash": "differs"})
    if length >= _WORTH_KEEPING and len(body) <= _PAYS * length:
        return Bytes(data, frame=Frame(body, hashlib.sha256(body).hexdigest()))
    return Bytes(data, hashlib.sha256(data).hexdigest())


def _inflated(body: bytes, length: int) -> bytes:
    # One byte more than announced is asked for: a bomb shows itself and is never unpacked whole.
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(body) as reader:
            return reader.read(length + 1)
    except zstandard.ZstdError as error:
        raise BadRequest("encoding: the bytes are not zstd", {"encoding": "not zstd"}) from error


def members(data: bytes) -> list[tuple[Member, int]]:
    """A pack's files, and where in it each begins. Raises BadRequest."""
    head = int.from_bytes(data[:_INDEX], "big") + _INDEX
    try:
        index = _INDEX_OF.validate_python(json.loads(data[_INDEX:head]))
    except (ValueError, ValidationError) as error:
        raise BadRequest("pack: its index can't be read", {"pack": "bad index"}) from error
    found: list[tuple[Member, int]] = []
    for member in index:
        found.append((member, head))
        head += member.length
    if head != len(data):
        raise BadRequest("pack: its files have other lengths than its index says", {"pack": "bad lengths"})
    return found


def pack_of(files: Sequence[tuple[str, bytes, str]]) -> bytes:
    """A pack of (path, bytes, sha256)."""
    index = [{"path": path, "length": len(data), "sha256": digest} for path, data, digest in files]
    text = json.dumps(index, separators=(",", ":")).encode()
    return b"".join((len(text).to_bytes(_INDEX, "big"), text, *(data for _, data, _ in files)))


async def digests(parts: Sequence[bytes]) -> list[str]:
    """The sha256 of each."""
    return await asyncio.to_thread(lambda: [hashlib.sha256(part).hexdigest() for part in parts])
