"""Opens, refreshes and ends sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from andon.auth.domain.accounts import Account
from andon.auth.domain.sessions import Session, digest, new_refresh_token
from andon.auth.handlers.audit import Witness, utc_now
from andon.auth.handlers.people import AccountDesk
from andon.auth.handlers.signing import KeyRing
from andon.auth.store.sessions import SessionStore
from andon.contracts import Unauthorised, auth
from andon.contracts.audit import Outcome
from andon.messaging import Delivery, Service
from andon.telemetry import log
from andon.telemetry.metrics import LOGINS

_log = log("andon.auth")

_SHOWN = 1000
LOGIN, LOGOUT, REUSE = "auth.session.login", "auth.session.logout", "auth.session.reuse"


@dataclass(frozen=True)
class SessionDesk:
    """Opens, refreshes and ends sessions."""

    people: AccountDesk
    sessions: SessionStore
    keys: KeyRing
    bus: Service
    witness: Witness
    refresh_lifetime: timedelta
    clock: Callable[[], datetime] = utc_now

    async def login(self, message: auth.Login, _delivery: Delivery) -> auth.Tokens:
        """Raises Unauthorised, RateLimited."""
        account = await self.people.recognise(message.username, message.password, message.address, LOGIN)
        now, token = self.clock(), new_refresh_token()
        session = Session(
            id=str(uuid4()), user_id=account.id, address=message.address, refresh=digest(token),
            created_at=now, refreshed_at=now, expires_at=now + self.refresh_lifetime,
            generation=account.generation,
        )  # fmt: skip
        await self.sessions.add(session)
        await self._still(session)
        LOGINS.labels("opened").inc()
        _log.info("signed in", user=account.username, session=session.id, address=message.address)
        await self.witness.tell(account.actor, LOGIN, target=session.id, address=message.address)
        return self._tokens(account, session, token)

    async def refresh(self, message: auth.Refresh, _delivery: Delivery) -> auth.Tokens:
        """Raises Unauthorised; a token that was used before also ends its session."""
        now, token = self.clock(), new_refresh_token()
        session = await self._holding(digest(message.refresh_token))
        if not session.good(now):
            raise Unauthorised("the session has ended; sign in again")
        account = await self._still(session)
        after = session.rotated(digest(token), now, self.refresh_lifetime)
        if not await self.sessions.replace(session, after):
            await self._reused(session)
        LOGINS.labels("refreshed").inc()
        return self._tokens(account, after, token)

    async def logout(self, message: auth.Logout, _delivery: Delivery) -> auth.SessionEnded:
        """Raises Unauthorised when neither names a session."""
        named = await self.sessions.get(message.session_id) if message.session_id else None
        held = await self._known(digest(message.refresh_token)) if message.refresh_token else None
        sessions = [session for session in (named, held) if session]
        if not sessions:
            raise Unauthorised("there is no such session")
        ended = [await self.end(session, "logout") for session in sessions]
        for session in {each.id: each for each in sessions if each.ended_at is None}.values():
            await self.witness.tell(
                await self._actor(session.user_id), LOGOUT, target=session.id, address=session.address
            )
        return ended[0]

    async def open(self, message: auth.ListSessions, _delivery: Delivery) -> auth.OpenSessions:
        found = await self.sessions.open(message.user_id, self.clock(), _SHOWN)
        names = {account.id: account.username for account in await self.people.accounts.all()}
        return auth.OpenSessions(
            sessions=tuple(
                auth.OpenSession(
                    id=each.id, user_id=each.user_id, username=names.get(each.user_id, ""),
                    address=each.address, created_at=each.created_at, refreshed_at=each.refreshed_at,
                    expires_at=each.expires_at,
                )
                for each in found
            )
        )  # fmt: skip

    async def ended(self, _message: auth.ListEnded, _delivery: Delivery) -> auth.EndedSessions:
        # Twice the lifetime: clocks differ, and a name too many costs nothing.
        since = self.clock() - timedelta(seconds=2 * self.keys.lifetime)
        return auth.EndedSessions(session_ids=tuple(await self.sessions.ended_since(since)))

    async def public_keys(self, _message: auth.GetKeys, _delivery: Delivery) -> auth.Keys:
        return auth.Keys(keys=await self.keys.public())

    async def end_before(self, user_id: str, generation: int) -> None:
        """End a user's sessions that were opened under an older generation."""
        for session in await self.sessions.open_before(user_id, generation):
            await self.end(session, "user_changed")

    async def end(self, session: Session, reason: str) -> auth.SessionEnded:
        """End a session and tell everybody; one that has ended keeps its time and reason."""
        await self.sessions.end(session.id, self.clock(), reason)
        now = await self.sessions.get(session.id) or session
        ended = auth.SessionEnded(
            session_id=session.id, user_id=session.user_id,
            reason=now.reason or reason, at=now.ended_at or self.clock(),
        )  # fmt: skip
        # Said again for one that had ended: whoever ended it may not have come this far.
        await self.bus.say(auth.SESSION_ENDED, ended, once=session.id)
        return ended

    async def _still(self, session: Session) -> Account:
        """The account as it is now. Raises Unauthorised when it changed so that the session is over."""
        account = await self.people.accounts.get(session.user_id)
        if account is None or not account.active or account.generation != session.generation:
            await self.end(session, "user_changed")
            raise Unauthorised("the session has ended; sign in again")
        return account

    async def _holding(self, refresh: str) -> Session:
        session = await self.sessions.holding(refresh)
        if session is not None:
            return session
        robbed = await self.sessions.that_spent(refresh)
        if robbed is not None:
            await self._reused(robbed)
        raise Unauthorised("the refresh token is not good")

    async def _known(self, refresh: str) -> Session | None:
        return await self.sessions.holding(refresh) or await self.sessions.that_spent(refresh)

    async def _reused(self, session: Session) -> None:
        """Two hold the same token, one of them may have stolen it: neither goes on. Raises Unauthorised."""
        LOGINS.labels("reused").inc()
        _log.warning("refresh token used twice", session=session.id, user_id=session.user_id)
        await self.end(session, "reuse")
        await self.witness.tell(
            await self._actor(session.user_id), REUSE, target=session.id, outcome=Outcome.REFUSED,
            address=session.address,
        )  # fmt: skip
        raise Unauthorised("the refresh token was used before; sign in again")

    async def _actor(self, user_id: str) -> auth.Actor:
        account = await self.people.accounts.get(user_id)
        return account.actor if account else auth.Actor(id=user_id, name="")

    def _tokens(self, account: Account, session: Session, refresh: str) -> auth.Tokens:
        user = account.user
        return auth.Tokens(
            access_token=self.keys.sign(user, session.id), refresh_token=refresh,
            expires_in=int(self.keys.lifetime), user=user,
        )  # fmt: skip
