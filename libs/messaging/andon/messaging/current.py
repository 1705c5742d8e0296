"""A document that another service owns, as it is now: read once, then followed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from andon.contracts import Event, Message, Query, Refused, stream_of
from andon.messaging._delivery import Delivery
from andon.messaging.service import Service
from andon.telemetry import log

M = TypeVar("M", bound=Message)

_log = log("andon.messaging")
_PATIENCE = 0.5
"""Seconds for an answer; events tell the same to whoever is not answered."""
_AGAIN_SECONDS = 1.0


@dataclass(eq=False)
class Current(Generic[M]):
    """Holds the newest state anybody told of; `value` is None until then.

    Call `follow` before the service starts and run `read` in the background. Both the owner's answer and its
    events count, so neither an owner that starts later nor an event that is long gone leaves this one behind.
    """

    bus: Service
    query: Query[Any, M]
    question: Message
    event: Event[M]
    order: Callable[[M], float]
    """Goes up with every state: what comes late and is older is passed over."""
    value: M | None = None
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known whether there is a state; the owner may be away then, and is asked again."""
    on_change: list[Callable[[M], None]] = field(default_factory=list[Callable[[M], None]])
    """Told of each newer state."""
    _until: int = 0
    """What the stream held at the start."""
    _heard: int = 0
    _asked: bool = False

    def follow(self) -> None:
        """Name it among what the service follows."""
        self.bus.follows([self.event], self._hear, after=self._place)

    async def read(self) -> None:
        """Ask the owner until it answers; returns then."""
        while True:
            try:
                self._adopt(await self.bus.ask(self.query, self.question, timeout=_PATIENCE))
            except Refused as refused:  # away, or of a version that does not know the question
                if not self._asked:
                    _log.warning("not read yet", query=self.query.address, reason=str(refused))
                self._asked = True
                self._settle()
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self.settled.set()
                return

    async def _place(self) -> int:
        self._until = await self.bus.last_sequence(stream_of(self.event))
        return 0

    async def _hear(self, message: Message, delivery: Delivery) -> None:
        assert isinstance(message, self.event.payload)  # noqa: S101 - follows names no other event
        self._adopt(message)
        self._heard = delivery.sequence
        self._settle()

    def _settle(self) -> None:
        if self._asked and self._heard >= self._until:
            self.settled.set()

    def _adopt(self, state: M) -> None:
        if self.value is None or self.order(state) > self.order(self.value):
            self.value = state
            for tell in self.on_change:
                tell(state)
