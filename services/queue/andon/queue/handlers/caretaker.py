"""What the clock asks for: leases that end, runs that last too long, jobs that are too old."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from andon.contracts import Refused, Unavailable
from andon.contracts.queue import ENDED, Cleaned, CleanJobs, DeleteJob, JobStatus
from andon.messaging import Delivery
from andon.queue.domain.clockwork import elapsed
from andon.queue.domain.orders import deleted
from andon.queue.domain.record import ENGINE, Record
from andon.queue.handlers.board import Board
from andon.queue.handlers.fleet import Fleet
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.rules import Rules
from andon.queue.handlers.timetable import Timetable
from andon.queue.store.jobs import Jobs
from andon.queue.store.records import Records
from andon.storage import stored
from andon.telemetry import log

_PAGE = 200
_FORGOTTEN = timedelta(hours=1)
_KEPT = (JobStatus.PUBLISHED, JobStatus.PUBLISHING)
_log = log("andon.queue")


@dataclass
class Caretaker:
    """Replicas do the same work: each change is one write that only one of them wins."""

    jobs: Jobs
    records: Records
    board: Board
    relay: Relay
    rules: Rules
    fleet: Fleet
    timetable: Timetable
    clock: Callable[[], datetime]
    every: float = 0.5
    """Seconds between two looks at what is due."""

    async def clean(self, ask: CleanJobs, _: Delivery) -> Cleaned:
        statuses = set(ask.status) & ENDED if ask.status else ENDED - set(_KEPT)
        where: dict[str, Any] = {
            "ended_at": {"$gt": "", "$lt": stored(self.clock() - timedelta(hours=ask.hours))},
            "status": {"$in": sorted(each.value for each in statuses)},
            "deleted_at": None,
        }
        if ask.project is not None:
            where["project"] = ask.project
        count = 0
        while found := await self.jobs.old(where, _PAGE):
            done = [await self._delete(record, ask.by) for record in found]
            count += sum(done)
            if not any(done):
                break
        return Cleaned(deleted=count)

    async def look(self) -> None:
        """Everything in turn, each at its own pace."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again(self._due, self.every))
            group.create_task(self._again(self.relay.left_behind, 2))
            group.create_task(self._again(self.timetable.look, 1))
            group.create_task(self._again(self.fleet.watch, 5))
            group.create_task(self._again(self._tidy, 600))

    async def _again(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await work()
            except Unavailable as away:
                _log.warning("waiting", reason=str(away))
            await asyncio.sleep(seconds)

    async def _due(self) -> None:
        settings = await self.rules.settings()
        while found := await self.jobs.due(self.clock(), _PAGE):
            done = 0
            for record in found:
                after = elapsed(record, settings, self.clock())
                if after is not record:
                    done += await self._write(record, after)
            if len(found) < _PAGE or not done:
                return

    async def _write(self, before: Record, after: Record) -> bool:
        if not await self.jobs.swap(before, after, silent=True):
            return False
        _log.info(
            "time has come for a job",
            job=after.id,
            status=after.status.value,
            reason=after.status_reason,
            device=before.holder,
        )
        self.board.changed(after)
        self.relay.tell(after)
        return True

    async def _delete(self, record: Record, by: str) -> bool:
        try:
            after = deleted(record, DeleteJob(id=record.id, by=by), self.clock())
        except Refused:
            return False
        if not await self.jobs.swap(record, after):
            return False
        self.relay.tell(after)
        return True

    async def _tidy(self) -> None:
        settings = await self.rules.settings()
        if settings.cleanup_hours is not None:
            await self.clean_old(settings.cleanup_hours)
        await self.jobs.remove(self.clock() - _FORGOTTEN, self.records.drop)

    async def clean_old(self, hours: float) -> None:
        delivery = Delivery("", 0, 1, self.clock(), {}, b"")
        await self.clean(CleanJobs(hours=hours, by=ENGINE), delivery)
