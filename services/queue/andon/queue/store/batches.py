"""Writes and reads that happen at the same time share a round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Batches(Generic[A, B]):
    """Gathers what is asked for while a batch is on its way, and sends it as the next one.

    Alone, a piece of work goes at once; under load batches grow by themselves. `work` answers each piece, in
    order; what it raises, every piece of the batch raises.
    """

    def __init__(
        self, work: Callable[[Sequence[A]], Awaitable[Sequence[B]]], *, largest: int, lanes: int
    ) -> None:
        self._work = work
        self._largest = largest
        self._lanes = lanes
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, piece: A) -> B:
        future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((piece, future))
        self._start()
        return await future

    def _start(self) -> None:
        if self._waiting and len(self._running) < self._lanes:
            task = asyncio.create_task(self._send())
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        self._start()

    async def _send(self) -> None:
        batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
        if not batch:
            return
        try:
            answers = await self._work([piece for piece, _ in batch])
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error) if isinstance(error, Exception) else future.cancel()
            if not isinstance(error, Exception):
                raise
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
