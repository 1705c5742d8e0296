"""Credentials for machines."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Time
from andon.contracts._subject import Event, Query
from andon.contracts.auth.people import Actor, Permission


class KeyKind(StrEnum):
    KEY = "key"
    """One secret, sent as `Authorization: Bearer` or `X-API-Key`."""
    PAIR = "pair"
    """An access key and a secret key, sent by HTTP Basic."""


class CreateKey(Message):
    name: Label
    kind: KeyKind = KeyKind.KEY
    scopes: Annotated[tuple[Permission, ...], Field(min_length=1)]
    expires_at: Time | None = None
    rate_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    by: Actor
    """A user; the key can never do more than they."""


class MachineKey(Message):
    """A machine's credential, without its secret."""

    id: str
    name: str
    kind: KeyKind
    scopes: tuple[Permission, ...]
    owner_id: str
    access_key: str | None = None
    """The public half of a pair."""
    rate_per_minute: int | None = None
    """Requests a minute; None is what everybody may."""
    created_at: Time
    expires_at: Time | None = None
    last_used_at: Time | None = None
    """To the minute."""
    revoked_at: Time | None = None


class CreatedKey(Message):
    info: MachineKey
    secret: str
    """The key, or a pair's secret key; it can't be shown again."""


class ListKeys(Message):
    owner_id: str | None = None
    """None lists everybody's."""


class MachineKeys(Message):
    keys: tuple[MachineKey, ...]
    """Newest first."""


class RevokeKey(Message):
    id: str
    owner_id: str | None = None
    """Only if it is this user's; None is anybody's."""
    by: Actor


class ResolveKey(Message):
    """Which key a secret belongs to, told by its digest: the secret itself stays where it came in."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the secret, in hex."""
    access_key: str | None = None
    """Of a pair."""


class ResolvedKey(Message):
    id: str
    name: str
    owner_id: str
    permissions: tuple[Permission, ...]
    """Its scopes, as far as its owner has them now."""
    rate_per_minute: int | None = None
    expires_at: Time | None = None


class KeyChanged(Message):
    """What is remembered of a key is out of date."""

    key_id: str
    revoked: bool
    at: Time


CREATE_KEY = Query(
    "auth.key.create.v1",
    CreateKey,
    "Make a credential for a machine; its secret is in this answer alone.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=CreatedKey,
)

LIST_KEYS = Query(
    "auth.key.list.v1",
    ListKeys,
    "Read machines' credentials, never their secrets.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=MachineKeys,
)

REVOKE_KEY = Query(
    "auth.key.revoke.v1",
    RevokeKey,
    "Refuse a machine's credential from now on.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=MachineKey,
)

RESOLVE_KEY = Query(
    "auth.key.resolve.v1",
    ResolveKey,
    "What the machine with this credential may do.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=ResolvedKey,
)

KEY_CHANGED = Event(
    "auth.key.changed.v1",
    KeyChanged,
    "A machine's credential was revoked, or may do something else than before.",
    said_by=("auth",),
    heard_by=("gateway",),
)
