"""Keys for machines: shown once, stored hashed, never more than their maker."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import BadRequest, Forbidden, Message, NotFound, Unauthorised, auth, stream_of
from andon.contracts.auth import KeyKind, Kind, Permission
from andon.messaging import Service
from andon.security import credential_in
from andon.storage import Mongo
from andon.testing import eventually

from .auth_people import actor, change, create, delete, sign_in

pytestmark = pytest.mark.usefixtures("running")


def make(gateway: Service, user: auth.User, **changes: object) -> Awaitable[auth.CreatedKey]:
    values: dict[str, object] = {"name": "press 4", "scopes": ["inspect"], "by": actor(user)}
    return gateway.ask(auth.CREATE_KEY, auth.CreateKey.model_validate(values | changes))


def resolve(gateway: Service, text: str) -> Awaitable[auth.ResolvedKey]:
    credential = credential_in(text)
    assert credential is not None
    question = auth.ResolveKey(digest=credential.digest, access_key=credential.access_key)
    return gateway.ask(auth.RESOLVE_KEY, question)


def revoke(gateway: Service, key_id: str, owner_id: str | None = None) -> Awaitable[auth.MachineKey]:
    root = auth.Actor(id="root", name="root")
    return gateway.ask(auth.REVOKE_KEY, auth.RevokeKey(id=key_id, owner_id=owner_id, by=root))


async def changes_said(gateway: Service, count: int) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []

    async def enough() -> bool:
        said: list[Message] = [
            each for _, each, _ in await gateway.replay(stream_of(auth.KEY_CHANGED), 0, 100)
        ]
        found[:] = [(each.key_id, each.revoked) for each in said if isinstance(each, auth.KeyChanged)]
        return len(found) >= count

    await eventually(enough)
    return found


async def test_a_key_is_known_by_its_digest_and_its_secret_is_nowhere(gateway: Service, mongo: Mongo):
    eve = await create(gateway, "eve", roles=["engineer"])
    made = await make(gateway, eve, scopes=["inspect", "configure"], rate_per_minute=600)
    found = await resolve(gateway, made.secret)
    assert found == auth.ResolvedKey(
        id=made.info.id, name="press 4", owner_id=eve.id, rate_per_minute=600,
        permissions=(Permission.INSPECT, Permission.CONFIGURE),
    )  # fmt: skip
    assert made.secret.startswith("andon_")
    assert len(made.secret) == len("andon_") + 43
    database = mongo.database("auth")
    stored = [await database[name].find().to_list() for name in await database.list_collection_names()]
    assert made.secret not in str(stored)
    listed = (await gateway.ask(auth.LIST_KEYS, auth.ListKeys(owner_id=eve.id))).keys
    assert [key.id for key in listed] == [made.info.id]
    assert listed[0].last_used_at is not None


async def test_a_pair_needs_both_of_its_halves(gateway: Service):
    eve = await create(gateway, "eve")
    one, two = [await make(gateway, eve, kind=KeyKind.PAIR) for _ in range(2)]
    assert (await resolve(gateway, f"{one.info.access_key}:{one.secret}")).id == one.info.id
    with pytest.raises(Unauthorised):
        await resolve(gateway, f"{two.info.access_key}:{one.secret}")
    assert credential_in(one.secret) is None


async def test_nobody_gives_away_what_they_do_not_have(gateway: Service):
    eve = await create(gateway, "eve", roles=["operator"])
    with pytest.raises(Forbidden, match="configure"):
        await make(gateway, eve, scopes=["inspect", "configure"])
    machine = auth.Actor(id=eve.id, name="press 4", kind=Kind.KEY)
    with pytest.raises(Forbidden):
        await make(gateway, eve, by=machine)
    with pytest.raises(BadRequest, match="expires_at"):
        await make(gateway, eve, expires_at=datetime.now(UTC) - timedelta(seconds=1))


async def test_a_key_expires(gateway: Service):
    eve = await create(gateway, "eve")
    made = await make(gateway, eve, expires_at=datetime.now(UTC) + timedelta(seconds=1))
    await resolve(gateway, made.secret)

    async def over() -> bool:
        try:
            await resolve(gateway, made.secret)
        except Unauthorised:
            return True
        return False

    await eventually(over)


async def test_a_revoked_key_is_refused_and_everybody_is_told(gateway: Service):
    eve = await create(gateway, "eve")
    made = await make(gateway, eve)
    with pytest.raises(NotFound):
        await revoke(gateway, made.info.id, owner_id="somebody else")
    first = await revoke(gateway, made.info.id, owner_id=eve.id)
    with pytest.raises(Unauthorised):
        await resolve(gateway, made.secret)
    assert await changes_said(gateway, 1) == [(made.info.id, True)]
    assert (await revoke(gateway, made.info.id)).revoked_at == first.revoked_at


async def test_keys_follow_what_becomes_of_their_maker(gateway: Service):
    eve = await create(gateway, "eve", roles=["engineer"])
    made = await make(gateway, eve, scopes=["inspect", "configure"])
    await change(gateway, eve, roles=["operator"])
    assert await changes_said(gateway, 1) == [(made.info.id, False)]
    assert (await resolve(gateway, made.secret)).permissions == (Permission.INSPECT,)
    await change(gateway, eve, active=False)
    with pytest.raises(Unauthorised):
        await resolve(gateway, made.secret)
    await delete(gateway, eve)
    assert (await changes_said(gateway, 3))[-1] == (made.info.id, True)
    listed = await gateway.ask(auth.LIST_KEYS, auth.ListKeys())
    assert [key.revoked_at is not None for key in listed.keys] == [True]


async def test_a_user_has_a_hundred_good_keys_at_most(gateway: Service, mongo: Mongo):
    admin = (await sign_in(gateway)).user
    made = await make(gateway, admin)
    keys = mongo.database("auth")["machine_keys"]
    one = await keys.find_one({"_id": made.info.id})
    assert one is not None
    await keys.insert_many([{**one, "_id": str(n), "digest": str(n)} for n in range(99)])
    with pytest.raises(BadRequest, match="100"):
        await make(gateway, admin)
    await revoke(gateway, made.info.id)
    await make(gateway, admin)
