"""A feed that looks up what it needs to show a message, and tells what repeats itself only now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from andon.contracts import FEED, Message
from andon.gateway.realtime.feed import Feed, Notice
from andon.messaging import Delivery

_PAGE = 200


@dataclass(kw_only=True)
class CalmFeed(Feed):
    inform: Callable[[Message], Awaitable[None]]
    """Awaited before a message is rendered."""
    repeats: Callable[[Message], str | None]
    """What is told once in `rest` seconds at most, and then the latest; None for what is told each time."""
    rest: float = 5.0
    _resting: dict[str, Notice | None] = field(default_factory=dict[str, Notice | None])
    """What was told lately, with the latest that was held back since."""

    async def hear(self, message: Message, delivery: Delivery) -> None:
        """Reaction to every event of the feed."""
        await self.inform(message)
        key = self.repeats(message)
        if key is None or key not in self._resting:
            await super().hear(message, delivery)
            if key is not None:
                self._let_rest(key)
            return
        self._react(message, delivery.sequence)
        notice = self.notice(delivery.subject, message, delivery.sequence)
        if notice is not None:
            # It comes late: what was told meanwhile has the higher place, which is the one to come back with.
            self._resting[key] = replace(notice, sequence=0)

    async def past(self, after: int) -> tuple[list[Notice], int]:
        """What was told after a place, some of it, and the place it reaches; no further when that is all.

        Raises Unavailable.
        """
        page = await self.bus.replay(FEED, after, _PAGE)
        told: list[Notice] = []
        for address, message, delivery in page:
            await self.inform(message)
            if (notice := self.replayed(address, message, delivery.sequence)) is not None:
                told.append(notice)
            after = delivery.sequence
        return told, after

    @property
    def listeners(self) -> int:
        """Clients of this gateway."""
        return len(self._listeners)

    def _let_rest(self, key: str) -> None:
        self._resting[key] = None
        asyncio.get_running_loop().call_later(self.rest, self._rested, key)

    def _rested(self, key: str) -> None:
        held = self._resting.pop(key)
        if held is not None:
            self.tell(held)
            self._let_rest(key)
