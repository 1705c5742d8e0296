"""Every query about wrong passwords."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.auth.domain.guesses import Guesses
from andon.contracts import Conflict
from andon.storage import Collection, Database, Index

_TRIES = 5


@dataclass(eq=False)
class GuessStore:
    """Counts of wrong passwords, shared by all replicas."""

    database: Database

    def __post_init__(self) -> None:
        self._guesses = Collection(self.database, "guesses", Guesses, indexes=(Index(("at",)),))

    async def prepare(self) -> None:
        """Create what tidying runs on."""
        await self._guesses.prepare()

    async def at(self, *keys: str) -> list[Guesses | None]:
        """The counts under these keys, in their order."""
        found = {each.id: each for each in await self._guesses.find({"id": {"$in": list(keys)}}, limit=0)}
        return [found.get(key) for key in keys]

    async def count(self, key: str, counted: Callable[[Guesses | None], Guesses]) -> Guesses:
        """Replace a count by what `counted` makes of it; when many do so at once, each adds its own."""
        after = counted(None)
        for _ in range(_TRIES):
            before = await self._guesses.get(key)
            after = counted(before)
            if await self._written(before, after):
                break
        return after

    async def forgive(self, *keys: str) -> None:
        for key in keys:
            await self._guesses.delete(key)

    async def forget(self, before: datetime) -> int:
        """Delete counts that nobody added to since; how many there were."""
        return await self._guesses.delete_where({"at": {"$lt": before}})

    async def _written(self, before: Guesses | None, after: Guesses) -> bool:
        if before is not None:
            unchanged = {"count": before.count, "at": before.at}
            return await self._guesses.swap(before.id, unchanged, after.model_dump(exclude={"id"}))
        try:
            await self._guesses.add(after)
        except Conflict:
            return False
        return True
