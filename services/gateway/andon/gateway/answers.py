"""Answers of the line that are kept until they are old, or until a part came or went."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from andon.contracts import Message, Query
from andon.messaging import Service

R = TypeVar("R", bound=Message)

_KEPT = 500
"""Different questions; the oldest answer goes first."""


@dataclass(eq=False)
class Answers:
    """Asks the line once for what many want to know.

    Who asks after `drop` never gets what was asked before it, even where that answer is still on its way.
    """

    bus: Service
    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[tuple[str, str], tuple[float, "asyncio.Future[Message]"]] = field(
        default_factory=OrderedDict
    )

    async def ask(self, query: Query[Any, R], question: Message, seconds: float) -> R:
        """The answer, at most `seconds` old. Raises what the line refuses; that is not kept."""
        key = (query.address, question.model_dump_json())
        began, answer = self._kept.get(key, (0.0, None))
        if answer is None or self.clock() - began >= seconds:
            answer = asyncio.ensure_future(self.bus.ask(query, question))
            self._keep(key, answer)
        # Whoever asked first may leave; the others still want to know.
        return cast("R", await asyncio.shield(answer))

    def drop(self) -> None:
        """A part came or went: nothing that was counted before counts any more."""
        self._kept.clear()

    def _keep(self, key: tuple[str, str], answer: "asyncio.Future[Any]") -> None:
        self._kept[key] = (self.clock(), answer)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

        def forget_refusal(done: "asyncio.Future[Any]") -> None:
            failed = done.cancelled() or done.exception() is not None
            if failed and self._kept.get(key, (0.0, None))[1] is done:
                del self._kept[key]

        answer.add_done_callback(forget_refusal)
