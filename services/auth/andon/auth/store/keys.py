"""Every query about machines' keys."""

from dataclasses import dataclass
from datetime import datetime

from andon.auth.domain.keys import StoredKey
from andon.storage import Collection, Database, Index


@dataclass(eq=False)
class MachineKeyStore:
    """Keys, found by their secrets' digests."""

    database: Database

    def __post_init__(self) -> None:
        self._keys = Collection(
            self.database, "machine_keys", StoredKey,
            indexes=(Index(("digest",), unique=True), Index(("owner_id", "-created_at"))),
        )  # fmt: skip

    async def prepare(self) -> None:
        """Create what look-ups run on."""
        await self._keys.prepare()

    async def add(self, key: StoredKey) -> None:
        await self._keys.add(key)

    async def get(self, key_id: str) -> StoredKey | None:
        return await self._keys.get(key_id)

    async def with_digest(self, digest: str) -> StoredKey | None:
        found = await self._keys.find({"digest": digest}, limit=1)
        return found[0] if found else None

    async def of(self, owner_id: str | None) -> list[StoredKey]:
        """One user's or, for None, everybody's; newest first."""
        where = {} if owner_id is None else {"owner_id": owner_id}
        return await self._keys.find(where, sort=["-created_at"], limit=0)

    async def revoke(self, key_id: str, now: datetime) -> bool:
        """Whether this call did; one that was revoked keeps its time."""
        return await self._keys.swap(key_id, {"revoked_at": None}, {"revoked_at": now})

    async def used(self, key: StoredKey, now: datetime) -> None:
        await self._keys.swap(key.id, {"last_used_at": key.last_used_at}, {"last_used_at": now})
