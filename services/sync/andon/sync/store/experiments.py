"""Experiments and their sync as a whole."""

import math
import time
from collections import OrderedDict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.contracts import Conflict, NotFound
from andon.contracts.sync import Experiment, ListExperiments, SyncStatus
from andon.storage import Collection, Index, Mongo

_REMEMBERED = 10_000
_TRUSTED_SECONDS = 5.0
"""After that another replica may have ended what is remembered here."""


class KeptExperiment(BaseModel):
    id: str
    version: int
    experiment: Experiment
    status: SyncStatus
    """The experiment's, to search by."""
    waiting: bool = True
    """Its last change is not said yet."""


class Experiments:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        indexes = [Index(("status", "id")), Index(("waiting",))]
        self._kept = Collection(mongo.database("sync"), "experiments", KeptExperiment, indexes=indexes)
        self._syncing: OrderedDict[str, float] = OrderedDict()
        """Since when those are known that need no change when another chunk comes."""

    async def prepare(self) -> None:
        await self._kept.prepare()

    def is_syncing(self, uid: str) -> bool:
        return time.monotonic() - self._syncing.get(uid, -math.inf) < _TRUSTED_SECONDS

    async def get(self, uid: str) -> KeptExperiment:
        """Raises NotFound."""
        kept = await self._kept.get(uid)
        if kept is None:
            raise NotFound(f"There is no experiment {uid!r}: register it first, or send a file of it.")
        return kept

    async def find(self, uid: str) -> KeptExperiment | None:
        return await self._kept.get(uid)

    async def listed(self, question: ListExperiments) -> list[Experiment]:
        where: dict[str, Any] = {"id": {"$gt": question.after}}
        if question.status is not None:
            where["status"] = question.status
        found = await self._kept.find(where, sort=["id"], limit=question.limit)
        return [each.experiment for each in found]

    async def change(self, uid: str, now: datetime, **changes: Any) -> KeptExperiment:
        """Change fields of an experiment, new or not; the version goes up where something differs."""
        while True:
            before = await self._kept.get(uid)
            new = Experiment(uid=uid, status=SyncStatus.PENDING, registered_at=now)
            experiment = before.experiment if before else new
            after = experiment.model_copy(update=changes)
            if before and after == experiment:
                break
            version = before.version + 1 if before else 1
            kept = KeptExperiment(id=uid, version=version, experiment=after, status=after.status)
            if await self._save(before, kept):
                before = kept
                break
        self._remember(before)
        return before

    async def said(self, kept: KeptExperiment) -> None:
        await self._kept.swap(kept.id, {"version": kept.version}, {"waiting": False})

    async def unsaid(self, limit: int) -> list[KeptExperiment]:
        """Those whose last change was not said."""
        return await self._kept.find({"waiting": True}, limit=limit)

    async def _save(self, before: KeptExperiment | None, after: KeptExperiment) -> bool:
        if before is None:
            try:
                await self._kept.add(after)
            except Conflict:
                return False
            return True
        fields = {"version": after.version, "experiment": after.experiment, "status": after.status}
        fields["waiting"] = True
        return await self._kept.swap(after.id, {"version": before.version}, fields)

    def _remember(self, kept: KeptExperiment) -> None:
        self._syncing.pop(kept.id, None)
        if kept.status is SyncStatus.SYNCING:
            self._syncing[kept.id] = time.monotonic()
            if len(self._syncing) > _REMEMBERED:
                self._syncing.popitem(last=False)
