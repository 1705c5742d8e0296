"""Figures over jobs and devices: counted from events, never by scanning what there is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Message, Unavailable, stream_of
from andon.contracts.queue import (
    JOB_CHANGED,
    DeviceStatus,
    GetStatistics,
    JobChanged,
    JobDeleted,
    JobStatus,
    QueueStatistics,
)
from andon.messaging import Delivery, Service
from andon.queue.domain.devices import gpus_of, together
from andon.queue.domain.tally import Tally
from andon.queue.handlers.board import Board
from andon.queue.handlers.fleet import Fleet
from andon.queue.handlers.leasing import holding_of
from andon.queue.store.counts import Counts
from andon.queue.store.jobs import Jobs
from andon.queue.store.kept import Kept

_SAVE_SECONDS = 2.0
_WAITING = (JobStatus.QUEUED, JobStatus.PAUSED)
_RUNNING = (
    JobStatus.LEASED,
    JobStatus.PREPARING,
    JobStatus.RUNNING,
    JobStatus.COLLECTING,
    JobStatus.LOST,
)
_COMPLETED = (JobStatus.SUCCEEDED, JobStatus.PUBLISHING, JobStatus.PUBLISHED, JobStatus.CLOSED)
_CANCELLED = (JobStatus.CANCELLED, JobStatus.STOPPED)


@dataclass
class Figures:
    bus: Service
    kept: Kept
    counts: Counts
    jobs: Jobs
    fleet: Fleet
    board: Board
    clock: Callable[[], datetime]
    tally: Tally = field(default_factory=Tally)
    _saved: int = -1

    async def place(self) -> int:
        """Where to go on in the stream; without counts so far, everything is counted once."""
        kept = await self.kept.tally()
        if kept is None:
            last = await self.bus.last_sequence(stream_of(JOB_CHANGED))
            kept = Tally(last_seq=last, cells=await self.counts.cells())
        self.tally = kept
        return kept.last_seq

    async def heard(self, event: Message, delivery: Delivery) -> None:
        if isinstance(event, (JobChanged, JobDeleted)):
            self.tally.count(event, delivery.sequence)
        await self.board.heard(event, delivery)

    async def read(self, query: GetStatistics, _: Delivery) -> QueueStatistics:
        now = self.clock()
        by_status = self.tally.by_status(query.queue, query.project)
        held = await self.jobs.holdings()
        used = together(holding_of(each)[0].requirements for each in held)
        devices = await self.fleet.all()
        live = [each for each in devices if each.status is not DeviceStatus.DISCONNECTED]
        day, today = self.tally.last_day(now), self.tally.today(now)

        def count(statuses: tuple[JobStatus, ...]) -> int:
            return sum(by_status.get(status, 0) for status in statuses)

        return QueueStatistics(
            total=sum(by_status.values()),
            pending=count((JobStatus.DRAFT,)),
            queued=count(_WAITING),
            running=count(_RUNNING),
            completed=count(_COMPLETED),
            failed=count((JobStatus.FAILED,)),
            cancelled=count(_CANCELLED),
            expired=count((JobStatus.EXPIRED,)),
            by_status=by_status,
            completed_today=today.completed,
            failed_today=today.failed,
            total_cpu_cores=sum(each.facts.cpu_cores for each in live),
            used_cpu_cores=used.cpu,
            total_memory_gb=sum(each.facts.memory_total for each in live) / 1e9,
            used_memory_gb=used.memory_gb,
            total_gpu_count=sum(len(each.facts.gpus) or each.facts.gpu_count for each in live),
            used_gpu_count=gpus_of(used),
            avg_queue_time_minutes=_minutes(day.waited, day.waits),
            avg_execution_time_minutes=_minutes(day.ran, day.runs),
            longest_running_job_minutes=_longest([each.get("started_at") for each in held], now),
            devices=sum(each.status is DeviceStatus.HEALTHY for each in devices),
            devices_total=len(devices),
            at=now,
        )

    @asynccontextmanager
    async def remembering(self) -> AsyncIterator[None]:
        yield
        with suppress(Unavailable):
            await self._save()

    async def save(self) -> None:
        """Keep the counts now and then: what was heard since is heard again after a crash."""
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            with suppress(Unavailable):
                await self._save()

    async def _save(self) -> None:
        if self.tally.last_seq != self._saved:
            seq = self.tally.last_seq
            await self.kept.put_tally(self.tally)
            self._saved = seq


def _minutes(seconds: float, count: int) -> float | None:
    return seconds / count / 60 if count else None


def _longest(started: list[str | None], now: datetime) -> float | None:
    times = [datetime.fromisoformat(each) for each in started if each]
    return max((now - min(times)).total_seconds(), 0) / 60 if times else None
