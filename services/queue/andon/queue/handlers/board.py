"""Who waits for whom: jobs in the order of their turn, and devices that ask for one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from andon.contracts import Message, Unavailable
from andon.contracts.queue import (
    ENDED,
    Balancing,
    Device,
    JobChanged,
    JobDeleted,
    JobStatus,
    LeaseJobs,
    QueueSettings,
    Requirements,
)
from andon.messaging import Delivery
from andon.queue.domain.devices import Room
from andon.queue.domain.ready import Kind, Ready, Waiting
from andon.queue.domain.record import Record
from andon.queue.store.documents import requirements_of
from andon.queue.store.jobs import Jobs
from andon.telemetry import log

_TICK_SECONDS = 0.5
_HUNGRY_SECONDS = 5.0
_log = log("andon.queue")


@dataclass(eq=False)
class Waiter:
    """A device that asks for work."""

    ask: LeaseJobs
    device: Device
    room: Room | None = None
    """As known; None: to be read again."""
    held: int = 0
    since: float = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def queues(self) -> tuple[str, ...]:
        return self.ask.queues or self.device.queues

    def takes(self, kind: Kind) -> bool:
        """Whether it would, had nobody else a say."""
        if self.queues and kind.queue not in self.queues:
            return False
        if self.ask.kinds and kind.kind not in self.ask.kinds:
            return False
        return self.room is None or self.room.fits(kind.requirements)


@dataclass
class Board:
    """Hints only: a lease is a write that finds out whether they were right."""

    jobs: Jobs
    clock: Callable[[], datetime]
    ready: Ready = field(default_factory=Ready)
    loaded: bool = False
    balancing: Balancing = Balancing.RESOURCE_AWARE
    closed: bool = False
    _waiters: set[Waiter] = field(default_factory=set[Waiter])

    def changed(self, record: Record) -> None:
        """Take in a change that was written here."""
        if record.status is JobStatus.QUEUED and record.deleted_at is None:
            kind = self.ready.kind(
                record.queue, record.user, record.project, record.kind, record.requirements
            )
            self._add(record.id, record.version, record.rank, record.priority, kind, record.not_before)
            if record.attempt_no:
                self._freed(record.status, None)
        else:
            self.ready.heard(record.id, record.version, record.status)
            self._freed(record.status, record.device)

    async def heard(self, event: Message, _: Delivery) -> None:
        """Take in a change that may have been written by another replica."""
        if isinstance(event, JobChanged):
            if event.status is JobStatus.QUEUED:
                kind = self.ready.kind(event.queue, event.user, event.project, event.kind, event.requirements)
                self._add(event.id, event.version, event.rank, event.priority, kind, event.not_before)
                if event.attempt:
                    self._freed(event.status, None)
            else:
                self.ready.heard(event.id, event.version, event.status)
                self._freed(event.status, event.device)
        elif isinstance(event, JobDeleted):
            self.ready.heard(event.id, event.version, event.status)
        elif isinstance(event, Device):
            for waiter in self._waiters:
                if waiter.device.id == event.id:
                    waiter.device, waiter.room = event, None
                    waiter.wake.set()

    def take(self, waiter: Waiter, allowed: Callable[[Kind], bool]) -> Waiting | None:
        """The next job for a device."""
        return self.ready.take(lambda kind: waiter.takes(kind) and allowed(kind))

    async def wait(self, waiter: Waiter, seconds: float) -> None:
        """Until there may be something for it, for so long at most."""
        if self.closed:
            return
        waiter.wake.clear()
        waiter.since = asyncio.get_running_loop().time()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.wake.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)

    def left(self) -> None:
        """A device that was woken goes without: its job may be another's."""
        for waiting in self.ready.heads():
            self._offer(waiting)

    def all_look(self) -> None:
        """Let every device look again: caps or settings may have changed."""
        for waiter in self._waiters:
            waiter.room = None
            waiter.wake.set()

    async def begin(self) -> None:
        """Load once, however long the database is away."""
        while not self.loaded:
            try:
                await self.load()
            except Unavailable:
                await asyncio.sleep(_TICK_SECONDS)

    async def load(self) -> None:
        """Read what waits; events tell of the rest."""
        count = await self.jobs.waiting(self._add_document)
        self.loaded = True
        _log.info("jobs wait", count=count)

    async def keep_time(self) -> None:
        """Line up what has rested, and now and then look whether something was overlooked."""
        loop = asyncio.get_running_loop()
        looked = loop.time()
        try:
            while True:
                await asyncio.sleep(self._until_rested())
                for waiting in self.ready.rested(self.clock()):
                    self._offer(waiting)
                self.left()
                if self._waiters and not len(self.ready) and loop.time() - looked > _HUNGRY_SECONDS:
                    looked = loop.time()
                    await self._look()
        finally:
            self._close()

    def _close(self) -> None:
        """Let nobody wait for a process that ends: they ask another."""
        self.closed = True
        for waiter in self._waiters:
            waiter.wake.set()

    def _until_rested(self) -> float:
        due = self.ready.next_rested
        if due is None:
            return _TICK_SECONDS
        return min(max((due - self.clock()).total_seconds(), 0.005), _TICK_SECONDS)

    async def _look(self) -> None:
        # Cheap, since nothing should be found.
        try:
            await self.load()
        except Unavailable:
            return

    def _add_document(self, document: dict[str, Any]) -> None:
        asked: Requirements = requirements_of(document)
        not_before = document.get("not_before")
        kind = self.ready.kind(
            document["queue"], document["user"], document["project"], document["kind"], asked
        )
        self._add(
            document["_id"],
            document["version"],
            document["rank"],
            document["priority"],
            kind,
            datetime.fromisoformat(not_before) if not_before else None,
        )

    def _add(  # noqa: PLR0913, PLR0917 - a job as it waits
        self,
        job_id: str,
        version: int,
        rank: int,
        priority: int,
        kind: Kind,
        not_before: datetime | None,
    ) -> None:
        resting = not_before if not_before is not None and not_before > self.clock() else None
        waiting = Waiting(job_id, version, rank, priority, kind, resting)
        if self.ready.add(waiting) and resting is None:
            self._offer(waiting)

    def _offer(self, waiting: Waiting) -> None:
        suited = [
            waiter for waiter in self._waiters if not waiter.wake.is_set() and waiter.takes(waiting.kind)
        ]
        if suited:
            min(suited, key=self._preference).wake.set()

    def _preference(self, waiter: Waiter) -> tuple[float, ...]:
        if self.balancing is Balancing.LEAST_LOADED:
            return (waiter.held, waiter.since)
        if self.balancing is Balancing.RESOURCE_AWARE and waiter.room is not None:
            room = waiter.room
            return (len(room.gpus), room.memory_gb, room.cpu, waiter.since)
        return (waiter.since,)

    def _freed(self, status: JobStatus, device: str | None) -> None:
        """A job that ended makes room on its device; one that is to be tried again, on one that it left."""
        again = status in (JobStatus.QUEUED, JobStatus.PAUSED)
        if status not in ENDED and not again:
            return
        for waiter in self._waiters:
            if (again and waiter.held) or (not again and waiter.device.id == device):
                waiter.room = None
                waiter.wake.set()

    def settle(self, settings: QueueSettings) -> None:
        """Follow the settings."""
        self.balancing = settings.balancing
