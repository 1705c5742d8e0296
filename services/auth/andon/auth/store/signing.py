"""Every query about signing keys."""

from dataclasses import dataclass

from andon.auth.domain.signing import SigningKey
from andon.storage import Collection, Database


@dataclass(eq=False)
class SigningKeyStore:
    """Private signing keys; the newest signs, all of them verify."""

    database: Database

    def __post_init__(self) -> None:
        self._keys = Collection(self.database, "keys", SigningKey)

    async def all(self) -> list[SigningKey]:
        """Oldest first; there are a few."""
        return await self._keys.find(sort=["created_at"])

    async def add(self, key: SigningKey) -> None:
        await self._keys.add(key)

    async def replace(self, before: SigningKey, private_key: str) -> bool:
        """Store the same key in another form, unless somebody did; whether it was this one."""
        return await self._keys.swap(
            before.id, {"private_key": before.private_key}, {"private_key": private_key}
        )

    async def remove(self, key: SigningKey) -> None:
        await self._keys.delete(key.id)
