"""What a signing key is, and how long it signs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from andon.contracts import Message, Time


class SigningKey(Message):
    """A private key that access tokens are signed with."""

    id: str
    """Its `kid`."""
    private_key: str
    """PEM, sealed where the operator set a secret; else who can read this database can sign in as anyone."""
    created_at: Time


def needs_new_key(keys: Sequence[SigningKey], now: datetime, age: timedelta) -> bool:
    """Whether the newest key has signed long enough, or there is none."""
    return not keys or max(key.created_at for key in keys) + age <= now


def retired(keys: Sequence[SigningKey], now: datetime, rest: timedelta) -> list[SigningKey]:
    """Keys that nothing good is signed with: their successor is older than `rest`."""
    ordered = sorted(keys, key=lambda key: key.created_at)
    return [key for key, successor in pairwise(ordered) if successor.created_at + rest <= now]
