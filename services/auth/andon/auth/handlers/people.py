"""Knows people by their passwords."""

from dataclasses import dataclass

from andon.auth.adapters import Passwords
from andon.auth.domain.accounts import Account, normal
from andon.auth.handlers.audit import Witness
from andon.auth.handlers.guard import Guard
from andon.auth.store.accounts import AccountStore
from andon.contracts import NotFound, Unauthorised, auth
from andon.contracts.audit import Outcome
from andon.messaging import Delivery
from andon.telemetry import log
from andon.telemetry.metrics import LOGINS

_log = log("andon.auth")


@dataclass(frozen=True)
class AccountDesk:
    """Knows people and their passwords."""

    accounts: AccountStore
    passwords: Passwords
    guard: Guard
    witness: Witness

    async def get(self, message: auth.GetUser, _delivery: Delivery) -> auth.User:
        """Raises NotFound."""
        return (await self.known(message.id)).user

    async def verify(self, message: auth.VerifyPassword, _delivery: Delivery) -> auth.User:
        """Raises Unauthorised, RateLimited."""
        account = await self.recognise(
            message.username, message.password, message.address, "auth.password.verify"
        )
        return account.user

    async def known(self, user_id: str) -> Account:
        """Raises NotFound."""
        account = await self.accounts.get(user_id)
        if account is None:
            raise NotFound("there is no such user", {"id": "unknown"})
        return account

    async def recognise(self, name: str, password: str, address: str, action: str) -> Account:
        """Whose name and password these are.

        Raises Unauthorised, after the same time for any reason; RateLimited after too many of these.
        """
        account = await self.accounts.named(name)
        async with self.guard.turn(account.id if account else normal(name), address) as here:
            if not await self.passwords.fits(account, password) or account is None or not account.active:
                wait = await self.guard.wrong(here)
                await self._refused(account, action, address, wait)
                raise Unauthorised("name or password is wrong")
            await self.guard.right(here)
        if self.passwords.outdated(account):
            await self.accounts.set_password(account, await self.passwords.hash(password))
        return account

    async def _refused(self, account: Account | None, action: str, address: str, wait: float) -> None:
        LOGINS.labels("refused").inc()
        _log.warning("sign-in refused", address=address, wait=wait)
        details = {"reason": "password" if account and account.active else "account"}
        await self.witness.tell(
            # The name as typed is not told where nobody has it: it may be a password in the wrong field.
            account.actor if account else auth.Actor(id="", name=""),
            action,
            target=account.id if account else "",
            outcome=Outcome.REFUSED,
            details={**details, "locked_seconds": f"{wait:.0f}"} if wait else details,
            address=address,
        )
