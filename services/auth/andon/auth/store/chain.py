"""Every query about the audit chain."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from andon.auth.domain.chain import Link, hash_of
from andon.contracts import Conflict, Message
from andon.contracts.audit import Action, Entries, Entry, ListEntries
from andon.storage import Collection, Database, Index, reaching, stored

_HEAD = "head"
_PAGE = 1000


class Head(Message):
    """How far the chain went, kept beside it: so that entries can't be cut off its end unseen."""

    id: str = _HEAD
    sequence: int
    hash: str


@dataclass(eq=False)
class ChainStore:
    """The audit log. Its entries are only ever added; a sequence is given once, whoever asks for it."""

    database: Database

    def __post_init__(self) -> None:
        self._entries = Collection(
            self.database, "audit", Entry, key="sequence",
            indexes=(
                Index(("id",), unique=True), Index(("at",)), Index(("action", "-sequence")),
                Index(("actor.id", "-sequence")), Index(("actor.name", "-sequence")),
            ),
        )  # fmt: skip
        self._heads = Collection(self.database, "audit_head", Head)

    async def prepare(self) -> None:
        """Create the indexes, of which one keeps an action from being recorded twice."""
        await self._entries.prepare()

    async def append(self, action: Action) -> None:
        """Put an action at the end of the chain, unless it is in it."""
        while True:
            entry = _following(await self.last(), action)
            try:
                await self._entries.add(entry)
            except Conflict:
                if await self._entries.find({"id": action.id}, limit=1):
                    return
                continue  # another replica took this sequence: behind its entry, then
            await self._reach(entry)
            return

    async def last(self) -> Link:
        """The end of the chain."""
        found = await self._entries.find(sort=["-sequence"], limit=1)
        return Link(found[0].sequence, found[0].hash) if found else Link()

    async def head(self) -> Link:
        """How far the chain is known to go; the beginning when nobody noted it."""
        head = await self._heads.get(_HEAD)
        return Link(head.sequence, head.hash) if head else Link()

    async def page(self, question: ListEntries) -> Entries:
        """Entries that fit, newest first."""
        found = await self._entries.find(_where(question), sort=["-sequence"], limit=question.limit + 1)
        shown = tuple(found[: question.limit])
        return Entries(entries=shown, next_before=shown[-1].sequence if len(found) > len(shown) else None)

    async def pages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """All entries as they are stored, in their order."""
        after = 0
        while True:
            cursor = self._entries.raw.find({"_id": {"$gt": after}}).sort("_id", 1).limit(_PAGE)
            with reaching():
                documents = await cursor.to_list()
            if not documents:
                return
            after = documents[-1]["_id"]
            yield [{"sequence": document.pop("_id"), **document} for document in documents]

    async def _reach(self, entry: Entry) -> None:
        to = {"sequence": entry.sequence, "hash": entry.hash}
        if not await self._heads.swap(_HEAD, {"sequence": {"$lt": entry.sequence}}, to):
            try:
                await self._heads.add(Head(**to))
            except Conflict:
                return  # it is further already


def _following(last: Link, action: Action) -> Entry:
    content = {**action.model_dump(), "sequence": last.sequence + 1, "previous": last.hash}
    return Entry(**content, hash=hash_of(stored(content)))


def _where(question: ListEntries) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if question.actor is not None:
        where["$or"] = [{"actor.id": question.actor}, {"actor.name": question.actor}]
    if question.action is not None:
        word = question.action
        where["action"] = {"$gte": word[:-1], "$lt": word[:-1] + "\uffff"} if word.endswith("*") else word
    if times := {name: at for name, at in (("$gte", question.since), ("$lt", question.until)) if at}:
        where["at"] = times
    if question.before is not None:
        where["sequence"] = {"$lt": question.before}
    return where
