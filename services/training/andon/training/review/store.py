"""Review items, annotations and policies, as they are kept; every method raises Unavailable at times."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from andon.contracts.annotation import Annotation, Verdict
from andon.contracts.review import (
    ListItems,
    Policy,
    Reason,
    ReviewItem,
    ReviewState,
    ReviewStatistics,
)
from andon.storage import Collection, Database, Index
from andon.training.review.likeness import ASKED, Look
from andon.training.review.rules import Room

_HOUR = timedelta(hours=1)


class Row(ReviewItem):
    """An item as it is stored."""

    look: str = ""
    """What it looks like; empty where nobody looked."""
    version: int = 0
    counted: str = "asked"
    """Against which hourly budget: asked or audit; empty for what people put here."""


class ReviewStore:
    """What people are asked and what they said."""

    def __init__(self, database: Database) -> None:
        self._items = Collection(
            database,
            "review_items",
            Row,
            indexes=(
                Index(("state", "confidence", "id")),
                Index(("station_id", "created_at")),
                Index(("station_id", "state", "confidence", "id")),
                Index(("image.sha256",)),
            ),
        )
        self._annotations = Collection(
            database, "annotations", Annotation, indexes=(Index(("inspection_id",)), Index(("at",)))
        )
        self._policies = Collection(database, "review_policies", Policy, key="station_id")

    async def prepare(self) -> None:
        await self._items.prepare()
        await self._annotations.prepare()

    async def get(self, item_id: str) -> Row | None:
        return await self._items.get(item_id)

    async def add(self, row: Row) -> None:
        """Raises Conflict when it is there already."""
        await self._items.add(row)

    async def swap(self, row: Row, changes: dict[str, Any]) -> bool:
        """Change it unless somebody else did meanwhile; whether it was changed."""
        return await self._items.swap(
            row.id, {"version": row.version}, {**changes, "version": row.version + 1}
        )

    async def alike(self, item_id: str) -> None:
        """One more part like this one was left out."""
        await self._items.update(item_id, {"$inc": {"similar": 1}})

    async def listed(self, wanted: ListItems) -> tuple[int, list[Row]]:
        """How many there are, and a page of them, lowest confidence first."""
        where: dict[str, Any] = {"state": wanted.state}
        if wanted.station_id is not None:
            where["station_id"] = wanted.station_id
        if wanted.reason is not None:
            where["reasons"] = wanted.reason
        if wanted.not_by is not None:
            where["seen_by"] = {"$ne": wanted.not_by}
        total, rows = await asyncio.gather(
            self._items.count(where),
            self._items.find(where, sort=["confidence", "id"], limit=wanted.limit, skip=wanted.offset),
        )
        return total, rows

    async def settled(
        self, *, stations: Sequence[str] = (), since: datetime | None = None, until: datetime | None = None
    ) -> list[Row]:
        """What has been labeled, learned from or not, in order of capture; `until` is exclusive."""
        where: dict[str, Any] = {"state": {"$in": [ReviewState.LABELED, ReviewState.TRAINED]}}
        if stations:
            where["station_id"] = {"$in": list(stations)}
        if since or until:
            where["captured_at"] = {**({"$gte": since} if since else {}), **({"$lt": until} if until else {})}
        rows = await self._items.find(where, limit=0)
        return sorted(rows, key=lambda row: (row.captured_at, row.id))

    async def room(self, station_id: str, now: datetime) -> Room:
        new: dict[str, Any] = {"station_id": station_id, "created_at": {"$gte": now - _HOUR}}
        pending, asked, audits = await asyncio.gather(
            self._items.count({"station_id": station_id, "state": ReviewState.PENDING}),
            self._items.count({**new, "counted": "asked"}),
            self._items.count({**new, "counted": "audit"}),
        )
        return Room(pending, asked, audits)

    async def looks(self, station_id: str) -> dict[str, Look]:
        """What a station's newest items look like, oldest first."""
        rows = await self._items.find({"station_id": station_id}, sort=["-created_at"], limit=ASKED)
        return {row.id: Look.parsed(row.look) for row in reversed(rows) if row.look}

    async def drop(self, item_id: str) -> None:
        """Its record is gone; what was said of a part stays."""
        await self._items.delete_where({"id": item_id, "state": ReviewState.PENDING})

    async def drop_before(self, cutoff: datetime) -> None:
        """The images of parts judged before are gone."""
        await self._items.delete_where(
            {"state": ReviewState.PENDING, "judged_at": {"$lt": cutoff}, "seen_by": []}
        )

    async def trained(self, sha256: Sequence[str]) -> int:
        """A model has learned from these images; how many items that concerns."""
        found = 0
        for start in range(0, len(sha256), 500):
            part = list(sha256[start : start + 500])
            where = {"image.sha256": {"$in": part}, "state": ReviewState.LABELED}
            for row in await self._items.find(where, limit=0):
                found += await self.swap(row, {"state": ReviewState.TRAINED})
        return found

    async def keep(self, annotation: Annotation) -> None:
        """In place of what the same person said before."""
        await self._annotations.put(annotation)

    async def said_of(self, item_id: str) -> list[Annotation]:
        """Oldest first."""
        found = await self._annotations.find({"inspection_id": item_id}, limit=0)
        return sorted(found, key=lambda each: each.at)

    async def annotation(self, annotation_id: str) -> Annotation | None:
        return await self._annotations.get(annotation_id)

    async def annotations(self, ids: Sequence[str]) -> dict[str, Annotation]:
        """By id; those there are."""
        found: dict[str, Annotation] = {}
        for start in range(0, len(ids), 500):
            where = {"id": {"$in": list(ids[start : start + 500])}}
            found |= {each.id: each for each in await self._annotations.find(where, limit=0)}
        return found

    async def policy(self, station_id: str) -> Policy:
        return await self._policies.get(station_id) or Policy(station_id=station_id)

    async def put_policy(self, policy: Policy) -> None:
        await self._policies.put(policy)

    async def statistics(self, station_id: str | None) -> ReviewStatistics:
        where = {} if station_id is None else {"station_id": station_id}
        pending = {**where, "state": ReviewState.PENDING}
        counts = [{**where, "state": state} for state in ReviewState]
        counts.append({**pending, "disputed": True})
        counts.append({**where, "verdict": Verdict.UNSURE})
        counts += [{**pending, "reasons": reason} for reason in Reason]
        found = await asyncio.gather(*(self._items.count(each) for each in counts))
        reasons = {str(reason): number for reason, number in zip(Reason, found[5:], strict=True) if number}
        return ReviewStatistics(
            pending=found[0],
            labeled=found[1],
            trained=found[2],
            total=sum(found[:3]),
            disputed=found[3],
            unsure=found[4],
            reasons=reasons,
        )

    async def unlearned(self, station_id: str | None) -> int:
        """Labeled, not learned from yet, and not unsure."""
        where: dict[str, Any] = {"state": ReviewState.LABELED, "verdict": {"$ne": Verdict.UNSURE}}
        return await self._items.count(where if station_id is None else {**where, "station_id": station_id})
