"""Lists of jobs by their age, read in ranges that grow, so that a page costs what it shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from andon.contracts.queue import ListJobs, Order
from andon.queue.domain.ids import first_id, made_at
from andon.queue.domain.record import Record
from andon.queue.store.documents import Document, record_of
from andon.queue.store.jobs import Jobs
from andon.storage import reaching

_FIRST = timedelta(seconds=1)
_GROWTH = 8
_WINDOWS = 8
"""After so many, the last one is all that is left: 24 days and more."""
_AHEAD = timedelta(minutes=5)
"""Ids of askers whose clocks are ahead."""
_LEFT_OUT = ("history", "attempts", "outbox")


class Lists:
    """Raises Unavailable while the database is away."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs.raw

    async def page(self, asked: ListJobs, now: datetime) -> list[Record]:
        """One more than was asked for when there are more."""
        wanted = asked.offset + asked.limit + 1
        where = where_of(asked)
        found: list[Document] = []
        for low, high in _ranges(asked, now):
            ids: Document = {}
            if low is not None:
                ids["$gte"] = low
            if high is not None:
                ids["$lt"] = high
            if asked.after is not None and asked.order is Order.OLDEST:
                ids["$gt"] = asked.after
            elif asked.after is not None:
                ids["$lt"] = min(high or asked.after, asked.after)
            found += await self._within(
                {**where, **({"_id": ids} if ids else {})}, asked, wanted - len(found)
            )
            if len(found) >= wanted:
                break
        return [record_of(each) for each in found[asked.offset :]]

    async def total(self, asked: ListJobs) -> int:
        where = where_of(asked)
        low, high = _bounds(asked)
        ids = {name: value for name, value in (("$gte", low), ("$lt", high)) if value is not None}
        if ids:
            where["_id"] = ids
        with reaching():
            return await self._jobs.count_documents(where)

    async def _within(self, where: Document, asked: ListJobs, wanted: int) -> list[Document]:
        direction = -1 if asked.order is Order.NEWEST else 1
        with reaching():
            cursor = self._jobs.find(where, dict.fromkeys(_LEFT_OUT, 0))
            return await cursor.sort("_id", direction).limit(wanted).to_list()


def where_of(asked: ListJobs) -> Document:
    """What must hold beside the time."""
    where: Document = {"deleted_at": None}
    if asked.status:
        where["status"] = (
            asked.status[0].value
            if len(asked.status) == 1
            else {"$in": [each.value for each in asked.status]}
        )
    for name in ("project", "queue", "user", "name", "kind", "device", "experiment", "parent"):
        if (value := getattr(asked, name)) is not None:
            where[name] = value
    if asked.tag is not None:
        where["tags"] = asked.tag
    return where


def counted(asked: ListJobs) -> bool:
    """Whether the tally knows the total."""
    others = (
        asked.user,
        asked.name,
        asked.kind,
        asked.device,
        asked.experiment,
        asked.tag,
        asked.parent,
        asked.created_from,
        asked.created_until,
    )
    return all(each is None for each in others)


def _bounds(asked: ListJobs) -> tuple[str | None, str | None]:
    return (
        first_id(asked.created_from) if asked.created_from else None,
        first_id(asked.created_until) if asked.created_until else None,
    )


def _ranges(asked: ListJobs, now: datetime) -> Iterator[tuple[str | None, str | None]]:
    """Ranges of ids, the first to show first: [low, high), None is no bound."""
    low, high = _bounds(asked)
    if asked.order is Order.OLDEST:
        yield low, high  # nobody asks for the oldest of all; by range it is bounded
        return
    start = now + _AHEAD
    if asked.after is not None:
        start = made_at(asked.after) + timedelta(milliseconds=1)
    elif asked.created_until is not None:
        start = min(start, asked.created_until.astimezone(UTC))
    upper: str | None = high if asked.after is None else None
    width = _FIRST if asked.after is not None or asked.created_until is not None else _AHEAD + _FIRST
    for _ in range(_WINDOWS):
        start -= width
        lower = first_id(start)
        if low is not None and lower <= low:
            break
        yield lower, upper
        upper, width = lower, width * _GROWTH
    yield low, upper
