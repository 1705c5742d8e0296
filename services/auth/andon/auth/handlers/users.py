"""Lets people in, changes what they may do, and lets them go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from andon.auth.domain.accounts import (
    Account,
    account,
    changed,
    differences,
    ends_sessions,
    fit_password,
    normal,
)
from andon.auth.handlers.audit import Witness, utc_now
from andon.auth.handlers.keys import KeyDesk
from andon.auth.handlers.people import AccountDesk
from andon.auth.handlers.sessions import SessionDesk
from andon.contracts import BadRequest, Conflict, auth
from andon.contracts.audit import Outcome
from andon.messaging import Delivery

CREATE, CHANGE, DELETE = "auth.user.create", "auth.user.change", "auth.user.delete"
PASSWORD = "auth.password.change"  # noqa: S105 - what was done
_TRIES = 5


@dataclass(frozen=True)
class UserDesk:
    """Changes users. Whatever narrows what somebody may do reaches their sessions and keys at once."""

    people: AccountDesk
    sessions: SessionDesk
    keys: KeyDesk
    witness: Witness
    least_password: int
    """Characters."""
    clock: Callable[[], datetime] = utc_now

    async def all(self, _message: auth.ListUsers, _delivery: Delivery) -> auth.Users:
        return auth.Users(users=tuple(found.user for found in await self.people.accounts.all()))

    async def create(self, message: auth.CreateUser, _delivery: Delivery) -> auth.User:
        """Raises BadRequest with the field: a name that is taken, a password that will not do."""
        fit_password(message.password, self.least_password, message.username, message.email)
        new = account(
            identity=str(uuid4()), username=message.username, email=message.email, roles=message.roles,
            active=message.active, password=await self.people.passwords.hash(message.password),
            now=self.clock(),
        )  # fmt: skip
        try:
            await self.people.accounts.add(new)
        except Conflict as taken:
            raise await self._taken(new) from taken
        details = {"username": new.username, "roles": "+".join(new.roles)}
        await self.witness.tell(message.by, CREATE, target=new.id, details=details)
        return new.user

    async def change(self, message: auth.ChangeUser, _delivery: Delivery) -> auth.User:
        """Raises NotFound, Conflict when others change it too, BadRequest with the field."""
        password = await self._hashed(message)
        before, after = await self._written(message, password)
        if after is not before:
            details = differences(before, after)
            await self.settle(after)
            await self.witness.tell(message.by, CHANGE, target=after.id, details=details)
        return after.user

    async def change_password(self, message: auth.ChangePassword, _delivery: Delivery) -> auth.User:
        """Raises BadRequest when the current one is wrong, RateLimited after many of these."""
        before = await self.people.known(message.id)
        async with self.people.guard.turn(before.id, message.address) as here:
            if not before.active or not await self.people.passwords.fits(before, message.current):
                await self.people.guard.wrong(here)
                await self.witness.tell(
                    before.actor, PASSWORD, target=before.id, outcome=Outcome.REFUSED,
                    address=message.address,
                )  # fmt: skip
                raise BadRequest("current_password: it is wrong", {"current_password": "it is wrong"})
            await self.people.guard.right(here)
        fit_password(message.new, self.least_password, before.username, before.email)
        wish = auth.ChangeUser(id=before.id, by=before.actor)
        _, after = await self._written(wish, await self.people.passwords.hash(message.new))
        await self.settle(after)
        await self.witness.tell(before.actor, PASSWORD, target=before.id, address=message.address)
        return after.user

    async def delete(self, message: auth.DeleteUser, _delivery: Delivery) -> auth.UserDeleted:
        """Raises NotFound; BadRequest for oneself and for the last active admin."""
        if message.id == message.by.id:
            raise BadRequest("id: nobody deletes themselves", {"id": "nobody deletes themselves"})
        # Inactive first: from then on nobody signs in, and a crash on the way leaves nobody half there.
        wish = auth.ChangeUser(id=message.id, active=False, by=message.by)
        _, after = await self._written(wish, None)
        await self.sessions.end_before(after.id, after.generation + 1)
        await self.keys.revoke_of(after.id)
        await self.people.accounts.delete(after)
        details = {"username": after.username}
        await self.witness.tell(message.by, DELETE, target=after.id, details=details)
        return auth.UserDeleted(id=after.id, username=after.username)

    async def settle_all(self) -> None:
        """Carry out what a crash left half done."""
        for left in await self.people.accounts.unsettled():
            await self.settle(left)

    async def settle(self, after: Account) -> None:
        """End older sessions, and have verifiers ask again what the user's keys may do."""
        if after.unsettled:
            await self.sessions.end_before(after.id, after.generation)
            await self.keys.owner_changed(after.id)
            await self.people.accounts.settled(after)

    async def _hashed(self, message: auth.ChangeUser) -> str | None:
        if message.password is None:
            return None
        there = await self.people.known(message.id)
        fit_password(
            message.password, self.least_password, message.username or there.username,
            message.email or there.email,
        )  # fmt: skip
        return await self.people.passwords.hash(message.password)

    async def _written(self, wish: auth.ChangeUser, password: str | None) -> tuple[Account, Account]:
        """The account before and after; the same one twice when nothing changes."""
        for _ in range(_TRIES):
            before = await self.people.known(wish.id)
            after = changed(before, wish, password)
            if after is before:
                return before, before
            if ends_sessions(before, after):
                after = after.model_copy(update={"generation": before.generation + 1, "unsettled": True})
            if before.rules and not after.rules and await self._alone(before):
                raise _last_admin()
            if await self._replaced(before, after):
                await self._keep_an_admin(before, after)
                return before, after
        raise Conflict("others change this user at the same moment; look again")

    async def _replaced(self, before: Account, after: Account) -> bool:
        try:
            return await self.people.accounts.replace(before, after)
        except Conflict as taken:
            raise await self._taken(after) from taken

    async def _alone(self, admin: Account) -> bool:
        return not any(each.rules and each.id != admin.id for each in await self.people.accounts.all())

    async def _keep_an_admin(self, before: Account, after: Account) -> None:
        """Take back a change by which, together with another at the same moment, no admin is left."""
        if before.rules and not after.rules and not await self.people.accounts.ruled():
            back = before.model_copy(update={"password": after.password, "revision": after.revision + 1})
            await self.people.accounts.replace(after, back)
            raise _last_admin()

    async def _taken(self, wanted: Account) -> BadRequest:
        """Which of the names somebody else has."""
        other = await self.people.accounts.named(wanted.username)
        field = "username" if other is not None and other.id != wanted.id else "email"
        mine = wanted.username if field == "username" else wanted.email
        return BadRequest(f"{field}: '{normal(mine or '')}' is taken", {field: "it is taken"})


def _last_admin() -> BadRequest:
    return BadRequest("There is no other active admin: this one stays.", {"roles": "the last active admin"})
