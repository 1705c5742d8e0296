"""Signing in and out, and the tokens of it."""

from typing import Any

from andon.contracts._message import Message, Time
from andon.contracts._subject import Event, Query
from andon.contracts.auth.people import User


class Login(Message):
    username: str
    """Name or e-mail."""
    password: str
    address: str = ""
    """Where the request came from."""


class Tokens(Message):
    """What a client gets when it signs in or refreshes."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds the access token is good for."""
    user: User


class Refresh(Message):
    refresh_token: str


class Logout(Message):
    """Ends the session that either token belongs to."""

    session_id: str | None = None
    refresh_token: str | None = None


class SessionEnded(Message):
    session_id: str
    user_id: str
    reason: str
    """logout, reuse (a refresh token was used twice), expired, user_changed."""
    at: Time


class GetKeys(Message):
    pass


class Keys(Message):
    """The public keys that access tokens are signed with, as a JWKS."""

    keys: tuple[dict[str, Any], ...]


class ListEnded(Message):
    """Sessions ended lately, so that a restarted verifier refuses them too."""


class EndedSessions(Message):
    session_ids: tuple[str, ...]


class ListSessions(Message):
    user_id: str | None = None
    """Only this user's; None: everybody's."""


class OpenSession(Message):
    """A sign-in that may still be refreshed."""

    id: str
    user_id: str
    username: str
    address: str
    """Where it was opened from."""
    created_at: Time
    refreshed_at: Time
    """When its tokens were renewed last."""
    expires_at: Time


class OpenSessions(Message):
    """The one refreshed last comes first; a thousand at most."""

    sessions: tuple[OpenSession, ...]


LOGIN = Query(
    "auth.session.login.v1",
    Login,
    "Open a session with name and password.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Tokens,
)

REFRESH = Query(
    "auth.session.refresh.v1",
    Refresh,
    "Trade a refresh token for new tokens.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Tokens,
)

LOGOUT = Query(
    "auth.session.logout.v1",
    Logout,
    "End a session everywhere.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=SessionEnded,
)

SESSION_ENDED = Event(
    "auth.session.ended.v1",
    SessionEnded,
    "Tokens of this session are no longer good.",
    said_by=("auth",),
    heard_by=("gateway",),
)

ENDED = Query(
    "auth.session.ended-list.v1",
    ListEnded,
    "Sessions whose access tokens would still verify.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=EndedSessions,
)

KEYS = Query(
    "auth.keys.get.v1",
    GetKeys,
    "Public keys for local verification.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Keys,
)

OPEN_SESSIONS = Query(
    "auth.session.list.v1",
    ListSessions,
    "Who is signed in, and from where.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=OpenSessions,
)
