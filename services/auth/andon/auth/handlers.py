"""Answers to sign-ins and to questions about who someone is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from andon.auth.adapters import Passwords
from andon.auth.domain import (
    Account,
    Session,
    SigningKey,
    digest,
    needs_new_key,
    new_refresh_token,
    retired,
)
from andon.auth.store import AccountStore, KeyStore, SessionStore
from andon.contracts import NotFound, Unauthorised, Unavailable, auth
from andon.messaging import Delivery, Service
from andon.security import Signer, new_private_key
from andon.telemetry import log
from andon.telemetry.metrics import LOGINS

_log = log("andon.auth")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class AccountDesk:
    """Knows people and their passwords."""

    accounts: AccountStore
    passwords: Passwords

    async def get(self, message: auth.GetUser, _delivery: Delivery) -> auth.User:
        """Raises NotFound."""
        account = await self.accounts.get(message.id)
        if account is None:
            raise NotFound("there is no such user", {"id": "unknown"})
        return account.user

    async def verify(self, message: auth.VerifyPassword, _delivery: Delivery) -> auth.User:
        """Raises Unauthorised."""
        return (await self.recognise(message.username, message.password, message.address)).user

    async def recognise(self, name: str, password: str, address: str) -> Account:
        """Whose name and password these are. Raises Unauthorised, after the same time for any reason."""
        account = await self.accounts.named(name)
        if not await self.passwords.fits(account, password) or account is None or not account.active:
            LOGINS.labels("refused").inc()
            _log.warning("sign-in refused", address=address)
            raise Unauthorised("name or password is wrong")
        if self.passwords.outdated(account):
            await self.accounts.set_password(account, await self.passwords.hash(password))
        return account


@dataclass(eq=False)
class KeyRing:
    """Signs with the newest key; makes a new one when that has served its time."""

    store: KeyStore
    lifetime: float
    """Seconds an access token is good for."""
    age: timedelta
    """How long a key signs."""
    _signer: Signer | None = field(default=None)

    async def renew(self, now: datetime) -> None:
        """Read the keys, add a due one, drop those that nothing good is signed with."""
        keys = await self.store.all()
        if needs_new_key(keys, now, self.age):
            private_key = new_private_key()
            await self.store.add(
                SigningKey(id=Signer(private_key).kid, private_key=private_key, created_at=now)
            )
            keys = await self.store.all()
        self._signer = Signer(keys[-1].private_key, lifetime=self.lifetime)
        # Replicas take over a new key within minutes; a day is ample for them and their last tokens.
        for key in retired(keys, now, timedelta(days=1, seconds=self.lifetime)):
            await self.store.remove(key)

    def sign(self, user: auth.User, session_id: str) -> str:
        """An access token. Raises Unavailable before the first `renew`."""
        if self._signer is None:
            raise Unavailable("the signing key is not read yet")
        return self._signer.sign(user, session_id)

    async def public(self) -> tuple[dict[str, Any], ...]:
        """All public halves as JWKs, those of other replicas too."""
        return tuple(Signer(key.private_key).public for key in await self.store.all())


@dataclass(frozen=True)
class SessionDesk:
    """Opens, refreshes and ends sessions."""

    people: AccountDesk
    sessions: SessionStore
    keys: KeyRing
    bus: Service
    refresh_lifetime: timedelta
    clock: Callable[[], datetime] = utc_now

    async def login(self, message: auth.Login, _delivery: Delivery) -> auth.Tokens:
        """Raises Unauthorised."""
        account = await self.people.recognise(message.username, message.password, message.address)
        now, token = self.clock(), new_refresh_token()
        session = Session(
            id=str(uuid4()), user_id=account.id, address=message.address, refresh=digest(token),
            created_at=now, refreshed_at=now, expires_at=now + self.refresh_lifetime,
        )  # fmt: skip
        await self.sessions.add(session)
        LOGINS.labels("opened").inc()
        _log.info("signed in", user=account.username, session=session.id, address=message.address)
        return self._tokens(account, session, token)

    async def refresh(self, message: auth.Refresh, _delivery: Delivery) -> auth.Tokens:
        """Raises Unauthorised; a token that was used before also ends its session."""
        now, token = self.clock(), new_refresh_token()
        session = await self._holding(digest(message.refresh_token))
        account = await self.people.accounts.get(session.user_id)
        if not session.good(now) or account is None or not account.active:
            raise Unauthorised("the session has ended; sign in again")
        after = session.rotated(digest(token), now, self.refresh_lifetime)
        if not await self.sessions.replace(session, after):
            await self._reused(session)
        LOGINS.labels("refreshed").inc()
        return self._tokens(account, after, token)

    async def logout(self, message: auth.Logout, _delivery: Delivery) -> auth.SessionEnded:
        """Raises Unauthorised when neither names a session."""
        named = await self.sessions.get(message.session_id) if message.session_id else None
        held = await self._known(digest(message.refresh_token)) if message.refresh_token else None
        ended = [await self._end(session, "logout") for session in (named, held) if session]
        if not ended:
            raise Unauthorised("there is no such session")
        return ended[0]

    async def ended(self, _message: auth.ListEnded, _delivery: Delivery) -> auth.EndedSessions:
        # Twice the lifetime: clocks differ, and a name too many costs nothing.
        since = self.clock() - timedelta(seconds=2 * self.keys.lifetime)
        return auth.EndedSessions(session_ids=tuple(await self.sessions.ended_since(since)))

    async def public_keys(self, _message: auth.GetKeys, _delivery: Delivery) -> auth.Keys:
        return auth.Keys(keys=await self.keys.public())

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
        await self._end(session, "reuse")
        raise Unauthorised("the refresh token was used before; sign in again")

    async def _end(self, session: Session, reason: str) -> auth.SessionEnded:
        await self.sessions.end(session.id, self.clock(), reason)
        now = await self.sessions.get(session.id) or session
        ended = auth.SessionEnded(
            session_id=session.id, user_id=session.user_id,
            reason=now.reason or reason, at=now.ended_at or self.clock(),
        )  # fmt: skip
        # Said again for one that had ended: whoever ended it may not have come this far.
        await self.bus.say(auth.SESSION_ENDED, ended, once=session.id)
        return ended

    def _tokens(self, account: Account, session: Session, refresh: str) -> auth.Tokens:
        user = account.user
        return auth.Tokens(
            access_token=self.keys.sign(user, session.id), refresh_token=refresh,
            expires_in=int(self.keys.lifetime), user=user,
        )  # fmt: skip
