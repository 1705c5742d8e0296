"""Every query about sessions."""

from dataclasses import dataclass
from datetime import datetime

from andon.auth.domain.sessions import Session
from andon.storage import Collection, Database, Index


@dataclass(eq=False)
class SessionStore:
    """Sign-ins, found by their refresh tokens' digests."""

    database: Database

    def __post_init__(self) -> None:
        self._sessions = Collection(
            self.database, "sessions", Session,
            indexes=(
                Index(("refresh",), unique=True), Index(("spent",)),
                Index(("ended_at",)), Index(("expires_at",)), Index(("user_id",)),
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

    async def open_before(self, user_id: str, generation: int) -> list[Session]:
        """Sessions of a user that did not end and were opened under an older generation."""
        found = await self._sessions.find({"user_id": user_id, "ended_at": None}, limit=0)
        return [session for session in found if session.generation < generation]

    async def ended_since(self, since: datetime) -> list[str]:
        return [session.id for session in await self._sessions.find({"ended_at": {"$gte": since}}, limit=0)]

    async def open(self, user_id: str | None, now: datetime, limit: int) -> list[Session]:
        """Sessions that may still be refreshed, a user's or all; the one refreshed last first."""
        where: dict[str, object] = {"ended_at": None, "expires_at": {"$gt": now}}
        if user_id is not None:
            where["user_id"] = user_id
        return await self._sessions.find(where, sort=(("refreshed_at", -1),), limit=limit)

    async def forget(self, before: datetime) -> int:
        """Delete what expired before; how many there were."""
        return await self._sessions.delete_where({"expires_at": {"$lt": before}})
