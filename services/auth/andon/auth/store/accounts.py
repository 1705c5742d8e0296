"""Every query about people."""

from dataclasses import dataclass

from andon.auth.domain.accounts import Account, normal
from andon.contracts.auth import Role
from andon.storage import Collection, Database, Index

_CHANGEABLE = {
    "username", "email", "names", "roles", "active", "password", "demo",
    "revision", "generation", "unsettled",
}  # fmt: skip


@dataclass(eq=False)
class AccountStore:
    """People, found by what they sign in with."""

    database: Database

    def __post_init__(self) -> None:
        self._accounts = Collection(
            self.database, "users", Account, indexes=(Index(("names",), unique=True),)
        )

    async def prepare(self) -> None:
        """Create the index that keeps names unique."""
        await self._accounts.prepare()

    async def get(self, user_id: str) -> Account | None:
        return await self._accounts.get(user_id)

    async def named(self, name: str) -> Account | None:
        """By user name or e-mail, however it is written."""
        found = await self._accounts.find({"names": normal(name)}, limit=1)
        return found[0] if found else None

    async def all(self) -> list[Account]:
        return await self._accounts.find(sort=["username"], limit=0)

    async def any(self) -> bool:
        """Whether there is anyone at all."""
        return bool(await self._accounts.find(limit=1))

    async def ruled(self) -> bool:
        """Whether there is an active admin."""
        return bool(await self._accounts.find({"roles": Role.ADMIN, "active": True}, limit=1))

    async def unsettled(self) -> list[Account]:
        """Accounts whose last change is not carried out everywhere."""
        return await self._accounts.find({"unsettled": True}, limit=0)

    async def add(self, account: Account) -> None:
        """Raises Conflict when one of its names is taken."""
        await self._accounts.add(account)

    async def replace(self, before: Account, after: Account) -> bool:
        """Write `after` unless somebody changed the account since `before`; whether it was written.

        Raises Conflict when one of its names is taken.
        """
        values = after.model_dump(include=_CHANGEABLE)
        if after.password == before.password:
            del values["password"]  # a sign-in may have renewed the hash meanwhile
        return await self._accounts.swap(before.id, _unchanged(before), values)

    async def settled(self, account: Account) -> bool:
        """Note that a change is carried out, unless there was another since."""
        return await self._accounts.swap(account.id, _unchanged(account), {"unsettled": False})

    async def delete(self, account: Account) -> bool:
        """Whether there was one."""
        return await self._accounts.delete(account.id)

    async def demo(self) -> list[Account]:
        """Accounts with the demo's password."""
        return await self._accounts.find({"demo": True})

    async def set_password(self, account: Account, password: str) -> bool:
        """Replace the hash, unless someone else did; whether it was this one."""
        return await self._accounts.swap(
            account.id, {"password": account.password}, {"password": password, "demo": False}
        )


def _unchanged(account: Account) -> dict[str, object]:
    # What was stored before there were revisions has none, which a query finds as null.
    return {"revision": account.revision or {"$in": [0, None]}}
