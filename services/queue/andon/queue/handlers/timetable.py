"""Jobs that are submitted by the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Invalid, Refused, Unavailable
from andon.contracts.queue import (
    ENDED,
    Deleted,
    DeleteSchedule,
    ListSchedules,
    PutSchedule,
    Schedule,
    Schedules,
)
from andon.messaging import Delivery
from andon.queue.domain.cron import next_due
from andon.queue.handlers.intake import Intake
from andon.queue.store.jobs import Jobs
from andon.queue.store.kept import Kept
from andon.telemetry import log

_log = log("andon.queue")


@dataclass
class Timetable:
    kept: Kept
    jobs: Jobs
    intake: Intake
    clock: Callable[[], datetime]

    async def listed(self, _query: ListSchedules, _: Delivery) -> Schedules:
        return Schedules(schedules=tuple(schedule for _, schedule in await self.kept.schedules()))

    async def put(self, ask: PutSchedule, _: Delivery) -> Schedule:
        """Raises Invalid for a time that never comes, or a job that only one submission may have."""
        job = ask.schedule.job
        if job.id is not None or job.idempotency_key is not None:
            raise Invalid("a schedule makes a new job each time", {"schedule.job.id": "leave it out"})
        fresh = ask.schedule.model_copy(update={"next_at": None, "last_at": None, "last_job": None})
        after = fresh.model_copy(update={"next_at": next_due(fresh, self.clock())})
        await self.kept.put_schedule(after)
        return after

    async def delete(self, ask: DeleteSchedule, _: Delivery) -> Deleted:
        return Deleted(deleted=await self.kept.delete_schedule(ask.name))

    async def look(self) -> None:
        """Submit what is due. A crash between the two writes repeats the first, which has its own key."""
        for version, schedule in await self.kept.schedules():
            now = self.clock()
            if schedule.enabled and schedule.next_at is not None and schedule.next_at <= now:
                await self._run(version, schedule, now)

    async def _run(self, version: int, schedule: Schedule, now: datetime) -> None:
        after = schedule.model_copy(update={"next_at": next_due(schedule, now)})
        if schedule.overlap or not await self._still_runs(schedule):
            key = f"schedule:{schedule.name}:{schedule.next_at}"
            try:
                record = await self.intake.take(schedule.job.model_copy(update={"idempotency_key": key}))
            except Unavailable:
                raise
            except Refused as refused:
                _log.warning("a schedule submits nothing", schedule=schedule.name, reason=str(refused))
            else:
                after = after.model_copy(update={"last_at": now, "last_job": record.id})
        await self.kept.swap_schedule(version, after)

    async def _still_runs(self, schedule: Schedule) -> bool:
        last = None if schedule.last_job is None else await self.jobs.get(schedule.last_job)
        return last is not None and last.status not in ENDED
