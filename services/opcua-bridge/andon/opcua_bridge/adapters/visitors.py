"""Who is at the other end of a session, and what they may do."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from asyncua.crypto.permission_rules import User, UserRole

from andon.contracts.auth import Actor, Permission
from andon.contracts.opcua import SignedInBy


@dataclass
class Visitor(User):
    """A user of Andon, or nobody in particular, on a session."""

    role: UserRole = UserRole.User
    name: str | None = None
    user_id: str = ""
    permissions: frozenset[Permission] = frozenset()
    by: SignedInBy = SignedInBy.ANONYMOUS

    @property
    def actor(self) -> Actor:
        """As messages name them."""
        return Actor(id=self.user_id, name=self.name or "anonymous")


@dataclass(frozen=True)
class Caller:
    """Who calls a method, and from where."""

    visitor: Visitor
    address: str
    session_id: str


@dataclass(frozen=True)
class Client:
    """What is known of a client application since it made its session."""

    application: str
    address: str
    policy: str
    certificate: bytes
    """DER; empty without encryption."""
    since: datetime


async def _nobody(_first: str, _second: str, _address: str) -> Visitor | None:
    return None


@dataclass
class Door:
    """Who says whom to let in. Both raise Unavailable."""

    by_password: Callable[[str, str, str], Awaitable[Visitor | None]] = field(default=_nobody)
    """Asked with name, password and address."""
    by_certificate: Callable[[str, str, str], Awaitable[Visitor | None]] = field(default=_nobody)
    """Asked with a user's id, the certificate's fingerprint and the address."""


signed_in: ContextVar[Visitor | None] = ContextVar("signed_in", default=None)
"""Who the request in hand signs in as, once that was found right."""
caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""Whose request is being answered."""
