"""The bytes of a file, piece by piece out of the object store."""

from collections.abc import AsyncIterator

from andon.contracts.sync import Piece
from andon.storage import Blobs

_BYTES = 4 << 20


async def read(blobs: Blobs, piece: Piece, most: int) -> AsyncIterator[bytes]:
    """The first bytes of a piece, `most` or as many as it has, a few MB at a time. Raises NotFound."""
    end = min(piece.length, most)
    if piece.packed and end > 0:
        yield await blobs.get_unpacked(piece.key, piece.at, end)
        return
    for start in range(0, end, _BYTES):
        yield await blobs.get_range(piece.key, piece.at + start, min(_BYTES, end - start))
