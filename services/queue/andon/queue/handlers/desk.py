"""People's side: jobs read, stopped, held, changed and led."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Conflict
from andon.contracts.queue import (
    CancelJob,
    DeleteJob,
    EditJob,
    GetJob,
    Job,
    JobHistory,
    Jobs,
    ListJobs,
    MoveJob,
    PauseJob,
    Place,
    PrioritiseJob,
    QueueSettings,
    ResumeJob,
)
from andon.messaging import Delivery
from andon.queue.domain.moves import moved
from andon.queue.domain.orders import cancelled, deleted, edited, paused, prioritised, resumed
from andon.queue.domain.record import Record
from andon.queue.domain.submission import live_name
from andon.queue.domain.tally import Tally
from andon.queue.handlers.board import Board
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.rules import Rules
from andon.queue.store.jobs import Jobs as JobStore
from andon.queue.store.jobs import taken
from andon.queue.store.lists import Lists, counted

_TRIES = 32
_COUNTED = 2000
"""Up to so many, a total is counted; above, it is read from the tally."""
Change = Callable[[Record, QueueSettings, datetime], Record]


@dataclass
class Desk:
    jobs: JobStore
    lists: Lists
    board: Board
    relay: Relay
    rules: Rules
    tally: Callable[[], Tally]
    clock: Callable[[], datetime]

    async def get(self, query: GetJob, _: Delivery) -> Job:
        return (await self.jobs.find(query.id)).job()

    async def history(self, query: GetJob, _: Delivery) -> JobHistory:
        record = await self.jobs.find(query.id)
        return JobHistory(job=record.job(), attempts=record.attempts, entries=record.history)

    async def list(self, query: ListJobs, _: Delivery) -> Jobs:
        found = await self.lists.page(query, self.clock())
        page = found[: query.limit]
        return Jobs.model_construct(
            jobs=tuple(each.job() for each in page),
            total=await self._total(query) if query.with_total else None,
            next_after=page[-1].id if len(found) > len(page) else None,
        )

    async def cancel(self, ask: CancelJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, _settings, now: cancelled(record, ask, now))

    async def pause(self, ask: PauseJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, _settings, now: paused(record, ask, now))

    async def resume(self, ask: ResumeJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, _settings, now: resumed(record, ask, now))

    async def prioritise(self, ask: PrioritiseJob, _: Delivery) -> Job:
        return await self.change(
            ask.id,
            lambda record, settings, now: prioritised(record, ask, self._rank(record, ask), settings, now),
        )

    async def edit(self, ask: EditJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, _settings, now: edited(record, ask, now))

    async def move(self, ask: MoveJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, settings, now: moved(record, ask, settings, now))

    async def delete(self, ask: DeleteJob, _: Delivery) -> Job:
        return await self.change(ask.id, lambda record, _settings, now: deleted(record, ask, now))

    async def change(self, name: str, change: Change) -> Job:
        """Apply a change to the job as it is, again when somebody else was quicker."""
        settings = await self.rules.settings()
        for _ in range(_TRIES):
            before = await self.jobs.find(name)
            after = change(before, settings, self.clock())
            if await self._written(before, after):
                return after.job()
        raise Conflict("the job changes all the time; ask again")

    async def _written(self, before: Record, after: Record) -> bool:
        if after is before:
            return True
        if after.version == before.version:
            return await self.jobs.refresh(before, after)
        if not await self.jobs.swap(before, after):
            name = live_name(after)
            if name in after.keys and name not in before.keys and await self.jobs.having(name) is not None:
                raise taken(after.name)
            return False
        self.board.changed(after)
        self.relay.tell(after)
        return True

    def _rank(self, record: Record, ask: PrioritiseJob) -> int | None:
        if ask.place is None:
            return None
        priority = record.priority if ask.priority is None else ask.priority
        ranks = self.board.ready.ranks(record.queue, priority)
        if ranks is None:
            return None
        return ranks[0] - 1 if ask.place is Place.FRONT else ranks[1] + 1

    async def _total(self, query: ListJobs) -> int:
        if counted(query):
            total = self.tally().total(query.status, query.queue, query.project)
            if total > _COUNTED:
                return total
        return await self.lists.total(query)
