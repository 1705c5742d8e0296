"""Alerts, and how far the stream was read for them."""

from typing import Any

from pydantic import BaseModel

from andon.alerting.domain import Bucket, Lines, Record
from andon.contracts import Conflict
from andon.contracts.alerting import AlertState, ListAlerts
from andon.storage import Collection, Index, Mongo

_DATABASE = "alerting"
_KEY = "lines"
_MOST = 1000
"""How many alerts one answer holds at most."""


class Snapshot(BaseModel):
    """What was judged lately, at one place in the stream."""

    id: str = _KEY
    last_seq: int
    stations: tuple[tuple[str, tuple[Bucket, ...]], ...]


class Snapshots:
    """One document: counts and place in the stream never disagree."""

    def __init__(self, mongo: Mongo) -> None:
        self._snapshots = Collection(mongo.database(_DATABASE), "snapshots", Snapshot)

    async def load(self) -> Lines:
        """What was saved last, or nothing yet. Raises Unavailable."""
        found = await self._snapshots.get(_KEY)
        return Lines() if found is None else Lines(dict(found.stations), found.last_seq)

    async def save(self, lines: Lines) -> None:
        """Raises Unavailable."""
        await self._snapshots.put(Snapshot(last_seq=lines.last_seq, stations=tuple(lines.stations.items())))


class Alerts:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._alerts = Collection(
            mongo.database(_DATABASE),
            "alerts",
            Record,
            indexes=(
                Index(("settled",)),
                Index(("rule", "station_id", "-number")),
                Index(("-timestamp",)),
            ),
        )

    async def prepare(self) -> None:
        await self._alerts.prepare()

    async def get(self, alert_id: str) -> Record | None:
        return await self._alerts.get(alert_id)

    async def latest(self, rule: str, station_id: str) -> Record | None:
        """A rule's newest alert at a station, over or not."""
        newest = await self._alerts.find({"rule": rule, "station_id": station_id}, sort=["-number"], limit=1)
        return newest[0] if newest else None

    async def unsettled(self) -> list[Record]:
        """What is open, and what is over but not yet told."""
        return await self._alerts.find({"settled": False}, sort=["timestamp"], limit=_MOST)

    async def add(self, record: Record) -> bool:
        """Whether it is new: another replica may have opened it."""
        try:
            await self._alerts.add(record)
        except Conflict:
            return False
        return True

    async def change(self, before: Record, after: Record) -> bool:
        """Whether it was still as it was read."""
        changes = after.model_dump(exclude={"id"})
        return await self._alerts.swap(before.id, {"version": before.version}, changes)

    async def listed(self, query: ListAlerts) -> list[Record]:
        """Newest first."""
        where: dict[str, Any] = {}
        if query.severity is not None:
            where["severity"] = query.severity
        if query.station_id is not None:
            where["station_id"] = query.station_id
        if query.acknowledged is True:
            where["acknowledged_at"] = {"$ne": None}
        if query.acknowledged is False:
            where["state"] = AlertState.OPEN
        return await self._alerts.find(where, sort=["-timestamp"], limit=max(1, min(query.limit, _MOST)))
