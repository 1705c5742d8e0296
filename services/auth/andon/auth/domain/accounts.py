"""What an account is, and how it may change."""

import unicodedata
from datetime import datetime
from typing import Any

from andon.contracts import BadRequest
from andon.contracts.auth import Actor, ChangeUser, Kind, Role, User

ADMIN = "admin"
DEMO_PASSWORD = "admin"  # noqa: S105 - well known: good on loopback only, see AuthSettings
LEAST_PASSWORD = 6
"""Characters that a password has at least, whatever an operator sets."""


class Account(User):
    """A user with what only auth knows."""

    names: tuple[str, ...]
    """What they may sign in with, normalised; no two accounts share one."""
    password: str
    """Argon2 hash."""
    demo: bool = False
    """The password is the demo's; it is replaced at the first start that is no demo."""
    revision: int = 0
    """Raised by every change, so that two at once don't undo each other."""
    generation: int = 0
    """Raised by a change that ends the sessions opened before it."""
    unsettled: bool = False
    """Older sessions are still to be ended, and verifiers to be told about the keys."""

    @property
    def user(self) -> User:
        """What others may know."""
        return User.model_validate(self.model_dump(include=set(User.model_fields)))

    @property
    def actor(self) -> Actor:
        return Actor(id=self.id, name=self.username, kind=Kind.USER)

    @property
    def rules(self) -> bool:
        """Whether they can let others in again: an active admin."""
        return self.active and Role.ADMIN in self.roles


def account(  # noqa: PLR0913 - the fields of an account
    *, identity: str, username: str, password: str, roles: tuple[Role, ...], now: datetime,
    email: str | None = None, active: bool = True, demo: bool = False,
) -> Account:  # fmt: skip
    """A new account; `password` is the hash."""
    return Account(
        id=identity, username=username, email=email, roles=_ordered(roles), created_at=now, active=active,
        names=names_of(username, email), password=password, demo=demo,
    )  # fmt: skip


def changed(before: Account, wish: ChangeUser, password: str | None) -> Account:
    """The account as wished, the same when nothing changes; `password` is the hash of a new one."""
    email = None if wish.clear_email else wish.email or before.email
    username = wish.username or before.username
    wanted: dict[str, Any] = {
        "username": username,
        "email": email,
        "names": names_of(username, email),
        "roles": _ordered(wish.roles) if wish.roles else before.roles,
        "active": before.active if wish.active is None else wish.active,
        "password": password or before.password,
        "demo": before.demo and password is None,
    }
    after = before.model_copy(update=wanted)
    return before if after == before else after.model_copy(update={"revision": before.revision + 1})


def ends_sessions(before: Account, after: Account) -> bool:
    """Whether what was signed in before must sign in again."""
    return (before.roles, before.password) != (after.roles, after.password) or (
        before.active and not after.active
    )


def differences(before: Account, after: Account) -> dict[str, str]:
    """What changed, in words that may be read by others: a password only that it did."""
    found = {
        name: f"{_word(getattr(before, name))} -> {_word(getattr(after, name))}"
        for name in ("username", "email", "roles", "active")
        if getattr(before, name) != getattr(after, name)
    }
    return {**found, "password": "changed"} if before.password != after.password else found


def fit_password(password: str, least: int, *names: str | None) -> None:
    """Raises BadRequest for one that is too short, or that is the user's own name or e-mail."""
    if len(password) < max(least, LEAST_PASSWORD):
        why = f"it has at least {max(least, LEAST_PASSWORD)} characters"
        raise BadRequest(f"password: {why}", {"password": why})
    if normal(password) in {normal(name) for name in names if name}:
        raise BadRequest("password: it is the user's own name", {"password": "it is the user's own name"})


def names_of(username: str, email: str | None) -> tuple[str, ...]:
    """What somebody may sign in with."""
    return tuple(dict.fromkeys(normal(name) for name in (username, email) if name))


def normal(name: str) -> str:
    """A user name or e-mail in the one form that counts."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _ordered(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    return tuple(role for role in Role if role in roles)


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value))  # type: ignore[reportUnknownArgumentType]
    return "none" if value is None else str(value)
