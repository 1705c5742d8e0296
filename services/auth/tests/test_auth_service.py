"""Signing in, staying signed in and being signed out, over a real bus and database."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from pydantic import ValidationError

from andon.auth.app import SERVICE, AuthSettings, SessionSettings
from andon.auth.domain.accounts import account
from andon.auth.domain.signing import SigningKey
from andon.auth.store.accounts import AccountStore
from andon.auth.store.sessions import SessionStore
from andon.auth.store.signing import SigningKeyStore
from andon.contracts import Message, NotFound, Unauthorised, auth, stream_of
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import PasswordCost, hash_password, new_private_key
from andon.storage import Mongo
from andon.testing import eventually

from .auth_people import CHEAP, refresh, sign_in, verifier_of

WEEK = 7 * 86400


async def ended_in(gateway: Service) -> tuple[str, ...]:
    return (await gateway.ask(auth.ENDED, auth.ListEnded())).session_ids


async def said(gateway: Service, count: int) -> list[auth.SessionEnded]:
    """The first ends of sessions that were said."""
    messages: list[Message] = []

    async def enough() -> bool:
        found = await gateway.replay(stream_of(auth.SESSION_ENDED), 0, 100)
        messages[:] = [message for _, message, _ in found]
        return len(messages) >= count

    await eventually(enough)
    return [message for message in messages if isinstance(message, auth.SessionEnded)]


@pytest.mark.usefixtures("running")
async def test_a_sign_in_opens_a_session_whose_token_anyone_can_verify(gateway: Service):
    tokens = await sign_in(gateway)
    principal = (await verifier_of(gateway)).verify(tokens.access_token)
    assert (principal.username, principal.roles) == ("admin", (auth.Role.ADMIN,))
    assert principal.id == tokens.user.id
    assert "manage_users" in principal.permissions
    assert tokens.expires_in == 1800
    assert len(tokens.refresh_token) >= 43
    assert set(tokens.user.model_dump()) == {"id", "username", "email", "roles", "active", "created_at"}
    assert await gateway.ask(auth.USER, auth.GetUser(id=principal.id)) == tokens.user
    with pytest.raises(NotFound):
        await gateway.ask(auth.USER, auth.GetUser(id="nobody"))


@pytest.mark.usefixtures("running")
async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(gateway: Service):
    messages: set[str] = set()
    wrong = (("admin", "wrong"), ("admin", ""), ("nobody", "admin"), ("", ""), ("admin", "Admin"))
    for name, password in wrong:
        with pytest.raises(Unauthorised) as refused:
            await sign_in(gateway, name, password)
        messages.add(refused.value.problem.message)
    assert len(messages) == 1


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(gateway: Service, settings: AuthSettings):
    dear = settings.model_copy(update={"passwords": PasswordCost(passes=4, memory_kib=8192)})

    async def seconds(name: str) -> float:
        begin = time.perf_counter()
        with pytest.raises(Unauthorised):
            await sign_in(gateway, name, "wrong")
        return time.perf_counter() - begin

    async with serving(SERVICE, dear):
        pairs = [(await seconds("admin"), await seconds("nobody")) for _ in range(5)]
    known, unknown = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    assert 0.5 < known / unknown < 2


@pytest.mark.usefixtures("running")
async def test_active_people_sign_in_by_name_or_e_mail_however_written(gateway: Service, mongo: Mongo):
    accounts = AccountStore(mongo.database("auth"))
    olga = account(
        identity="o", username="Olga", email="olga@line.example", password=hash_password("pw", CHEAP),
        roles=(auth.Role.OPERATOR,), now=datetime.now(UTC),
    )  # fmt: skip
    await accounts.add(olga)
    await accounts.add(olga.model_copy(update={"id": "p", "names": ("pia",), "active": False}))
    for name in ("Olga", "olga ", "OLGA@line.example"):
        assert (await sign_in(gateway, name, "pw")).user.id == "o"
    question = auth.VerifyPassword(username="olga", password="pw")
    assert (await gateway.ask(auth.VERIFY_PASSWORD, question)).roles == (auth.Role.OPERATOR,)
    with pytest.raises(Unauthorised):
        await gateway.ask(auth.VERIFY_PASSWORD, question.model_copy(update={"password": "no"}))
    with pytest.raises(Unauthorised):
        await sign_in(gateway, "pia", "pw")


@pytest.mark.usefixtures("running")
async def test_a_refresh_gives_new_tokens_of_the_same_session(gateway: Service):
    first = await sign_in(gateway)
    second = await refresh(gateway, first.refresh_token)
    third = await refresh(gateway, second.refresh_token)
    verifier = await verifier_of(gateway)
    sessions = {verifier.verify(tokens.access_token).session_id for tokens in (first, second, third)}
    assert len(sessions) == 1
    assert len({tokens.refresh_token for tokens in (first, second, third)}) == 3
    with pytest.raises(Unauthorised):
        await refresh(gateway, "never given out")
    assert await ended_in(gateway) == ()


@pytest.mark.usefixtures("running")
async def test_a_refresh_token_used_twice_ends_its_session_and_no_other(gateway: Service):
    first, other = await sign_in(gateway), await sign_in(gateway)
    second = await refresh(gateway, first.refresh_token)
    third = await refresh(gateway, second.refresh_token)
    with pytest.raises(Unauthorised):
        await refresh(gateway, first.refresh_token)
    with pytest.raises(Unauthorised):
        await refresh(gateway, third.refresh_token)
    robbed = (await verifier_of(gateway)).verify(first.access_token).session_id
    (ended,) = await said(gateway, 1)
    assert (ended.session_id, ended.reason) == (robbed, "reuse")
    assert await ended_in(gateway) == (robbed,)
    await refresh(gateway, other.refresh_token)


@pytest.mark.usefixtures("running")
async def test_of_two_refreshes_at_once_at_most_one_succeeds_and_the_session_ends(gateway: Service):
    tokens = await sign_in(gateway)
    results = await asyncio.gather(
        *(refresh(gateway, tokens.refresh_token) for _ in range(5)), return_exceptions=True
    )
    got = [result for result in results if isinstance(result, auth.Tokens)]
    assert len(got) <= 1
    assert all(isinstance(result, (auth.Tokens, Unauthorised)) for result in results)
    for winner in got:
        with pytest.raises(Unauthorised):
            await refresh(gateway, winner.refresh_token)
    assert len(await ended_in(gateway)) == 1


@pytest.mark.usefixtures("running")
async def test_a_sign_out_ends_the_session_by_either_name_and_may_be_repeated(gateway: Service):
    one, two = await sign_in(gateway), await sign_in(gateway)
    verifier = await verifier_of(gateway)
    first = verifier.verify(one.access_token).session_id
    second = verifier.verify(two.access_token).session_id
    ended = await gateway.ask(auth.LOGOUT, auth.Logout(session_id=first))
    assert (ended.session_id, ended.reason) == (first, "logout")
    assert await gateway.ask(auth.LOGOUT, auth.Logout(session_id=first)) == ended
    assert (await gateway.ask(auth.LOGOUT, auth.Logout(refresh_token=two.refresh_token))).session_id == second
    for tokens in (one, two):
        with pytest.raises(Unauthorised):
            await refresh(gateway, tokens.refresh_token)
    assert [each.session_id for each in await said(gateway, 2)] == [first, second]
    assert set(await ended_in(gateway)) == {first, second}
    with pytest.raises(Unauthorised):
        await gateway.ask(auth.LOGOUT, auth.Logout(session_id="none", refresh_token="none"))


async def test_a_session_that_was_not_refreshed_in_time_is_over(gateway: Service, settings: AuthSettings):
    short = settings.model_copy(update={"sessions": SessionSettings(access_seconds=1, refresh_seconds=1)})
    async with serving(SERVICE, short):
        tokens = await sign_in(gateway)
        over = time.monotonic() + 1

        async def expired() -> bool:
            return time.monotonic() > over

        await eventually(expired)
        with pytest.raises(Unauthorised):
            await refresh(gateway, tokens.refresh_token)


async def test_a_restart_keeps_people_sessions_and_keys(gateway: Service, settings: AuthSettings):
    async with serving(SERVICE, settings):
        tokens, ended = await sign_in(gateway), await sign_in(gateway)
        await gateway.ask(auth.LOGOUT, auth.Logout(refresh_token=ended.refresh_token))
        verifier = await verifier_of(gateway)
        before = await ended_in(gateway)
    async with serving(SERVICE, settings):
        after = await refresh(gateway, tokens.refresh_token)
        assert verifier.verify(after.access_token) == verifier.verify(tokens.access_token)
        assert await ended_in(gateway) == before
        await sign_in(gateway)


async def test_a_key_that_served_its_time_is_followed_by_another(
    gateway: Service, settings: AuthSettings, mongo: Mongo
):
    keys = SigningKeyStore(mongo.database("auth"))
    now = datetime.now(UTC)
    for days in (200, 91):
        created = now - timedelta(days=days)
        await keys.add(SigningKey(id=str(days), private_key=new_private_key(), created_at=created))
    async with serving(SERVICE, settings):
        tokens = await sign_in(gateway)
        (await verifier_of(gateway)).verify(tokens.access_token)
    left = [key.id for key in await keys.all()]
    assert len(left) == 2
    assert left[0] == "91"


@asynccontextmanager
async def replicas(settings: AuthSettings, count: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(serving(SERVICE, settings)) for _ in range(count)))
        yield


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return re.findall(r"with the password '([^']+)'", capsys.readouterr().out)


async def test_the_first_start_tells_the_admins_password_once(
    gateway: Service, settings: AuthSettings, mongo: Mongo, capsys: pytest.CaptureFixture[str]
):
    real = settings.model_copy(update={"demo": False})
    async with replicas(real, 3):
        (password,) = told(capsys)
        assert len(password) >= 20
        assert (await sign_in(gateway, "admin", password)).user.roles == (auth.Role.ADMIN,)
        with pytest.raises(Unauthorised):
            await sign_in(gateway, "admin", "admin")
        assert await mongo.database("auth")["users"].count_documents({}) == 1
    async with serving(SERVICE, real):
        assert told(capsys) == []
        await sign_in(gateway, "admin", password)


async def test_the_demos_password_does_not_outlive_the_demo(
    gateway: Service, settings: AuthSettings, capsys: pytest.CaptureFixture[str]
):
    async with serving(SERVICE, settings):
        await sign_in(gateway, "admin", "admin")
        assert told(capsys) == []
    async with serving(SERVICE, settings.model_copy(update={"demo": False})):
        (password,) = told(capsys)
        with pytest.raises(Unauthorised):
            await sign_in(gateway, "admin", "admin")
        await sign_in(gateway, "admin", password)


@pytest.mark.parametrize("reachable", [{"public_host": "10.0.0.7"}, {"http": HttpSettings(host="0.0.0.0")}])
def test_the_demo_is_refused_off_loopback(reachable: dict[str, object]):
    with pytest.raises(ValidationError, match="loopback only"):
        AuthSettings.model_validate({"demo": True, **reachable})
    AuthSettings.model_validate({"demo": False, **reachable})
    AuthSettings.model_validate({"demo": True, "public_host": "localhost"})


async def test_a_good_sign_in_renews_a_hash_of_another_cost(
    gateway: Service, settings: AuthSettings, mongo: Mongo
):
    accounts = AccountStore(mongo.database("auth"))
    async with serving(SERVICE, settings):
        await sign_in(gateway)
    dearer = settings.model_copy(update={"passwords": PasswordCost(passes=2, memory_kib=16)})
    async with serving(SERVICE, dearer):
        await sign_in(gateway)
        found = await accounts.named("admin")
        assert found is not None
        assert "m=16,t=2" in found.password
        await sign_in(gateway)


@pytest.mark.usefixtures("running")
async def test_no_token_and_no_password_is_kept_readable(gateway: Service, mongo: Mongo):
    tokens = await sign_in(gateway)
    second = await refresh(gateway, tokens.refresh_token)
    database = mongo.database("auth")
    kept = str([await database[name].find().to_list() for name in ("users", "sessions", "keys")])
    for secret in (tokens.refresh_token, second.refresh_token, tokens.access_token):
        assert secret not in kept


async def test_what_expired_long_ago_is_forgotten(mongo: Mongo, gateway: Service, settings: AuthSettings):
    async with serving(SERVICE, settings):
        await sign_in(gateway)
    sessions = SessionStore(mongo.database("auth"))
    assert await sessions.forget(datetime.now(UTC)) == 0
    assert await sessions.forget(datetime.now(UTC) + timedelta(seconds=WEEK + 1)) == 1
