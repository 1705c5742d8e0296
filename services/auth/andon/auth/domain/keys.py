"""What a machine's key is, and what it may do now."""

from datetime import datetime, timedelta

from andon.auth.domain.accounts import Account
from andon.contracts import Unauthorised
from andon.contracts.auth import MachineKey, ResolvedKey, ResolveKey
from andon.security import permissions_of

MOST_KEYS = 100
"""Good keys that one user may have."""
_NOTED = timedelta(minutes=1)


class StoredKey(MachineKey):
    """A key with what only auth knows."""

    digest: str
    """SHA-256 of its secret."""

    @property
    def info(self) -> MachineKey:
        """What its owner may see."""
        return MachineKey.model_validate(self.model_dump(include=set(MachineKey.model_fields)))

    def good(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def use_is_news(self, now: datetime) -> bool:
        """Whether its last use was noted long enough ago to note this one."""
        return self.last_used_at is None or self.last_used_at + _NOTED <= now


def resolved(
    key: StoredKey | None, question: ResolveKey, owner: Account | None, now: datetime
) -> ResolvedKey:
    """What the key may do now: its scopes as far as its owner has them. Raises Unauthorised."""
    if key is None or key.access_key != question.access_key:
        raise Unauthorised("the key is not good")
    if not key.good(now):
        raise Unauthorised("the key was revoked" if key.revoked_at else "the key has expired")
    if owner is None or not owner.active:
        raise Unauthorised("the user whose key it is may not sign in")
    allowed = permissions_of(owner.roles)
    return ResolvedKey(
        id=key.id, name=key.name, owner_id=key.owner_id, rate_per_minute=key.rate_per_minute,
        expires_at=key.expires_at, permissions=tuple(each for each in key.scopes if each in allowed),
    )  # fmt: skip
