"""Work for devices: the job whose turn it is goes to one that can hold it, and to no other."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Conflict, NotFound, Unavailable
from andon.contracts.queue import (
    AttemptOutcome,
    Device,
    Grant,
    JobStatus,
    Lease,
    Leased,
    LeaseJobs,
    QueueSettings,
)
from andon.messaging import Delivery
from andon.queue.domain.attempts import leased, tried_again
from andon.queue.domain.caps import Caps
from andon.queue.domain.devices import Holding, room_of, shared_gpus
from andon.queue.domain.ready import Kind, Waiting
from andon.queue.domain.record import ENGINE, Record
from andon.queue.handlers.board import Board, Waiter
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.rules import Rules
from andon.queue.store.devices import Devices
from andon.queue.store.documents import Document, requirements_of
from andon.queue.store.jobs import Jobs

_CONTENDED = (0.01, 0.05)
"""Seconds, from and to: two who took the last place at once don't try again at once."""


@dataclass(frozen=True)
class Picked:
    """A job chosen for a device, with the GPUs it would get."""

    waiting: Waiting
    gpus: tuple[int, ...]


@dataclass
class Leasing:
    jobs: Jobs
    devices: Devices
    board: Board
    relay: Relay
    rules: Rules
    clock: Callable[[], datetime]
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Where caps bind, two leases of one process don't race each other."""

    async def lease(self, ask: LeaseJobs, _: Delivery) -> Leased:
        """Raises NotFound before the device's first heartbeat, Conflict for an older life of it."""
        waiter = Waiter(ask, await self._device(ask))
        loop = asyncio.get_running_loop()
        end = loop.time() + ask.wait_seconds
        while True:
            if grants := await self._granted(waiter):
                return Leased(grants=tuple(grants))
            left = end - loop.time()
            if left <= 0 or self.board.closed:
                self.board.left()
                return Leased(grants=())
            await self.board.wait(waiter, left)
            if waiter.device.session != ask.session:
                self.board.left()
                raise _another_life(ask)

    async def _device(self, ask: LeaseJobs) -> Device:
        device = await self.devices.get(ask.device)
        if device is None:
            raise NotFound(f"device {ask.device} has sent no heartbeat", {"device": "unknown"})
        if device.session != ask.session:
            raise _another_life(ask)
        return device

    async def _granted(self, waiter: Waiter) -> list[Grant]:
        caps = await self.rules.caps()
        self.board.settle(caps.settings)
        if not caps.bind:
            return await self._take(waiter, caps)
        async with self._one_by_one:
            return await self._take(waiter, caps)

    async def _take(self, waiter: Waiter, caps: Caps) -> list[Grant]:
        settings = caps.settings
        if waiter.room is None or caps.bind:
            await self._measure(waiter, caps)
        picked = self._picked(waiter, caps)
        if not picked:
            return []
        won = [record for record in await self._write(waiter, picked, settings) if record is not None]
        waiter.room = None
        kept = await self._verified(waiter, won, caps) if won else []
        if len(kept) < len(won):
            await asyncio.sleep(random.uniform(*_CONTENDED))  # noqa: S311 - jitter, not a secret
        return [_grant(record, settings) for record in kept]

    async def _measure(self, waiter: Waiter, caps: Caps) -> None:
        """What is free on the device, and under the caps."""
        every = [holding_of(each) for each in await self._held(waiter, caps)]
        own = [each for each, device in every if device == waiter.device.id]
        waiter.room, waiter.held = room_of(waiter.device, own, caps.settings), len(own)
        caps.count(each for each, _ in every)

    async def _held(self, waiter: Waiter, caps: Caps) -> list[Document]:
        return await self.jobs.holdings(None if caps.bind else waiter.device.id)

    def _picked(self, waiter: Waiter, caps: Caps) -> list[Picked]:
        def allowed(kind: Kind) -> bool:
            queue = caps.queues.get(kind.queue)
            return not (queue is not None and queue.held) and caps.allow(kind)

        found: list[Picked] = []
        while len(found) < waiter.ask.count and (waiting := self.board.take(waiter, allowed)) is not None:
            assert waiter.room is not None  # noqa: S101 - it was measured
            asked, kind = waiting.kind.requirements, waiting.kind
            gpus = waiter.room.chosen(asked) if waiter.room.matching else ()
            waiter.room = waiter.room.without(asked, gpus)
            caps.take(kind.queue, kind.user, kind.project)
            found.append(Picked(waiting, gpus))
        return found

    async def _write(
        self, waiter: Waiter, picked: Sequence[Picked], settings: QueueSettings
    ) -> list[Record | None]:
        return list(await asyncio.gather(*(self._write_one(waiter, each, settings) for each in picked)))

    async def _write_one(self, waiter: Waiter, picked: Picked, settings: QueueSettings) -> Record | None:
        waiting = picked.waiting
        try:
            before = await self.jobs.fresh(waiting.id, waiting.version)
            if before is None or before.status is not JobStatus.QUEUED or before.deleted_at is not None:
                return None
            after = leased(
                before,
                settings,
                self.clock(),
                device=waiter.device.id,
                session=waiter.ask.session,
                gpus=picked.gpus,
                confirm=waiter.ask.confirm,
            )
            won = before.version == waiting.version and await self.jobs.swap(before, after)
            if not won:
                await self._look_again(waiting.id)
                return None
        except Unavailable:
            self.board.ready.put_back(waiting)
            raise
        self.relay.tell(after)
        self.board.changed(after)
        return after

    async def _look_again(self, job_id: str) -> None:
        """A hint was wrong: put the job in line as it really is."""
        record = await self.jobs.get(job_id)
        if record is not None:
            self.board.changed(record)

    async def _verified(self, waiter: Waiter, won: list[Record], caps: Caps) -> list[Record]:
        """What may be kept: who leases at the same time elsewhere is seen only now.

        Of two who write first and look then, one at least sees both; it gives back what is too much.
        """
        every = [holding_of(each) for each in await self._held(waiter, caps)]
        caps.count(each for each, _ in every)
        own = {each.job_id: each for each, device in every if device == waiter.device.id}
        kept = list(won)
        while kept:
            room = room_of(waiter.device, own.values(), caps.settings)
            last = kept[-1]
            if not (room.overdrawn or shared_gpus(own.values()) or caps.overdrawn(_kind(last))):
                break
            kept.pop()
            own.pop(last.id, None)
            every = [each for each in every if each[0].job_id != last.id]
            caps.count(each for each, _ in every)
            await self._give_back(last, caps.settings)
        return kept

    async def _give_back(self, record: Record, settings: QueueSettings) -> None:
        after = tried_again(
            record,
            settings,
            self.clock(),
            ENGINE,
            AttemptOutcome.RELEASED,
            reason="contended",
            message="two took the last place at once",
        )
        if await self.jobs.swap(record, after):
            self.relay.tell(after)
            self.board.changed(after)


def _grant(record: Record, settings: QueueSettings) -> Grant:
    lease = record.lease
    assert lease is not None  # noqa: S101 - it was leased just now
    return Grant.model_construct(
        job=record.job(),
        lease=Lease(
            token=lease.token,
            attempt=lease.number,
            expires_at=lease.expires_at,
            confirm_seconds=settings.confirm_seconds,
            lease_seconds=settings.lease_seconds,
            gpus=record.gpus,
            checkpoint=record.checkpoint,
        ),
    )


def _kind(record: Record) -> Kind:
    return Kind(record.queue, record.user, record.project, record.kind, record.requirements)


def holding_of(document: Document) -> tuple[Holding, str | None]:
    """What a job takes, and from which device."""
    holding = Holding(
        job_id=document["_id"],
        user=document["user"],
        project=document["project"],
        queue=document["queue"],
        requirements=requirements_of(document),
        gpus=tuple(document.get("gpus") or ()),
    )
    return holding, document.get("holder")


def _another_life(ask: LeaseJobs) -> Conflict:
    return Conflict(f"another agent speaks for {ask.device} now", {"session": "not the current one"})
