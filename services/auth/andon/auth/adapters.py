"""Password hashing beside the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from andon.auth.domain.accounts import Account
from andon.security import PasswordCost, hash_password, needs_rehash, verify_password


@dataclass(eq=False)
class Passwords:
    """Hashes and checks on threads of its own, which also bounds the memory that guesses can take."""

    cost: PasswordCost
    threads: int = 2

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.threads, thread_name_prefix="passwords")

    async def hash(self, password: str) -> str:
        return await self._away(hash_password, password, self.cost)

    async def fits(self, account: Account | None, password: str) -> bool:
        """Whether it is the account's password; as slow for nobody's account."""
        hashed = account.password if account else await self._away(lambda: self._nobody)
        return await self._away(verify_password, password, hashed) and account is not None

    def outdated(self, account: Account) -> bool:
        """Whether the hash was made at another cost than new ones are."""
        return needs_rehash(account.password, self.cost)

    def close(self) -> None:
        self._threads.shutdown()

    @cached_property
    def _nobody(self) -> str:
        return hash_password("nobody signs in with this", self.cost)

    async def prepare(self) -> None:
        """Make what unknown names are checked against, so that the first of them is no slower."""
        await self._away(lambda: self._nobody)

    async def _away(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
