"""What a session is, and when it is good."""

import hashlib
import secrets
from datetime import datetime, timedelta

from andon.contracts import Message, Time

_SPENT_KEPT = 400
"""Used refresh tokens that are recognised: a week of refreshing every half hour, and some."""


class Session(Message):
    """One sign-in, and the refresh tokens that came out of it."""

    id: str
    user_id: str
    generation: int = 0
    """The account's when the session was opened."""
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


def new_refresh_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a refresh token."""
    return hashlib.sha256(token.encode()).hexdigest()
