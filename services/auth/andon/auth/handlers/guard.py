"""Makes guessing passwords slow."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from weakref import WeakValueDictionary

from andon.auth.domain.guesses import (
    ACCOUNT,
    ADDRESS,
    PAIR,
    free_tries,
    key_of,
    network_of,
    one_more,
    wait_of,
)
from andon.auth.handlers.audit import utc_now
from andon.auth.store.guesses import GuessStore
from andon.contracts import RateLimited


@dataclass(frozen=True)
class Try:
    """One try at a password: who it is for, and from where."""

    account: str
    address: str

    @property
    def keys(self) -> tuple[str, str, str]:
        """Of the counts for the account from there, for the place, and for the account."""
        return (
            key_of("pair", self.account, self.address),
            key_of("address", self.address),
            key_of("account", self.account),
        )


@dataclass(frozen=True)
class Guard:
    """Counts wrong passwords, and lets nobody try who has to wait."""

    guesses: GuessStore
    clock: Callable[[], datetime] = utc_now
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock]
    )

    @asynccontextmanager
    async def turn(self, account: str, address: str) -> AsyncGenerator[Try]:
        """Tries from one address go one after another, so that many at once are not more than their number.

        Raises RateLimited, with the seconds to wait, before anything is looked at.
        """
        here = Try(account, network_of(address))
        lock = self._turns.setdefault(here.address, asyncio.Lock())
        async with lock:
            pair, place, _ = await self.guesses.at(*here.keys)
            wait = wait_of([count for count in (pair, place) if count], self.clock())
            if wait > 0:
                seconds = ceil(wait)
                raise RateLimited(f"too many wrong passwords: try again in {seconds} s", retry_after=seconds)
            yield here

    async def wrong(self, here: Try) -> float:
        """Count a wrong password; gives the seconds until the next try."""
        now = self.clock()
        pair, place, account = here.keys
        everywhere = await self.guesses.count(
            account, lambda before: one_more(before, account, now, ACCOUNT, ACCOUNT.free)
        )
        free = free_tries(everywhere, now)
        counts = [
            await self.guesses.count(pair, lambda before: one_more(before, pair, now, PAIR, free)),
            await self.guesses.count(
                place, lambda before: one_more(before, place, now, ADDRESS, ADDRESS.free)
            ),
        ]
        return wait_of(counts, now)

    async def right(self, here: Try) -> None:
        """Forgive what was mistyped."""
        pair, *_ = here.keys
        if (await self.guesses.at(pair))[0] is not None:
            await self.guesses.forgive(pair)
