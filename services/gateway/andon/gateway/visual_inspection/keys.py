"""Credentials for machines: made once, shown once, refused from the moment they are revoked."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from andon.contracts import Forbidden, Label, auth
from andon.contracts.auth import KeyKind, Kind, Permission
from andon.gateway.context import Here
from andon.gateway.errors import parsed
from andon.gateway.principal import SignedIn
from andon.security import Principal

routes = APIRouter(prefix="/keys", tags=["keys"])


class KeyBody(BaseModel):
    """A key can do what its scopes say, as long as its maker may do so too."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=10)]
    kind: KeyKind = KeyKind.KEY
    """`key`: one secret, for Bearer or `X-API-Key`. `pair`: access and secret key, for HTTP Basic."""
    expires_at: AwareDatetime | None = None
    rate_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Requests a minute; null is what everybody may. Only who may configure raises it."""


class KeyView(BaseModel):
    """A credential without its secret."""

    id: str
    name: str
    kind: KeyKind
    scopes: list[Permission]
    owner_id: str
    access_key: str | None
    rate_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


class KeysView(BaseModel):
    keys: list[KeyView]


class CreatedKeyView(KeyView):
    """The secret is shown here and nowhere else."""

    key: str | None = None
    secret_key: str | None = None


@routes.post("")
async def create(body: KeyBody, who: SignedIn, here: Here) -> CreatedKeyView:
    """Make a key, or an access key with its secret key, with no more permissions than one has."""
    if body.rate_per_minute is not None and Permission.CONFIGURE not in who.permissions:
        raise Forbidden(
            "rate_per_minute: this needs the permission 'configure', which your role does not have."
        )
    wish = parsed(auth.CreateKey, **body.model_dump(), by=_person(who).actor)
    made = await here.bus.ask(auth.CREATE_KEY, wish)
    pair = made.info.kind is KeyKind.PAIR
    secrets = {"key": None if pair else made.secret, "secret_key": made.secret if pair else None}
    return CreatedKeyView.model_validate({**made.info.model_dump(), **secrets})


@routes.get("")
async def keys(who: SignedIn, here: Here) -> KeysView:
    """One's own keys, newest first; everybody's for admins. Never a secret."""
    found = await here.bus.ask(auth.LIST_KEYS, auth.ListKeys(owner_id=_whose(who)))
    return KeysView(keys=[KeyView(**key.model_dump()) for key in found.keys])


@routes.delete("/{id}")
async def revoke(id: str, who: SignedIn, here: Here) -> KeyView:  # noqa: A002 - its name in the API
    """Refuse a key from now on, at every gateway. One's own; anybody's for admins."""
    wish = auth.RevokeKey(id=id, owner_id=_whose(who), by=who.actor)
    revoked = await here.bus.ask(auth.REVOKE_KEY, wish)
    here.door.key_changed(revoked.id, revoked=True)
    return KeyView(**revoked.model_dump())


def _whose(who: Principal) -> str | None:
    """None, which is everybody's, for admins."""
    return None if Permission.MANAGE_USERS in who.permissions else _person(who).id


def _person(who: Principal) -> Principal:
    if who.kind is not Kind.USER:
        raise Forbidden("Keys are made and seen by people who are signed in.")
    return who
