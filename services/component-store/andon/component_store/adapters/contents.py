"""Contents by sha256: small ones in the database, large ones in the object store."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from andon.component_store.store import InlineStore
from andon.contracts import NotFound, Unavailable
from andon.storage import Blobs

_WAITING = "bundles/"


@dataclass(frozen=True)
class Contents:
    """Every method raises Unavailable while what it needs is away."""

    inline: InlineStore
    blobs: Blobs
    inline_bytes: int
    """Up to here a content goes into the database."""

    async def keep(self, sha256: str, data: bytes) -> None:
        """Harmless to repeat."""
        if len(data) <= self.inline_bytes:
            await self.inline.put(sha256, data)
        else:
            await self.blobs.put(_key(sha256), data, sha256=sha256)

    async def read(self, sha256: str) -> bytes:
        """Verified. Raises Unavailable for a content that is lost or damaged."""
        data = await self.inline.get(sha256)
        if data is None:
            data = await self._fetched(sha256)
        return data

    async def read_many(self, sha256s: Sequence[str]) -> dict[str, bytes]:
        """By sha256."""
        wanted = list(dict.fromkeys(sha256s))
        found = await self.inline.get_many(wanted)
        absent = [sha256 for sha256 in wanted if sha256 not in found]
        fetched = await asyncio.gather(*(self._fetched(sha256) for sha256 in absent))
        return {**found, **dict(zip(absent, fetched, strict=True))}

    async def hand_over(self, archive: bytes, today: date) -> str:
        """Put an archive where the gateway finds it; its key."""
        key = f"{_WAITING}{today:%Y-%m-%d}/{uuid4().hex}.tar.gz"
        await self.blobs.put(key, archive, "application/gzip")
        return key

    async def forget_archives(self, before: date) -> None:
        """Those of earlier days; the gateway has read them or never will."""
        kept = f"{_WAITING}{before:%Y-%m-%d}"
        old = [key for key in await self.blobs.list(_WAITING) if key < kept]
        if old:
            await self.blobs.delete_many(old)

    async def _fetched(self, sha256: str) -> bytes:
        try:
            data = await self.blobs.get(_key(sha256))
        except NotFound:
            raise Unavailable(f"the content {sha256} is not in the object store") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Unavailable(f"the content {sha256} is damaged in the object store")
        return data


def _key(sha256: str) -> str:
    return f"components/{sha256}"
