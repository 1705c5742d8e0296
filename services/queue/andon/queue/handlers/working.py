"""Workers' side: what is reported, and what a heartbeat keeps."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.contracts import Conflict, NotFound, Refused, Unavailable
from andon.contracts.queue import (
    JOB_PROGRESSED,
    DeviceHeartbeat,
    HeldLease,
    JobProgressed,
    JobRecord,
    JobStatus,
    LeaseState,
    Metrics,
    QueueSettings,
    Report,
    Reported,
    ReportedMany,
    ReportMany,
    ReportResult,
)
from andon.messaging import Delivery, Service
from andon.queue.domain.clockwork import missing
from andon.queue.domain.record import Record
from andon.queue.domain.reports import alive, answer, holds, recovered, reported
from andon.queue.handlers.board import Board
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.rules import Rules
from andon.queue.store.jobs import Jobs
from andon.queue.store.records import Records

_TRIES = 16
_SAID_EVERY = timedelta(seconds=1)
_REMEMBERED = 10_000
_UNSURE = timedelta(seconds=15)
"""A heartbeat may have been written down before the job that it does not name was reported."""


@dataclass
class Work:
    bus: Service
    jobs: Jobs
    records: Records
    board: Board
    relay: Relay
    rules: Rules
    clock: Callable[[], datetime]
    _progressed: "OrderedDict[str, datetime]" = field(default_factory=OrderedDict[str, datetime])

    async def report(self, report: Report, _: Delivery) -> Reported:
        """Raises NotFound, and Conflict when the lease is over."""
        settings = await self.rules.settings()
        if report.record is not None:
            await self._keep_record(report, report.record)
        if (after := await self._quickly(report, settings)) is not None:
            return await self._answered(after, report)
        for _try in range(_TRIES):
            before = await self.jobs.find(report.job_id)
            after = reported(before, report, settings, self.clock())
            if await self._written(before, after):
                return answer(after, report) if after is before else await self._answered(after, report)
        raise Conflict("the job changes all the time; report again")

    async def _keep_record(self, report: Report, record: JobRecord) -> None:
        """Before the change that comes with it; what is not kept now is refused or reported again."""
        job = await self.jobs.find(report.job_id)
        if job.lease is not None and holds(job, report.token, report.device):
            await self.records.put(job.id, record.model_copy(update={"attempt": job.lease.number}))

    async def _quickly(self, report: Report, settings: QueueSettings) -> Record | None:
        """A change of what this process wrote last, which only wins while nobody wrote anything since."""
        before = self.jobs.written(report.job_id)
        if before is None:
            return None
        try:
            after = reported(before, report, settings, self.clock())
        except Conflict:
            return None
        changes = after.version > before.version
        return after if changes and await self._written(before, after) else None

    async def _answered(self, after: Record, report: Report) -> Reported:
        if report.progress is not None:
            await self._say_progress(after, report.progress.metrics)
        return answer(after, report)

    async def report_many(self, asked: ReportMany, delivery: Delivery) -> ReportedMany:
        results = await asyncio.gather(*(self._one(each, delivery) for each in asked.reports))
        return ReportedMany(results=tuple(results))

    async def keep(self, beat: DeviceHeartbeat) -> tuple[LeaseState, ...]:
        """Extend what the device says it holds, and take back what it no longer has."""
        if beat.leases is None:
            return ()
        states = await asyncio.gather(*(self._keep_one(beat.id, each) for each in beat.leases))
        named = {state.job_id for state in states} | {each.job_id for each in beat.leases}
        for record in await self.jobs.active(beat.id):
            if record.id not in named and record.aliases.cvlab not in named:
                await self._missed(record, beat)
        return tuple(states)

    async def _one(self, report: Report, delivery: Delivery) -> ReportResult:
        try:
            return ReportResult(done=await self.report(report, delivery))
        except Refused as refused:
            return ReportResult(problem=refused.problem)

    async def _keep_one(self, device: str, held: HeldLease) -> LeaseState:
        for _try in range(_TRIES):
            try:
                before = await self.jobs.find(held.job_id)
            except NotFound:
                break
            if not holds(before, held.token, device):
                break
            after = alive(before, self.clock(), held)
            if after.status is JobStatus.LOST:
                after = recovered(after, self.clock())
            if await self._written(before, after):
                if held.progress is not None:
                    await self._say_progress(after, held.progress.metrics)
                return LeaseState(
                    job_id=held.job_id,
                    held=True,
                    stop_requested=after.stop_requested,
                    pause_requested=after.pause_requested,
                    expires_at=after.lease.expires_at if after.lease else None,
                )
        return LeaseState(job_id=held.job_id, held=False)

    async def _missed(self, record: Record, beat: DeviceHeartbeat) -> None:
        lease = record.lease
        if lease is None:
            return
        of_another_life = bool(beat.session) and lease.session != beat.session
        waits = record.status is JobStatus.LEASED or self.clock() - lease.heartbeat_at < _UNSURE
        if waits and not of_another_life:
            return
        after = missing(record, await self.rules.settings(), self.clock())
        await self._written(record, after)

    async def _written(self, before: Record, after: Record) -> bool:
        if after is before:
            return True
        if after.version == before.version:
            return await self.jobs.refresh(before, after)
        if not await self.jobs.swap(before, after):
            return False
        self.board.changed(after)
        self.relay.tell(after)
        return True

    async def _say_progress(self, record: Record, metrics: Metrics) -> None:
        now = self.clock()
        if now - self._progressed.get(record.id, now - 2 * _SAID_EVERY) < _SAID_EVERY:
            return
        self._progressed[record.id] = now
        self._progressed.move_to_end(record.id)
        if len(self._progressed) > _REMEMBERED:
            self._progressed.popitem(last=False)
        said = JobProgressed(
            id=record.id,
            attempt=record.attempt_no,
            device=record.device,
            progress=record.progress,
            step=record.step,
            total_steps=record.total_steps,
            message=record.progress_message,
            metrics=metrics,
            logs=record.logs,
            at=now,
        )
        try:
            await self.bus.say(JOB_PROGRESSED, said)
        except Unavailable:
            return  # the job has it; the next one tells more
