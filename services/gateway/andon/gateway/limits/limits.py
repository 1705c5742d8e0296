"""Lets through as many requests of a client as it may send in a minute."""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from andon.contracts import Unavailable
from andon.gateway.limits.budget import Budget
from andon.gateway.limits.ledger import Ledger
from andon.gateway.limits.settings import LimitSettings
from andon.telemetry import log

_log = log("andon.gateway")

MINUTE = 60
_REMEMBERED = 10_000
"""Clients whose budgets are kept in mind; one that is forgotten costs a round trip."""
_ALONE_SECONDS = 5.0
"""How long nobody asks for the shared count after it was found away."""


@dataclass(eq=False)
class _Client:
    budget: Budget
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One lease at a time, however many requests wait for it."""


@dataclass(eq=False)
class Limits:
    """Fixed minutes of the clock. Never fails: while the ledger is away, this gateway counts alone."""

    ledger: Ledger
    settings: LimitSettings = field(default_factory=LimitSettings)
    """May be replaced at any time; what was let through in this minute still counts."""
    clock: Callable[[], float] = time.time
    _clients: OrderedDict[str, _Client] = field(default_factory=OrderedDict[str, _Client])
    _alone_until: float = -math.inf

    async def wait_of(self, client: str, limit: int) -> int:
        """0 lets one more request of the client through; else the seconds until it may come again."""
        now = self.clock()
        known = self._known(client, limit, int(now // MINUTE))
        if known.budget.spend():
            return 0
        async with known.turn:
            if await self._spent(client, known.budget):
                return 0
        return max(1, math.ceil((known.budget.window + 1) * MINUTE - now))

    async def run(self) -> None:
        """For as long as the gateway runs: keep the ledger small."""
        while True:
            try:
                await self.ledger.forget_before(int(self.clock() // MINUTE) - 1)
            except Unavailable:
                _log.warning("old rate counts stay until the database is back")
            await asyncio.sleep(MINUTE)

    def _known(self, client: str, limit: int, window: int) -> _Client:
        known = self._clients.get(client)
        if known is None or known.budget.window != window:
            known = self._clients[client] = _Client(Budget(limit, window))
            while len(self._clients) > _REMEMBERED:
                self._clients.popitem(last=False)
        self._clients.move_to_end(client)
        known.budget.limit = limit
        return known

    async def _spent(self, client: str, budget: Budget) -> bool:
        if budget.spend():
            return True
        if budget.over:
            return False
        if time.monotonic() < self._alone_until:
            return budget.spend_alone()
        asked = budget.block()
        try:
            async with asyncio.timeout(self.settings.patience):
                taken = await self.ledger.take(client, budget.window, asked)
        except (Unavailable, TimeoutError):
            _log.warning("counting requests alone: the shared count is away")
            self._alone_until = time.monotonic() + _ALONE_SECONDS
            return budget.spend_alone()
        budget.lease(asked, taken)
        if budget.over:
            _log.warning("too many requests", client=client, limit=budget.limit)
        return budget.spend()
