"""Pictures that wait together are inferred together; an idle model starts on the first at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
from numpy.typing import NDArray

from andon.contracts import Invalid, Refused, Unavailable
from andon.serving._decode import SIDE
from andon.serving._predictor import Prediction

Infer = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Blocking: uint8 [n, 256, 256, 3] -> scores float32 [n] and heatmaps float32 [n, 32, 32]."""
Look = Callable[[list[NDArray[np.uint8]]], Awaitable[Sequence[Prediction]]]
"""Never blocks the event loop: pictures uint8 [256, 256, 3] -> a prediction for each."""
_Asked = tuple[NDArray[np.uint8], "asyncio.Future[Prediction]"]


class Batches:
    """Feeds whatever infers from one event loop.

    Never waits for a batch to fill: while all `lanes` are busy, pictures gather, and the lane that
    becomes free takes up to `limit` of them.
    """

    def __init__(self, look: Look, *, lanes: int, limit: int, end: Callable[[], None] | None = None) -> None:
        """`end` blocks, and is called once all is answered."""
        self._look = look
        self._end = end
        self._limit = limit
        self._free = lanes
        self._waiting: deque[_Asked] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    @classmethod
    def in_threads(cls, infer: Infer, *, lanes: int, limit: int) -> Self:
        """One thread for each lane."""
        pool = ThreadPoolExecutor(lanes, thread_name_prefix="infer")

        async def look(batch: list[NDArray[np.uint8]]) -> list[Prediction]:
            return await asyncio.get_running_loop().run_in_executor(pool, _predictions, infer, batch)

        return cls(look, lanes=lanes, limit=limit, end=pool.shutdown)

    async def ask(self, pixels: NDArray[np.uint8]) -> Prediction:
        """One prediction. Raises Invalid for another shape or type, Unavailable once closed."""
        if pixels.shape != (SIDE, SIDE, 3) or pixels.dtype != np.uint8:
            raise Invalid(
                f"a model looks at uint8 [{SIDE}, {SIDE}, 3], not {pixels.dtype} {list(pixels.shape)}"
            )
        if self._closed:
            raise Unavailable("the model is closed")
        answer: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        self._waiting.append((pixels, answer))
        self._start()
        return await answer

    async def close(self) -> None:
        """Refuse what comes, answer what waits, then end."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)
        if self._end:
            await asyncio.to_thread(self._end)

    def _start(self) -> None:
        while self._free and (batch := self._take()):
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _take(self) -> list[_Asked]:
        batch: list[_Asked] = []
        while self._waiting and len(batch) < self._limit:
            asked = self._waiting.popleft()
            if not asked[1].done():  # whoever asked may have gone
                batch.append(asked)
        return batch

    async def _run(self, batch: list[_Asked]) -> None:
        (said,) = await asyncio.gather(self._look([pixels for pixels, _ in batch]), return_exceptions=True)
        self._free += 1
        self._start()
        for number, (_, answer) in enumerate(batch):
            if answer.done():
                continue
            if isinstance(said, Refused):
                answer.set_exception(said)
            elif isinstance(said, BaseException):
                answer.set_exception(Unavailable(f"inference failed: {said}"))
            else:
                answer.set_result(said[number])


def _predictions(infer: Infer, batch: list[NDArray[np.uint8]]) -> list[Prediction]:
    scores, heatmaps = infer(np.stack(batch))
    return [Prediction(float(score), heatmap) for score, heatmap in zip(scores, heatmaps, strict=True)]
