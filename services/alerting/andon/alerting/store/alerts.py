"""Alerts with their history, and silences."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from andon.alerting.domain.lifecycle import Record
from andon.alerting.store.pages import pages
from andon.contracts import Conflict
from andon.contracts.alerting import AlertState, ListAlerts, Silence
from andon.storage import Change, Collection, Index, Mongo

DATABASE = "alerting"
_MOST = 1000
"""How many alerts one answer holds at most."""


class Alerts:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._alerts = Collection(
            mongo.database(DATABASE),
            "alerts",
            Record,
            indexes=(
                Index(("lock",), unique=True, only={"lock": {"$gt": ""}}),
                Index(("settled",)),
                Index(("-timestamp",)),
                Index(("station_id", "-timestamp")),
            ),
        )

    async def prepare(self) -> None:
        await self._alerts.prepare()

    async def get(self, alert_id: str) -> Record | None:
        return await self._alerts.get(alert_id)

    async def some(self, ids: Sequence[str]) -> dict[str, Record]:
        found = [await self._alerts.find({"id": {"$in": list(some)}}, limit=0) for some in pages(ids)]
        return {each.id: each for page in found for each in page}

    async def unsettled(self) -> list[Record]:
        """What is open, and what is over but not yet told."""
        return await self._alerts.find({"settled": False}, limit=0)

    async def opened_since(self, rule: str, subject: str, since: datetime) -> bool:
        where = {"timestamp": {"$gte": since}, "rule": rule, "subject": subject}
        return bool(await self._alerts.find(where, limit=1))

    async def add(self, record: Record) -> bool:
        """Whether it is new: there is one at most for a rule and subject that is not over."""
        try:
            await self._alerts.add(record)
        except Conflict:
            return False
        return True

    async def add_many(self, records: Sequence[Record]) -> list[Record]:
        """Those that are new, in one round trip where all are."""
        try:
            await self._alerts.add_many(records)
        except Conflict:  # some are not, and some of the rest are written
            ours = {
                each.id for each in await self._alerts.find({"id": {"$in": [r.id for r in records]}}, limit=0)
            }
            return [each for each in records if each.id in ours or await self.add(each)]
        return list(records)

    async def told(self, records: Sequence[Record]) -> None:
        """What was unsaid of these was said, whoever changed them meanwhile."""
        await self._alerts.update_many(
            [
                Change(each.id, {"$pullAll": {"unsaid": list(each.unsaid)}, "$inc": {"version": 1}})
                for each in records
            ]
        )

    async def change(self, before: Record, after: Record) -> bool:
        """Whether it was still as it was read."""
        changes = after.model_dump(exclude={"id"})
        return await self._alerts.swap(before.id, {"version": before.version}, changes)

    async def listed(self, query: ListAlerts) -> list[Record]:
        """Newest first."""
        where: dict[str, Any] = {
            name: value
            for name in ("severity", "station_id", "rule")
            if (value := getattr(query, name)) is not None
        }
        if query.acknowledged is True:
            where["acknowledged_at"] = {"$ne": None}
        if query.acknowledged is False:
            where["state"] = AlertState.OPEN
        if query.state is not None:
            where = {"$and": [where, {"state": query.state}]} if where else {"state": query.state}
        if query.before is not None:
            where["timestamp"] = {"$lt": query.before}
        return await self._alerts.find(where, sort=["-timestamp"], limit=max(1, min(query.limit, _MOST)))

    async def forget(self, before: datetime) -> int:
        """What was over then; how many."""
        return await self._alerts.delete_where({"settled": True, "resolved_at": {"$lt": before}})


class Silences:
    """As above."""

    def __init__(self, mongo: Mongo) -> None:
        self._silences = Collection(
            mongo.database(DATABASE), "silences", Silence, indexes=(Index(("ends_at",)),)
        )

    async def prepare(self) -> None:
        await self._silences.prepare()

    async def get(self, silence_id: str) -> Silence | None:
        return await self._silences.get(silence_id)

    async def put(self, silence: Silence) -> None:
        await self._silences.put(silence)

    async def running(self, now: datetime) -> list[Silence]:
        """What is not over; some may not have begun."""
        return await self._silences.find({"ends_at": {"$gt": now}}, sort=["-ends_at"], limit=_MOST)

    async def since(self, now: datetime) -> list[Silence]:
        """Those of the last 30 days, too."""
        recent = now - timedelta(days=30)
        return await self._silences.find({"ends_at": {"$gt": recent}}, sort=["-ends_at"], limit=_MOST)
