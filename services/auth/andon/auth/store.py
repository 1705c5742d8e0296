"""Every query of auth."""

from dataclasses import dataclass
from datetime import datetime

from andon.auth.domain import Account, Session, SigningKey, normal
from andon.storage import Collection, Database, Index


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

    async def any(self) -> bool:
        """Whether there is anyone at all."""
        return bool(await self._accounts.find(limit=1))

    async def add(self, account: Account) -> None:
        """Raises Conflict when one of its names is taken."""
        await self._accounts.add(account)

    async def demo(self) -> list[Account]:
        """Accounts with the demo's password."""
        return await self._accounts.find({"demo": True})

    async def set_password(self, account: Account, password: str) -> bool:
        """Replace the hash, unless someone else did; whether it was this one."""
        return await self._accounts.swap(
            account.id, {"password": account.password}, {"password": password, "demo": False}
        )


@dataclass(eq=False)
class SessionStore:
    """Sign-ins, found by their refresh tokens' digests."""

    database: Database

    def __post_init__(self) -> None:
        self._sessions = Collection(
            self.database, "sessions", Session,
            indexes=(
                Index(("refresh",), unique=True), Index(("spent",)),
                Index(("ended_at",)), Index(("expires_at",)),
            ),
        )  # fmt: skip

    async def prepare(self) -> None:
        """Create what look-ups run on."""
        await self._sessions.prepare()

    async def add(self, session: Session) -> None:
        await self._sessions.add(session)

    async def get(self, session_id: str) -> Session | None:
        return await self._sessions.get(session_id)

    async def holding(self, refresh: str) -> Session | None:
        """The session whose good refresh token has this digest."""
        found = await self._sessions.find({"refresh": refresh}, limit=1)
        return found[0] if found else None

    async def that_spent(self, refresh: str) -> Session | None:
        """The session that once had this digest."""
        found = await self._sessions.find({"spent": refresh}, limit=1)
        return found[0] if found else None

    async def replace(self, before: Session, after: Session) -> bool:
        """Write `after` unless the session was refreshed or ended since `before`; whether it was written."""
        changes = after.model_dump(exclude={"id", "user_id", "created_at", "ended_at"})
        return await self._sessions.swap(before.id, {"refresh": before.refresh, "ended_at": None}, changes)

    async def end(self, session_id: str, now: datetime, reason: str) -> bool:
        """Whether this call ended it; one that has ended keeps its time and reason."""
        return await self._sessions.swap(session_id, {"ended_at": None}, {"ended_at": now, "reason": reason})

    async def ended_since(self, since: datetime) -> list[str]:
        return [session.id for session in await self._sessions.find({"ended_at": {"$gte": since}}, limit=0)]

    async def forget(self, before: datetime) -> int:
        """Delete what expired before; how many there were."""
        return await self._sessions.delete_where({"expires_at": {"$lt": before}})


@dataclass(eq=False)
class KeyStore:
    """Private signing keys; the newest signs, all of them verify."""

    database: Database

    def __post_init__(self) -> None:
        self._keys = Collection(self.database, "keys", SigningKey)

    async def all(self) -> list[SigningKey]:
        """Oldest first; there are a few."""
        return await self._keys.find(sort=["created_at"])

    async def add(self, key: SigningKey) -> None:
        await self._keys.add(key)

    async def remove(self, key: SigningKey) -> None:
        await self._keys.delete(key.id)
