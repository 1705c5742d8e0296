"""How the engine is set: its settings and its named queues."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Conflict, NotFound
from andon.contracts.queue import (
    HELD,
    Deleted,
    DeleteQueue,
    GetSettings,
    JobStatus,
    ListQueues,
    PutQueue,
    PutSettings,
    Queue,
    QueueInfo,
    Queues,
    QueueSettings,
)
from andon.messaging import Delivery
from andon.queue.domain.tally import Tally
from andon.queue.handlers.board import Board
from andon.queue.handlers.rules import Rules
from andon.queue.store.kept import Kept

_WAITING = (JobStatus.QUEUED, JobStatus.PAUSED)


@dataclass
class House:
    kept: Kept
    rules: Rules
    board: Board
    tally: Callable[[], Tally]
    clock: Callable[[], datetime]

    async def settings(self, _query: GetSettings, _: Delivery) -> QueueSettings:
        self.rules.forget()
        return await self.rules.settings()

    async def set(self, ask: PutSettings, _: Delivery) -> QueueSettings:
        """Raises Conflict when they are not the ones that were read."""
        after = await self.kept.put_settings(ask.settings)
        self._changed()
        return after

    async def queues(self, _query: ListQueues, _: Delivery) -> Queues:
        self.rules.forget()
        defined = await self.rules.queues()
        tally = self.tally()
        waiting, active = tally.by_queue(_WAITING), tally.by_queue(HELD)
        names = sorted({*defined, *tally.queues()})
        return Queues(
            queues=tuple(
                QueueInfo(
                    queue=defined.get(name) or Queue(name=name),
                    waiting=waiting.get(name, 0),
                    active=active.get(name, 0),
                )
                for name in names
            )
        )

    async def put(self, ask: PutQueue, _: Delivery) -> Queue:
        known = (await self.rules.queues()).get(ask.queue.name)
        created = known.created_at if known else None
        queue = ask.queue.model_copy(update={"created_at": created or self.clock()})
        await self.kept.put_queue(queue)
        self._changed()
        return queue

    async def delete(self, ask: DeleteQueue, _: Delivery) -> Deleted:
        """Raises Conflict while jobs wait in it, NotFound when it is not defined."""
        waiting = self.tally().by_queue(_WAITING).get(ask.name, 0)
        if waiting:
            raise Conflict(f"{waiting} jobs wait in queue {ask.name}", {"name": "not empty"})
        if not await self.kept.delete_queue(ask.name):
            raise NotFound(f"there is no queue {ask.name!r}")
        self._changed()
        return Deleted(deleted=True)

    def _changed(self) -> None:
        self.rules.forget()
        self.board.all_look()
