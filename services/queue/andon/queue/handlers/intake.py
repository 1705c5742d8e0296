"""Submitting: one job for one wish, however often it is said."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Conflict, Refused
from andon.contracts.queue import Job, NewJob, SubmitMany, SubmitResult, SubmittedMany
from andon.messaging import Delivery
from andon.queue.domain.record import Record
from andon.queue.domain.submission import fingerprint, idempotency, live_name, renamed, submitted
from andon.queue.handlers.board import Board
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.rules import Rules
from andon.queue.store.jobs import Jobs, taken

_TRIES = 64


@dataclass
class Intake:
    jobs: Jobs
    board: Board
    relay: Relay
    rules: Rules
    clock: Callable[[], datetime]

    async def submit(self, asked: NewJob, _: Delivery) -> Job:
        """Raises Conflict for a key that stands for something else, or a name that is taken."""
        return (await self.take(asked)).job()

    async def submit_many(self, asked: SubmitMany, _: Delivery) -> SubmittedMany:
        results = await asyncio.gather(*(self._one(each) for each in asked.jobs))
        return SubmittedMany.model_construct(results=tuple(results))

    async def take(self, asked: NewJob) -> Record:
        """The job, new or as it was submitted before. Raises as `submit` does."""
        record = submitted(asked, await self.rules.settings(), self.clock())
        for _ in range(_TRIES):
            if await self.jobs.add(record):
                self.board.changed(record)
                self.relay.tell(record)
                return record
            if (known := await self._known(asked, record)) is not None:
                return known
            record = renamed(record, self.clock())
        raise Conflict("the day has no short name left", {"cvlab_uid": "65,536 are taken"})

    async def _one(self, asked: NewJob) -> SubmitResult:
        try:
            return SubmitResult.model_construct(job=(await self.take(asked)).job(), problem=None)
        except Refused as refused:
            return SubmitResult(problem=refused.problem)

    async def _known(self, asked: NewJob, record: Record) -> Record | None:
        """What it was before; None when only its short name was taken. Raises Conflict."""
        if asked.id is not None and (known := await self.jobs.get(asked.id)) is not None:
            return _same(asked, known, "id")
        if asked.idempotency_key is not None:
            known = await self.jobs.having(idempotency(asked.user, asked.idempotency_key))
            if known is not None:
                return _same(asked, known, "idempotency_key")
        if asked.unique_name and await self.jobs.having(live_name(record)) is not None:
            raise taken(asked.name)
        if record.aliases.cvlab is None:
            raise Conflict("the job was submitted and ended at the same time; ask again")
        return None


def _same(asked: NewJob, known: Record, field: str) -> Record:
    if known.fingerprint != fingerprint(asked):
        raise Conflict(f"this {field} stands for another job", {field: "was used for something else"})
    return known
