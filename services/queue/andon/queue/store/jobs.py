"""Jobs: each change is one write that only succeeds on the version it was made from."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import InsertOne, UpdateOne, timeout
from pymongo.errors import BulkWriteError

from andon.contracts import Conflict, NotFound
from andon.queue.domain.ids import named
from andon.queue.domain.record import Phase, Record
from andon.queue.domain.said import Said
from andon.queue.store.batches import Batches
from andon.queue.store.documents import Document, document_of, record_of, update_of
from andon.storage import Collection, Index, Mongo, reaching, stored

_DATABASE = "queue"
_DUPLICATE = 11000
_FRESH = 4096
_MANY = 10_000
"""Deleted at once; the rest the next time."""
LONG_SECONDS = 300
"""For what reads everything, where the client's own limit is for one answer."""


@dataclass(frozen=True)
class Write:
    """A new job, or the change of one."""

    before: Record | None
    after: Record
    silent: bool = False
    """Only while no sign of life has come since `before` was read."""


class Jobs:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo, said: Said, *, batch: int = 200, lanes: int = 2) -> None:
        self._jobs = Collection(
            mongo.database(_DATABASE),
            "jobs",
            Record,
            indexes=(
                Index(("phase", "holder", "rank")),
                Index(("keys",), unique=True, only={"keys": {"$exists": True}}),
                Index(("due_at",), only={"due_at": {"$gt": ""}}),
                Index(("unsaid_at",), only={"unsaid_at": {"$gt": ""}}),
                Index(("ended_at",), only={"ended_at": {"$gt": ""}}),
                Index(("status", "id")),
                Index(("project", "id")),
            ),
        )
        self.raw = self._jobs.raw
        self._said = said
        self._batch = batch
        self._writes: Batches[Write, bool] = Batches(self._write_all, largest=batch, lanes=lanes)
        self._reads: Batches[str, Document | None] = Batches(self._read_all, largest=batch, lanes=lanes)
        self._fresh: OrderedDict[str, Record] = OrderedDict()

    async def prepare(self) -> None:
        await self._jobs.prepare()

    async def add(self, record: Record) -> bool:
        """Whether it is new: False when its id or one of its keys is taken."""
        added = await self._writes.ask(Write(None, record))
        if added:
            self._remember(record)
        return added

    async def swap(self, before: Record, after: Record, *, silent: bool = False) -> bool:
        """Whether it was still at its version; with `silent`, and nothing was heard of it meanwhile."""
        swapped = await self._writes.ask(Write(before, after, silent))
        if swapped:
            self._remember(after)
        else:
            self._fresh.pop(before.id, None)
        return swapped

    async def refresh(self, before: Record, after: Record) -> bool:
        """Write a sign of life, which is no new version. Whether the lease is still that one."""
        where: Document = {"_id": before.id, "version": before.version}
        if before.lease is not None:
            where = {"_id": before.id, "lease.token": before.lease.token, "status": before.status.value}
        update = update_of(before, after)
        if not update["$set"]:
            return True
        with reaching():
            done = (await self.raw.update_one(where, update)).matched_count == 1
        self._fresh.pop(before.id, None)
        return done

    async def get(self, job_id: str) -> Record | None:
        document = await self._reads.ask(job_id)
        return None if document is None else record_of(document)

    async def find(self, name: str) -> Record:
        """By id or alias. Raises NotFound."""
        field, value = named(name)
        if field == "id":
            found = await self.get(value)
        else:
            with reaching():
                document = await self.raw.find_one({field: value})
            found = None if document is None else record_of(document)
        if found is None or found.deleted_at is not None:
            raise NotFound(f"there is no job {name!r}")
        return found

    async def fresh(self, job_id: str, version: int) -> Record | None:
        """Quick where this process wrote it last; it may be outdated, so what is made of it may not win."""
        known = self._fresh.get(job_id)
        return known if known is not None and known.version >= version else await self.get(job_id)

    def written(self, job_id: str) -> Record | None:
        """As this process wrote it last; it may be outdated too."""
        return self._fresh.get(job_id)

    async def having(self, key: str) -> Record | None:
        """The job with one of the names that no two share."""
        with reaching():
            document = await self.raw.find_one({"keys": key})
        return None if document is None else record_of(document)

    async def active(self, device: str | None = None) -> list[Record]:
        """What devices hold, or one device; and without one, what clients run themselves."""
        where: Document = {"phase": Phase.ACTIVE.value}
        if device is not None:
            where["holder"] = device
        with reaching():
            return [record_of(each) for each in await self.raw.find(where).to_list()]

    async def holdings(self, device: str | None = None) -> list[Document]:
        """The same, only what is held: _id, holder, user, project, queue, requirements, gpus, started_at."""
        where: Document = {"phase": Phase.ACTIVE.value}
        if device is not None:
            where["holder"] = device
        fields = ("holder", "user", "project", "queue", "requirements", "gpus", "started_at", "leased_at")
        with reaching():
            return await self.raw.find(where, dict.fromkeys(fields, 1)).to_list()

    async def waiting(self, take: Callable[[Document], None]) -> int:
        """Hand over everything that waits, in any order, and say how much it was."""
        fields = (
            "version",
            "rank",
            "priority",
            "queue",
            "user",
            "project",
            "kind",
            "requirements",
            "not_before",
        )
        where = {"phase": Phase.WAITING.value, "holder": None}
        count = 0
        with reaching(), timeout(LONG_SECONDS):
            async for document in self.raw.find(where, dict.fromkeys(fields, 1)).batch_size(1000):
                take(document)
                count += 1
        return count

    async def due(self, now: datetime, limit: int) -> list[Record]:
        """Where time has come for something."""
        with reaching():
            found = await self.raw.find({"due_at": {"$gt": "", "$lte": stored(now)}}).limit(limit).to_list()
        return [record_of(each) for each in found]

    async def unsaid(self, before: datetime, limit: int) -> list[Record]:
        """Where the bus may not have been told, as far as this process knows."""
        where = {"unsaid_at": {"$gt": "", "$lte": stored(before)}}
        found: list[str] = []
        with reaching():
            async for each in self.raw.find(where, {"version": 1}).batch_size(1000):
                if self._said.up_to(each["_id"]) < each["version"]:
                    found.append(each["_id"])
                if len(found) == limit:
                    break
        documents = await self._read_all(found) if found else []
        return [record_of(each) for each in documents if each is not None]

    async def told(self, said: Sequence[tuple[str, str]]) -> None:
        """Empty the outboxes of jobs whose last change still left this mark."""
        for first in range(0, len(said), self._batch):
            part = said[first : first + self._batch]
            # One update for all of them: no change leaves the mark that another job's left.
            where = {"_id": {"$in": [job for job, _ in part]}, "mark": {"$in": [mark for _, mark in part]}}
            with reaching():
                await self.raw.update_many(where, {"$set": {"outbox": [], "unsaid_at": None}})

    async def old(self, where: Document, limit: int) -> list[Record]:
        with reaching():
            return [record_of(each) for each in await self.raw.find(where).limit(limit).to_list()]

    async def remove(self, deleted_before: datetime, drop: Callable[[list[str]], Awaitable[None]]) -> None:
        """Drop what was deleted and told long enough ago, and first what others keep of it by its id."""
        where = {
            "phase": Phase.DELETED.value,
            "deleted_at": {"$gt": "", "$lt": stored(deleted_before)},
            "unsaid_at": None,
        }
        with reaching():
            found = [each["_id"] for each in await self.raw.find(where, {"_id": 1}).limit(_MANY).to_list()]
        await drop(found)
        with reaching():
            await self.raw.delete_many({"_id": {"$in": found}})

    async def _read_all(self, ids: Sequence[str]) -> list[Document | None]:
        with reaching():
            if len(ids) == 1:
                return [await self.raw.find_one({"_id": ids[0]})]
            found = await self.raw.find({"_id": {"$in": sorted(set(ids))}}).to_list()
        documents = {each["_id"]: each for each in found}
        return [documents.get(job_id) for job_id in ids]

    async def _write_all(self, writes: Sequence[Write]) -> list[bool]:
        answers = [True] * len(writes)
        operations = [self._operation(each) for each in writes]
        swaps = sum(each.before is not None for each in writes)
        with reaching():
            try:
                matched = (await self.raw.bulk_write(operations, ordered=False)).matched_count
            except BulkWriteError as error:
                failures: list[Document] = (error.details or {}).get("writeErrors", [])
                if not failures or any(each.get("code") != _DUPLICATE for each in failures):
                    raise
                for each in failures:
                    answers[each["index"]] = False
                matched = int((error.details or {}).get("nMatched", 0))
            refused = sum(
                each.before is not None and not answer for each, answer in zip(writes, answers, strict=True)
            )
            if matched < swaps - refused:
                await self._look(writes, answers)
        return answers

    async def _look(self, writes: Sequence[Write], answers: list[bool]) -> None:
        """A bulk only says how many matched: each change has left its mark where it did."""
        ids = [each.after.id for each in writes if each.before is not None]
        marks = await self.raw.find({"_id": {"$in": ids}}, {"history": 1}).to_list()
        won = {
            (each["_id"], entry["version"], entry.get("mark"))
            for each in marks
            for entry in each.get("history", ())
        }
        for number, write in enumerate(writes):
            if write.before is not None and answers[number]:
                after = write.after
                answers[number] = (after.id, after.version, after.mark) in won

    def _operation(self, write: Write) -> InsertOne[Document] | UpdateOne:
        if write.before is None:
            return InsertOne(document_of(write.after))
        where: dict[str, Any] = {"_id": write.before.id, "version": write.before.version}
        if write.silent:
            where["due_at"] = stored(write.before.due_at)
        told = self._said.up_to(write.before.id) >= write.before.version
        return UpdateOne(where, update_of(write.before, write.after, told=told))

    def _remember(self, record: Record) -> None:
        self._fresh[record.id] = record
        self._fresh.move_to_end(record.id)
        if len(self._fresh) > _FRESH:
            self._fresh.popitem(last=False)


def taken(name: str) -> Conflict:
    return Conflict(f"a live job is named {name}", {"name": "taken by a live job"})
