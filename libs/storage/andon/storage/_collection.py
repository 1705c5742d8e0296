"""A collection of one kind of model, found by its key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel
from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne, UpdateOne

from andon.storage._documents import Document, stored
from andon.storage._mongo import Database, reaching

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection

T = TypeVar("T", bound=BaseModel)

Filter: TypeAlias = Mapping[str, Any]
Order: TypeAlias = str | tuple[str, int]
"""A field to sort by, `-` in front for descending; or MongoDB's own pair."""


@dataclass(frozen=True)
class Index:
    """Fields that are searched or sorted by together, such as `Index(("station_id", "-captured_at"))`."""

    fields: tuple[Order, ...]
    unique: bool = False
    only: Filter = field(default_factory=dict[str, Any])
    """Index only what matches; with `unique` the rest may repeat."""


@dataclass(frozen=True)
class Change:
    """One update of a bulk: MongoDB operators such as $set and $inc on the document with this key."""

    key: str
    update: Filter
    upsert: bool = False


class Collection(Generic[T]):
    """Models of one type. Every method raises Unavailable while the server is away.

    `key` names the field that is the identity (stored as `_id`, and translated in filters and sorts), or is
    a function that makes the identity from a model's fields. Times are stored as text (see `stored`): pass
    datetimes in filters and changes as they are.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        model: type[T],
        *,
        key: str | Callable[[T], str] = "id",
        indexes: Sequence[Index] = (),
    ) -> None:
        self.raw: AsyncCollection[Document] = database[name]
        """For what this class lacks; its errors are PyMongo's, its times are text."""
        self._model = model
        self._key = key
        self._indexes = indexes
        self._prepared = not indexes

    async def prepare(self) -> None:
        """Create the indexes, once; before the first write.

        The embedded server stops for ever when a write makes the collection that someone else makes an index
        of at that moment: the one keeps its place in the catalogue, which the other waits for, and that one
        the lock that the first needs next.
        """
        if self._prepared:
            return
        models = [
            IndexModel(
                self._order(index.fields),
                **({"unique": True} if index.unique else {}),
                **({"partialFilterExpression": self._named(index.only)} if index.only else {}),
            )
            for index in self._indexes
        ]
        with reaching():
            await self.raw.create_indexes(models)
        self._prepared = True

    async def get(self, key: str) -> T | None:
        with reaching():
            document = await self.raw.find_one({"_id": key})
        return None if document is None else self._read(document)

    async def add(self, item: T) -> None:
        """Raises Conflict when the key, or a unique field, is taken."""
        with reaching():
            await self.raw.insert_one(self._written(item))

    async def put(self, item: T) -> None:
        """Write or replace. Raises Conflict when another document has a unique field's value."""
        document = self._written(item)
        with reaching():
            await self.raw.replace_one({"_id": document["_id"]}, document, upsert=True)

    async def put_many(self, items: Sequence[T]) -> None:
        """Write or replace all in one round trip and in any order; after an error, some may be written."""
        documents = [self._written(item) for item in items]
        await self._bulk([ReplaceOne({"_id": doc["_id"]}, doc, upsert=True) for doc in documents])

    async def add_many(self, items: Sequence[T]) -> None:
        """Write what is all new, much faster than `put_many`. Raises Conflict; then some may be written."""
        if items:
            with reaching():
                await self.raw.insert_many([self._written(item) for item in items], ordered=False)

    async def delete(self, key: str) -> bool:
        """Whether there was one."""
        with reaching():
            return (await self.raw.delete_one({"_id": key})).deleted_count == 1

    async def delete_where(self, where: Filter) -> int:
        """How many were deleted."""
        with reaching():
            return (await self.raw.delete_many(self._named(where))).deleted_count

    async def find(
        self,
        where: Filter | None = None,
        *,
        sort: Sequence[Order] = (),
        limit: int = 100,
        skip: int = 0,
    ) -> list[T]:
        """What matches, at most `limit`; 0 is all. Bound a big collection's sort by a range on an index."""
        cursor = self.raw.find(self._named(where or {}), limit=limit, skip=skip)
        if sort:
            cursor = cursor.sort(self._order(sort))
        with reaching():
            return [self._read(document) for document in await cursor.to_list()]

    async def count(self, where: Filter | None = None) -> int:
        with reaching():
            return await self.raw.count_documents(self._named(where or {}))

    async def swap(self, key: str, expected: Filter, changes: Filter) -> bool:
        """Set `changes` if the document still has `expected`; whether it had."""
        return await self._update({"_id": key, **self._named(expected)}, {"$set": changes}, upsert=False)

    async def update(self, key: str, update: Filter, *, upsert: bool = False) -> bool:
        """Apply MongoDB operators such as $inc to one document; whether there was one."""
        return await self._update({"_id": key}, update, upsert=upsert)

    async def update_many(self, changes: Sequence[Change]) -> None:
        """Apply all in one round trip and in any order; after an error, some may be applied."""
        await self._bulk(
            [UpdateOne({"_id": each.key}, stored(each.update), upsert=each.upsert) for each in changes]
        )

    async def aggregate(self, pipeline: Sequence[Filter]) -> list[Document]:
        """Documents as the server gives them: `_id` and times are not translated back."""
        with reaching():
            cursor = await self.raw.aggregate(stored(list(pipeline)))
            return await cursor.to_list()

    async def _update(self, where: Document, update: Filter, *, upsert: bool) -> bool:
        with reaching():
            return (await self.raw.update_one(where, stored(update), upsert=upsert)).matched_count == 1

    async def _bulk(self, operations: Sequence[ReplaceOne[Document] | UpdateOne]) -> None:
        if operations:
            with reaching():
                await self.raw.bulk_write(operations, ordered=False)

    def _written(self, item: T) -> Document:
        document: Document = stored(item)
        if isinstance(self._key, str):
            return {"_id": document.pop(self._key), **document}
        return {"_id": self._key(item), **document}

    def _read(self, document: Document) -> T:
        identity = document.pop("_id")
        if isinstance(self._key, str):
            document[self._key] = identity
        return self._model.model_validate(document)

    def _named(self, where: Filter) -> Document:
        """The filter with the key's field as `_id`, inside $and and its like too."""
        named: Document = {}
        for name, value in where.items():
            if name in ("$and", "$or", "$nor"):
                named[name] = [self._named(part) for part in value]
            else:
                named[self._field(name)] = stored(value)
        return named

    def _order(self, order: Sequence[Order]) -> list[tuple[str, int]]:
        pairs = [_pair(each) for each in order]
        return [(self._field(name), direction) for name, direction in pairs]

    def _field(self, name: str) -> str:
        return "_id" if name == self._key else name


def _pair(order: Order) -> tuple[str, int]:
    if not isinstance(order, str):
        return order
    return (order[1:], DESCENDING) if order.startswith("-") else (order, ASCENDING)
