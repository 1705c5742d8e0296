"""Settings, named queues, schedules, and counts up to a place in the stream."""

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from andon.contracts import Conflict
from andon.contracts.queue import JobStatus, Queue, QueueSettings, Schedule
from andon.queue.domain.tally import Hour, Tally
from andon.storage import Collection, Mongo

_DATABASE = "queue"
_SETTINGS = "settings"
_TALLY = "tally"


class _KeptSettings(BaseModel):
    id: str = _SETTINGS
    version: int
    settings: QueueSettings


class _KeptSchedule(BaseModel):
    id: str
    version: int
    schedule: str
    """As JSON."""


class _KeptTally(BaseModel):
    id: str = _TALLY
    last_seq: int
    cells: list[tuple[str, str, JobStatus, int]]
    hours: list[tuple[int, dict[str, Any]]]


class Kept:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(_DATABASE)
        self._settings = Collection(database, "settings", _KeptSettings)
        self._queues = Collection(database, "queues", Queue, key="name")
        self._schedules = Collection(database, "schedules", _KeptSchedule)
        self._tallies = Collection(database, "tallies", _KeptTally)

    async def settings(self) -> QueueSettings:
        kept = await self._settings.get(_SETTINGS)
        return QueueSettings() if kept is None else kept.settings

    async def put_settings(self, settings: QueueSettings) -> QueueSettings:
        """Raises Conflict when they were changed meanwhile."""
        after = settings.model_copy(update={"version": settings.version + 1})
        if settings.version == 0:
            await self._settings.add(_KeptSettings(version=1, settings=after))
            return after
        changes = {"version": after.version, "settings": after}
        if not await self._settings.swap(_SETTINGS, {"version": settings.version}, changes):
            raise Conflict("the settings were changed meanwhile", {"settings.version": "not the current one"})
        return after

    async def queues(self) -> list[Queue]:
        return await self._queues.find(sort=["name"], limit=0)

    async def put_queue(self, queue: Queue) -> None:
        await self._queues.put(queue)

    async def delete_queue(self, name: str) -> bool:
        return await self._queues.delete(name)

    async def schedules(self) -> list[tuple[int, Schedule]]:
        """With the version each is at."""
        kept = await self._schedules.find(sort=["id"], limit=0)
        return [(each.version, Schedule.model_validate_json(each.schedule)) for each in kept]

    async def put_schedule(self, schedule: Schedule) -> None:
        text = schedule.model_dump_json()
        kept = await self._schedules.get(schedule.name)
        version = kept.version + 1 if kept else 1
        await self._schedules.put(_KeptSchedule(id=schedule.name, version=version, schedule=text))

    async def swap_schedule(self, version: int, schedule: Schedule) -> bool:
        """Whether nobody else did it: another replica looks at the same clock."""
        changes = {"version": version + 1, "schedule": schedule.model_dump_json()}
        return await self._schedules.swap(schedule.name, {"version": version}, changes)

    async def delete_schedule(self, name: str) -> bool:
        return await self._schedules.delete(name)

    async def tally(self) -> Tally | None:
        kept = await self._tallies.get(_TALLY)
        if kept is None:
            return None
        return Tally(
            last_seq=kept.last_seq,
            cells={(queue, project, status): count for queue, project, status, count in kept.cells},
            hours={number: Hour(**hour) for number, hour in kept.hours},
        )

    async def put_tally(self, tally: Tally) -> None:
        """Kept unless another replica was further: the same place has the same counts."""
        cells = [(queue, project, status, count) for (queue, project, status), count in tally.cells.items()]
        hours = [(number, asdict(hour)) for number, hour in tally.hours.items()]
        kept = _KeptTally(last_seq=tally.last_seq, cells=cells, hours=hours)
        changes = {"last_seq": kept.last_seq, "cells": kept.cells, "hours": kept.hours}
        if await self._tallies.swap(_TALLY, {"last_seq": {"$lt": tally.last_seq}}, changes):
            return
        if await self._tallies.get(_TALLY) is None:
            await self._tallies.put(kept)
