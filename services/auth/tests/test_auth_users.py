"""Users come, change and go, and what they had open goes with it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from andon.auth.app import SERVICE, AccountSettings, AuthSettings
from andon.contracts import BadRequest, NotFound, Unauthorised, auth
from andon.contracts.auth import Role
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Mongo
from andon.testing import eventually

from .auth_people import actor, change, create, delete, refresh, session_of, sign_in


async def field_refused(wish: Awaitable[Any]) -> str:
    with pytest.raises(BadRequest) as refused:
        await wish
    assert refused.value.problem.status == 400
    (field,) = refused.value.problem.fields
    return field


async def ended(gateway: Service) -> tuple[str, ...]:
    return (await gateway.ask(auth.ENDED, auth.ListEnded())).session_ids


@pytest.mark.usefixtures("running")
async def test_somebody_new_signs_in_by_name_and_e_mail(gateway: Service):
    olga = await create(gateway, "Olga", email="olga@line.example")
    assert (olga.roles, olga.active) == ((Role.OPERATOR,), True)
    for name in ("olga", "OLGA@line.example"):
        assert (await sign_in(gateway, name, "Olga has one")).user == olga
    listed = await gateway.ask(auth.LIST_USERS, auth.ListUsers())
    assert [user.username for user in listed.users] == ["Olga", "admin"]


@pytest.mark.usefixtures("running")
async def test_a_name_or_e_mail_that_somebody_has_is_refused_by_its_field(gateway: Service):
    olga = await create(gateway, "olga", email="olga@line.example")
    assert await field_refused(create(gateway, "OLGA ")) == "username"
    assert await field_refused(create(gateway, "olga@line.example")) == "username"
    assert await field_refused(create(gateway, "pia", email="Olga@Line.example")) == "email"
    pia = await create(gateway, "pia")
    assert await field_refused(change(gateway, pia, username="olga")) == "username"
    assert await field_refused(change(gateway, pia, email="olga@line.example")) == "email"
    assert await change(gateway, olga, username="Olga", email="olga@line.example") != olga
    await change(gateway, olga, clear_email=True)
    await change(gateway, pia, email="olga@line.example")


@pytest.mark.usefixtures("running")
async def test_a_poor_password_is_refused(gateway: Service):
    assert await field_refused(create(gateway, "olga", password="five5")) == "password"
    olga = await create(gateway, "olga", password="sixsix")
    assert await field_refused(change(gateway, olga, password="olga")) == "password"


async def test_an_operator_of_andon_may_ask_for_longer_passwords(gateway: Service, settings: AuthSettings):
    strict = settings.model_copy(update={"accounts": AccountSettings(least_password=12)})
    async with serving(SERVICE, strict):
        assert await field_refused(create(gateway, "olga", password="elevenchars")) == "password"
        await create(gateway, "olga", password="twelve-chars")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    "changes",
    [{"roles": ["engineer"]}, {"password": "quite another"}, {"active": False}],
    ids=lambda changes: next(iter(changes)),
)
async def test_a_change_of_what_one_is_ends_what_one_had_open(gateway: Service, changes: dict[str, Any]):
    olga, other = await create(gateway, "olga"), await sign_in(gateway)
    tokens = [await sign_in(gateway, "olga", "olga has one") for _ in range(2)]
    await change(gateway, olga, **changes)
    assert set(await ended(gateway)) == {await session_of(gateway, each) for each in tokens}
    for each in tokens:
        with pytest.raises(Unauthorised):
            await refresh(gateway, each.refresh_token)
    await refresh(gateway, other.refresh_token)


@pytest.mark.usefixtures("running")
async def test_another_name_or_e_mail_ends_nothing(gateway: Service):
    olga = await create(gateway, "olga")
    tokens = await sign_in(gateway, "olga", "olga has one")
    await change(gateway, olga, username="pia", email="pia@line.example")
    assert (await refresh(gateway, tokens.refresh_token)).user.username == "pia"


@pytest.mark.usefixtures("running")
async def test_who_is_deleted_is_gone_with_their_sessions(gateway: Service):
    olga = await create(gateway, "olga")
    tokens = await sign_in(gateway, "olga", "olga has one")
    assert (await delete(gateway, olga)).id == olga.id
    assert await ended(gateway) == (await session_of(gateway, tokens),)
    with pytest.raises(Unauthorised):
        await sign_in(gateway, "olga", "olga has one")
    with pytest.raises(NotFound):
        await delete(gateway, olga)
    with pytest.raises(NotFound):
        await change(gateway, olga, active=True)
    await create(gateway, "olga")


@pytest.mark.usefixtures("running")
async def test_the_last_active_admin_stays_one(gateway: Service):
    admin = (await sign_in(gateway)).user
    idle = await create(gateway, "idle", roles=["admin"], active=False)
    wishes: tuple[dict[str, Any], ...] = ({"roles": ["engineer"]}, {"active": False})
    for wish in wishes:
        assert await field_refused(change(gateway, admin, **wish)) == "roles"
    assert await field_refused(delete(gateway, admin)) == "roles"
    assert await field_refused(delete(gateway, admin, by=actor(admin))) == "id"
    await sign_in(gateway)
    assert await ended(gateway) == ()
    await change(gateway, idle, active=True)
    await change(gateway, admin, roles=["operator"])
    assert await field_refused(change(gateway, idle, active=False)) == "roles"


async def test_two_admins_who_end_each_other_at_once_leave_one(gateway: Service, settings: AuthSettings):
    async with serving(SERVICE, settings), serving(SERVICE, settings):
        admin = (await sign_in(gateway)).user
        for round_ in range(5):
            other = await create(gateway, f"other-{round_}", roles=["admin"])
            await asyncio.gather(
                change(gateway, admin, active=False),
                change(gateway, other, roles=["operator"]),
                return_exceptions=True,
            )
            users = (await gateway.ask(auth.LIST_USERS, auth.ListUsers())).users
            ruling = [user for user in users if user.active and Role.ADMIN in user.roles]
            assert ruling
            await change(gateway, ruling[0], password="still here")
            await change(gateway, admin, active=True, roles=["admin"])
            await delete(gateway, other)


@pytest.mark.usefixtures("running")
async def test_one_s_own_password_needs_the_current_one(gateway: Service):
    olga = await create(gateway, "olga")
    tokens = await sign_in(gateway, "olga", "olga has one")

    def wish(current: str, new: str) -> Awaitable[auth.User]:
        question = auth.ChangePassword(id=olga.id, current=current, new=new, address="10.0.0.7")
        return gateway.ask(auth.CHANGE_PASSWORD, question)

    assert await field_refused(wish("wrong", "another one")) == "current_password"
    assert await field_refused(wish("olga has one", "short")) == "password"
    await wish("olga has one", "another one")
    assert await ended(gateway) == (await session_of(gateway, tokens),)
    with pytest.raises(Unauthorised):
        await sign_in(gateway, "olga", "olga has one")
    await sign_in(gateway, "olga", "another one")


async def test_what_a_crash_left_half_done_is_carried_out_at_the_next_start(
    gateway: Service, settings: AuthSettings, mongo: Mongo
):
    async with serving(SERVICE, settings):
        olga = await create(gateway, "olga")
        tokens = await sign_in(gateway, "olga", "olga has one")
    # As a change stands in the database before its sessions are ended.
    half = {"roles": ["engineer"], "revision": 1, "generation": 1, "unsettled": True}
    await mongo.database("auth")["users"].update_one({"_id": olga.id}, {"$set": half})
    async with serving(SERVICE, settings):

        async def told() -> bool:
            return await ended(gateway) == (await session_of(gateway, tokens),)

        await eventually(told)
        with pytest.raises(Unauthorised):
            await refresh(gateway, tokens.refresh_token)
