"""What is to be sent, was sent, or was given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from andon.alerting.store.alerts import DATABASE
from andon.alerting.store.pages import pages
from andon.contracts import Conflict
from andon.contracts.alerting import ListNotices, Notice, NoticeState, RetryNotices
from andon.storage import Change, Collection, Index, Mongo

_FAR = timedelta(hours=1)
"""No notice waits so long: one that seems to was written before the clock went back."""


class Notices:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._notices = Collection(
            mongo.database(DATABASE),
            "notices",
            Notice,
            indexes=(
                Index(("channel", "state", "next_at")),
                Index(("state", "-created_at")),
                Index(("alert_id",)),
            ),
        )

    async def prepare(self) -> None:
        await self._notices.prepare()

    async def add(self, notices: Sequence[Notice]) -> None:
        """Those that are not there yet."""
        try:
            await self._notices.add_many(notices)
        except Conflict:  # told before a crash, and told again after it
            await self._add_each(notices)

    async def _add_each(self, notices: Sequence[Notice]) -> None:
        for each in notices:
            try:
                await self._notices.add(each)
            except Conflict:
                continue

    async def due(self, channel: str, now: datetime, limit: int) -> list[Notice]:
        """Oldest first."""
        waiting = {"channel": channel, "state": NoticeState.WAITING}
        found = await self._notices.find({**waiting, "next_at": {"$lte": now}}, sort=["next_at"], limit=limit)
        if len(found) < limit:
            found += await self._notices.find(
                {**waiting, "next_at": {"$gt": now + _FAR}}, sort=["next_at"], limit=limit - len(found)
            )
        return found

    async def count_due(self, channel: str, now: datetime) -> int:
        where = {"channel": channel, "state": NoticeState.WAITING, "next_at": {"$lte": now}}
        return await self._notices.count(where)

    async def save(self, notices: Sequence[Notice]) -> None:
        for some in pages(notices):
            changes = [Change(each.id, {"$set": each.model_dump(exclude={"id"})}) for each in some]
            await self._notices.update_many(changes)

    async def wake(self, now: datetime) -> None:
        """Look at everything that waits now, such as when a silence has ended."""
        where = {"state": NoticeState.WAITING, "next_at": {"$gt": now}}
        found = await self._notices.find(where, limit=10_000)
        await self.save([each.model_copy(update={"next_at": now}) for each in found])

    async def listed(self, query: ListNotices) -> list[Notice]:
        """Newest first."""
        where: dict[str, Any] = {
            name: value
            for name in ("state", "channel", "alert_id")
            if (value := getattr(query, name)) is not None
        }
        return await self._notices.find(where, sort=["-created_at"], limit=query.limit)

    async def count(self, state: NoticeState) -> int:
        return await self._notices.count({"state": state})

    async def dead(self, ask: RetryNotices) -> list[Notice]:
        where: dict[str, Any] = {"state": NoticeState.DEAD}
        if ask.channel is not None:
            where["channel"] = ask.channel
        if ask.ids:
            where["id"] = {"$in": list(ask.ids)}
        return await self._notices.find(where, limit=10_000)

    async def drop(self, channel: str) -> None:
        """Of a channel that is gone: there is nobody to tell."""
        where = {"channel": channel, "state": {"$in": [NoticeState.WAITING, NoticeState.DEAD]}}
        await self._notices.delete_where(where)

    async def forget(self, before: datetime) -> None:
        """What was sent or dropped; the dead stay until somebody has seen to them."""
        gone = {"$in": [NoticeState.SENT, NoticeState.DROPPED]}
        await self._notices.delete_where({"state": gone, "created_at": {"$lt": before}})
