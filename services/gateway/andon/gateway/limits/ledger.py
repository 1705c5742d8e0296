"""The count that all gateways share, one document per client and minute."""

from dataclasses import dataclass

from pymongo import ReturnDocument

from andon.contracts import Conflict, Message
from andon.storage import Collection, Database, Index, reaching


class Taken(Message):
    id: str
    """Window and client."""
    window: int
    taken: int


@dataclass(frozen=True)
class Ledger:
    """Adds up; decides nothing. Every method raises Unavailable while the database is away."""

    rows: Collection[Taken]

    @classmethod
    def of(cls, database: Database) -> "Ledger":
        return cls(Collection(database, "rates", Taken, indexes=(Index(("window",)),)))

    async def take(self, client: str, window: int, count: int) -> int:
        """How many were taken of this client's in this window, these included."""
        await self.rows.prepare()
        try:
            return await self._add(client, window, count)
        except Conflict:  # two gateways began the same document
            return await self._add(client, window, count)

    async def forget_before(self, window: int) -> None:
        await self.rows.prepare()
        await self.rows.delete_where({"window": {"$lt": window}})

    async def _add(self, client: str, window: int, count: int) -> int:
        with reaching():
            found = await self.rows.raw.find_one_and_update(
                {"_id": f"{window} {client}"},
                {"$inc": {"taken": count}, "$setOnInsert": {"window": window}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
                projection={"taken": 1},
            )
        return int(found["taken"]) if found else count
