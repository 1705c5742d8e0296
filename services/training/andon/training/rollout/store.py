"""Rollouts, what each hour is compared with, and what drifts: as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.contracts import Time
from andon.contracts.inspection import Tally
from andon.contracts.rollout import DriftNews, Rollout, RolloutState
from andon.storage import Collection, Database, Index

_OPEN = (RolloutState.STARTING, RolloutState.RUNNING)


class RolloutStore:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._rollouts = Collection(
            database,
            "rollouts",
            Rollout,
            indexes=(
                Index(("-started_at",)),
                Index(("station_id", "-started_at")),
                Index(("version_id", "-started_at")),
                Index(("state", "-started_at")),
            ),
        )

    async def prepare(self) -> None:
        """Create what lists run on."""
        await self._rollouts.prepare()

    async def get(self, rollout_id: str) -> Rollout | None:
        return await self._rollouts.get(rollout_id)

    async def add(self, rollout: Rollout) -> None:
        await self._rollouts.add(rollout)

    async def drop(self, rollout_id: str) -> None:
        """One that never began."""
        await self._rollouts.delete(rollout_id)

    async def running(self) -> list[Rollout]:
        """Those that are not over, at all stations."""
        return await self._rollouts.find({"state": {"$in": [str(each) for each in _OPEN]}}, limit=0)

    async def listed(
        self, station_id: str | None, version_id: str | None, limit: int, *, running: bool
    ) -> list[Rollout]:
        """Newest first."""
        where: dict[str, Any] = {}
        if station_id is not None:
            where["station_id"] = station_id
        if version_id is not None:
            where["version_id"] = version_id
        if running:
            where["state"] = {"$in": [str(each) for each in _OPEN]}
        return await self._rollouts.find(where, sort=["-started_at"], limit=limit)

    async def count(self, rollout_id: str, new: Tally, old: Tally) -> None:
        """Keep the newest figures."""
        await self._rollouts.update(rollout_id, {"$set": {"new": new, "old": old}})

    async def begun(self, rollout_id: str) -> None:
        await self._rollouts.swap(
            rollout_id, {"state": str(RolloutState.STARTING)}, {"state": str(RolloutState.RUNNING)}
        )

    async def decide(self, rollout_id: str, ending: RolloutState, reason: str) -> None:
        """Write down what is about to be done, so that it is finished after a crash."""
        await self._rollouts.update(rollout_id, {"$set": {"ending": str(ending), "reason": reason}})

    async def end(
        self, rollout: Rollout, state: RolloutState, *, reason: str, by: str, at: datetime
    ) -> Rollout | None:
        """The ended rollout; None when another process ended it first."""
        changes = {"state": str(state), "reason": reason, "ended_by": by, "ended_at": at, "ending": None}
        for was in _OPEN:
            if await self._rollouts.swap(rollout.id, {"state": str(was)}, changes):
                return await self._rollouts.get(rollout.id)
        return None


class Reference(BaseModel):
    """How a version's first parts at a station were."""

    station_id: str
    version_id: str
    until: Time
    """The last hour that is in it."""
    tally: Tally


class DriftStore:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._references = Collection(
            database, "drift_references", Reference, key=lambda each: f"{each.station_id}/{each.version_id}"
        )
        self._open = Collection(
            database, "drifts", DriftNews, key=lambda each: f"{each.station_id}/{each.measure}"
        )

    async def references(self) -> dict[tuple[str, str], Reference]:
        found = await self._references.find(limit=0)
        return {(each.station_id, each.version_id): each for each in found}

    async def refer(self, reference: Reference) -> None:
        await self._references.put(reference)

    async def drifting(self) -> list[DriftNews]:
        return await self._open.find(limit=0)

    async def stations(self) -> set[str]:
        """Those that drift."""
        return {each.station_id for each in await self.drifting()}

    async def opened(self, news: DriftNews) -> None:
        await self._open.put(news)

    async def closed(self, news: DriftNews) -> bool:
        """Whether it was open."""
        return await self._open.delete(f"{news.station_id}/{news.measure}")


def ids(rollouts: Sequence[Rollout]) -> tuple[str, ...]:
    return tuple(each.id for each in rollouts)
