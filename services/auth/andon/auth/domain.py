"""What an account, a session and a signing key are, and the rules they follow."""

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from andon.contracts import Message, Time
from andon.contracts.auth import Role, User

ADMIN = "admin"
DEMO_PASSWORD = "admin"  # noqa: S105 - well known: good on loopback only, see AuthSettings
_SPENT_KEPT = 400
"""Used refresh tokens that are recognised: a week of refreshing every half hour, and some."""


class Account(User):
    """A user with what only auth knows."""

    names: tuple[str, ...]
    """What they may sign in with, normalised; no two accounts share one."""
    password: str
    """Argon2 hash."""
    demo: bool = False
    """The password is the demo's; it is replaced at the first start that is no demo."""

    @property
    def user(self) -> User:
        """What others may know."""
        return User.model_validate(self.model_dump(include=set(User.model_fields)))


class Session(Message):
    """One sign-in, and the refresh tokens that came out of it."""

    id: str
    user_id: str
    address: str = ""
    refresh: str
    """Digest of the one refresh token that is good."""
    spent: tuple[str, ...] = ()
    """Digests of those that were used; meeting one again means that two hold it."""
    created_at: Time
    refreshed_at: Time
    expires_at: Time
    ended_at: Time | None = None
    reason: str = ""
    """Why it ended."""

    def good(self, now: datetime) -> bool:
        """Whether it may be refreshed."""
        return self.ended_at is None and now < self.expires_at

    def rotated(self, refresh: str, now: datetime, lifetime: timedelta) -> "Session":
        """The session after its refresh token was traded for another."""
        return self.model_copy(
            update={
                "refresh": refresh,
                "spent": (*self.spent, self.refresh)[-_SPENT_KEPT:],
                "refreshed_at": now,
                "expires_at": now + lifetime,
            }
        )


class SigningKey(Message):
    """A private key that access tokens are signed with."""

    id: str
    """Its `kid`."""
    private_key: str
    """PEM, not encrypted: who can read this database can sign in as anyone."""
    created_at: Time


def account(  # noqa: PLR0913 - the fields of an account
    *, identity: str, username: str, password: str, role: Role, now: datetime,
    email: str | None = None, demo: bool = False,
) -> Account:  # fmt: skip
    """A new account; `password` is the hash."""
    names = tuple(dict.fromkeys(normal(name) for name in (username, email) if name))
    return Account(
        id=identity, username=username, email=email, roles=(role,), created_at=now,
        names=names, password=password, demo=demo,
    )  # fmt: skip


def normal(name: str) -> str:
    """A user name or e-mail in the one form that counts."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def new_refresh_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a refresh token."""
    return hashlib.sha256(token.encode()).hexdigest()


def needs_new_key(keys: Sequence[SigningKey], now: datetime, age: timedelta) -> bool:
    """Whether the newest key has signed long enough, or there is none."""
    return not keys or max(key.created_at for key in keys) + age <= now


def retired(keys: Sequence[SigningKey], now: datetime, rest: timedelta) -> list[SigningKey]:
    """Keys that nothing good is signed with: their successor is older than `rest`."""
    ordered = sorted(keys, key=lambda key: key.created_at)
    return [key for key, successor in pairwise(ordered) if successor.created_at + rest <= now]
