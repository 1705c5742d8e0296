"""Runs, evaluations and what people have labelled, as they are kept."""

from collections.abc import Mapping
from typing import Any

from andon.contracts import Message
from andon.contracts.learning import Evaluation, LabelledImage, Run, RunState
from andon.storage import Collection, Index
from andon.storage import Database as Database  # noqa: PLC0414 - handed on

LIVE = (RunState.QUEUED.value, RunState.RUNNING.value)


class Label(Message):
    """One annotation that counts, ready to be learned from."""

    id: str
    """Of the part: a later annotation of it replaces the one before."""
    station_id: str
    image: LabelledImage
    learned: bool = False
    """A run has begun with it."""


class Runs:
    """Training runs. Every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        indexes = (Index(("-created_at",)), Index(("job_id",)), Index(("state",)))
        self._runs = Collection(database, "runs", Run, indexes=indexes)

    async def prepare(self) -> None:
        await self._runs.prepare()

    async def get(self, run_id: str) -> Run | None:
        return await self._runs.get(run_id)

    async def put(self, run: Run) -> None:
        await self._runs.put(run)

    async def add(self, run: Run) -> None:
        """Raises Conflict when there is one of this id."""
        await self._runs.add(run)

    async def of_job(self, job_id: str) -> Run | None:
        found = await self._runs.find({"job_id": job_id}, limit=1)
        return found[0] if found else None

    async def change(self, run: Run, **changes: Any) -> Run | None:
        """Change a run that has not ended; None when it has."""
        wanted = run.model_copy(update=changes)
        done = await self._runs.swap(run.id, {"ended_at": None}, wanted.model_dump(include=set(changes)))
        return wanted if done else None

    async def listed(self, station_id: str | None, state: RunState | None, limit: int) -> list[Run]:
        """Newest first."""
        where: dict[str, Any] = {}
        if station_id is not None:
            where["station_id"] = station_id
        if state is not None:
            where["state"] = state.value
        return await self._runs.find(where, sort=["-created_at"], limit=limit)

    async def live(self, where: Mapping[str, Any] | None = None) -> list[Run]:
        """Those that have not ended."""
        return await self._runs.find({"state": {"$in": list(LIVE)}, **(where or {})}, limit=0)


class Evaluations:
    """The evidence of each version. Every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._evaluations = Collection(database, "evaluations", Evaluation, key="version_id")

    async def get(self, version_id: str) -> Evaluation | None:
        return await self._evaluations.get(version_id)

    async def put(self, evaluation: Evaluation) -> None:
        await self._evaluations.put(evaluation)


class Labels:
    """What people said of parts. Every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._labels = Collection(database, "labels", Label, indexes=(Index(("station_id", "learned")),))

    async def prepare(self) -> None:
        await self._labels.prepare()

    async def put(self, label: Label) -> None:
        await self._labels.put(label)

    async def of(self, station_id: str) -> list[Label]:
        return await self._labels.find({"station_id": station_id}, sort=["id"], limit=5000)

    async def new(self, station_id: str) -> int:
        """How many nothing was learned from yet."""
        return await self._labels.count({"station_id": station_id, "learned": False})

    async def learned(self, labels: list[Label]) -> None:
        for label in labels:
            if not label.learned:
                await self._labels.swap(label.id, {"learned": False}, {"learned": True})
