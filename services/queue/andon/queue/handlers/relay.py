"""Says what was written: each change once in effect and in order, also after a crash."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.contracts import Unavailable
from andon.contracts.queue import JOB_CHANGED, JOB_DELETED, JOB_SIGNALLED
from andon.messaging import Service
from andon.queue.domain.record import Record, Told
from andon.queue.domain.said import Said
from andon.queue.store.jobs import Jobs
from andon.telemetry import log

_AT_ONCE = 32
_TRIM_SECONDS = 1.0
_RIPE_SECONDS = 15.0
"""A job that goes on meanwhile empties its outbox with its own change."""
_LAST_SECONDS = 3.0
"""At the end, for what is in line; the next process says the rest."""
_LEFT_BEHIND = timedelta(seconds=5)
"""What was written and not said for so long was left behind by a process that died."""
_PAGE = 200
_REMEMBERED = 20_000
_log = log("andon.queue")


@dataclass
class Relay:
    """The outboxes of jobs, on their way to the bus. The broker keeps an event that comes twice once."""

    bus: Service
    jobs: Jobs
    said: Said
    clock: Callable[[], datetime]
    _pending: dict[str, list[Told]] = field(default_factory=dict[str, list[Told]])
    _taken: "OrderedDict[str, int]" = field(default_factory=OrderedDict[str, int])
    """The last version of each job that was put in line here."""
    _marks: dict[str, str] = field(default_factory=dict[str, str])
    """What the last change of each job in line left."""
    _said: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """Those whose outboxes are to be emptied if they are still as this mark says, and since when."""
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    def tell(self, record: Record) -> None:
        """Say what a job's change wrote, after what was written before."""
        last = self._taken.get(record.id, 0)
        line = [each for each in record.outbox if each.version > last]
        if not line:
            return
        self._taken[record.id] = line[-1].version
        self._marks[record.id] = record.mark
        self._taken.move_to_end(record.id)
        if len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)
        if (pending := self._pending.get(record.id)) is not None:
            pending.extend(line)
            return
        self._pending[record.id] = line
        task = asyncio.create_task(self._say_all(record.id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def trim(self) -> None:
        """Empty the outboxes of what was said; many at a time."""
        try:
            while True:
                await asyncio.sleep(_TRIM_SECONDS)
                await self._trim(_now() - _RIPE_SECONDS)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._finish()

    async def _finish(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._trim(_now())

    async def _trim(self, until: float) -> None:
        ripe = {job_id: mark for job_id, (mark, since) in self._said.items() if since <= until}
        try:
            await self.jobs.told(list(ripe.items()))
        except Unavailable:
            return  # next time
        for job_id, mark in ripe.items():
            if self._said.get(job_id, ("", 0))[0] == mark:
                del self._said[job_id]

    async def left_behind(self) -> None:
        """Say what a process that died, or a bus that was away, left unsaid."""
        for record in await self.jobs.unsaid(self.clock() - _LEFT_BEHIND, _PAGE):
            if record.id in self._pending:
                continue
            self._taken.pop(record.id, None)
            self.tell(record)

    async def _say_all(self, job_id: str) -> None:
        line = self._pending[job_id]
        try:
            async with self._slots:
                while line:
                    await self._say(job_id, line[0])
                    self.said.remember(job_id, line.pop(0).version)
            self._said[job_id] = self._marks[job_id], _now()
        except Unavailable as away:
            _log.warning("an event is not said yet", job=job_id, reason=str(away))
        finally:
            del self._pending[job_id], self._marks[job_id]

    async def _say(self, job_id: str, told: Told) -> None:
        key = f"{job_id}:{told.version}"
        if told.changed is not None:
            await self.bus.say(JOB_CHANGED, told.changed, once=key)
        if told.deleted is not None:
            await self.bus.say(JOB_DELETED, told.deleted, once=key)
        if told.signalled is not None:
            await self.bus.say(JOB_SIGNALLED, told.signalled, once=key)


def _now() -> float:
    return asyncio.get_running_loop().time()
