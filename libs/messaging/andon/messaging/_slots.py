"""A bounded number of tasks at work."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

_CANCEL_AGAIN = 1.0


async def ended(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they have ended: wait_for of Python 3.11, inside a client, can lose one call."""
    rest = set(tasks)
    while rest:
        for task in rest:
            task.cancel()
        _, rest = await asyncio.wait(rest, timeout=_CANCEL_AGAIN)


class Slots:
    """Runs up to `size` coroutines at once and knows how many more fit."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> int:
        """Wait until at least one more fits; returns how many do."""
        await self._room.wait()
        return self._size - len(self._tasks)

    async def idle(self) -> None:
        """Wait until nothing is at work."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a piece of work beside the others. The caller has waited for room."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        if len(self._tasks) >= self._size:
            self._room.clear()

    async def finish(self, grace: float) -> None:
        """Wait up to `grace` seconds for what is at work, then cancel it and wait for that."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=grace)
        await ended(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a piece of work failed outside of its handler", "exception": error, "task": task}
            )
