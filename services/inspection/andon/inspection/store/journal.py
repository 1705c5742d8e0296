"""What is being removed, written down before it begins, so that a crash leaves nothing behind for ever."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo import UpdateOne

from andon.inspection.store.ledger import micros
from andon.storage import Database, reaching

_LIMIT = 200


@dataclass(eq=False)
class Journal:
    """Ids of records whose removal is open, and of those that are gone."""

    database: Database
    name: str

    def __post_init__(self) -> None:
        self._entries = self.database[self.name]

    async def prepare(self) -> None:
        """Create what the sweep runs on."""
        with reaching():
            await self._entries.create_index([("since", 1)])
            await self._entries.create_index([("gone", 1)])

    async def open(self, ids: Sequence[str], keys: Collection[str] = ()) -> None:
        """From now on a sweep looks after these, and after pictures that no record names."""
        change = {
            "$set": {"since": micros(datetime.now(UTC))},
            "$unset": {"gone": ""},
            "$addToSet": {"keys": {"$each": sorted(keys)}},
        }
        await self._all([UpdateOne({"_id": key}, change, upsert=True) for key in ids])

    async def close(self, gone: Mapping[str, Collection[str]]) -> None:
        """The records are gone; their ids stay taken for a while, and where their pictures were is known."""
        done = {"gone": micros(datetime.now(UTC))}
        await self._all(
            [
                UpdateOne({"_id": key}, {"$set": done | {"keys": list(keys)}, "$unset": {"since": ""}})
                for key, keys in gone.items()
            ]
        )

    async def forget(self, ids: Collection[str]) -> None:
        """There is nothing to look after any more."""
        if ids:
            with reaching():
                await self._entries.delete_many({"_id": {"$in": list(ids)}})

    async def unfinished(self, older: timedelta) -> dict[str, list[str]]:
        """Removals that began so long ago that whoever began them is dead; pictures by id, of some."""
        return await self._before("since", older)

    async def outlived(self, older: timedelta) -> dict[str, list[str]]:
        """Records that are gone for so long that no replay can bring them back; pictures by id, of some."""
        return await self._before("gone", older)

    async def _before(self, name: str, older: timedelta) -> dict[str, list[str]]:
        before = {name: {"$lt": micros(datetime.now(UTC) - older)}}
        with reaching():
            rows = self._entries.find(before, {"keys": 1}).limit(_LIMIT)
            return {row["_id"]: row.get("keys", []) async for row in rows}

    async def _all(self, changes: list[UpdateOne]) -> None:
        if changes:
            with reaching():
                await self._entries.bulk_write(changes, ordered=False)


def journals(database: Database) -> tuple[Journal, Journal]:
    """One of records that leave, one of pictures that leave records which stay."""
    return Journal(database, "leaving"), Journal(database, "stripping")
