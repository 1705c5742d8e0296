"""Guessing passwords becomes slow for who guesses, and for nobody else."""

import asyncio
from datetime import datetime, timedelta

import pytest

from andon.auth.domain.guesses import ACCOUNT, ADDRESS, PAIR
from andon.auth.handlers.guard import Guard
from andon.auth.store.guesses import GuessStore
from andon.contracts import RateLimited, Unauthorised, auth
from andon.messaging import Service
from andon.storage import Mongo
from andon.testing.build import NOON

from .auth_people import sign_in


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def guard(mongo: Mongo, clock: Clock) -> Guard:
    store = GuessStore(mongo.database("auth"))
    await store.prepare()
    return Guard(store, clock)


async def guess(guard: Guard, account: str = "admin", address: str = "10.0.0.66") -> float:
    async with guard.turn(account, address) as here:
        return await guard.wrong(here)


async def let_in(guard: Guard, account: str = "admin", address: str = "10.0.0.7") -> bool:
    try:
        async with guard.turn(account, address) as here:
            await guard.right(here)
    except RateLimited:
        return False
    return True


@pytest.mark.usefixtures("running")
async def test_after_five_wrong_passwords_even_the_right_one_waits_from_there_alone(gateway: Service):
    for name in ("admin", "nobody"):
        for _ in range(5):
            with pytest.raises(Unauthorised):
                await sign_in(gateway, name, "wrong", "10.0.0.66")
        with pytest.raises(RateLimited) as refused:
            await sign_in(gateway, name, "admin", "10.0.0.66")
        assert refused.value.problem.status == 429
        assert refused.value.problem.retry_after == 1
        assert "1 s" in refused.value.problem.message
    question = auth.VerifyPassword(username="admin", password="admin", address="10.0.0.66")
    with pytest.raises(RateLimited):
        await gateway.ask(auth.VERIFY_PASSWORD, question)
    await sign_in(gateway, "admin", "admin", "10.0.0.7")


@pytest.mark.usefixtures("running")
async def test_many_guesses_at_once_are_no_more_than_one_after_another(gateway: Service):
    results = await asyncio.gather(
        *(sign_in(gateway, "admin", f"guess {n}", "10.0.0.66") for n in range(40)), return_exceptions=True
    )
    assert sum(isinstance(result, Unauthorised) for result in results) == PAIR.free
    assert sum(isinstance(result, RateLimited) for result in results) == 40 - PAIR.free


@pytest.mark.usefixtures("running")
async def test_many_good_sign_ins_at_once_are_all_let_in(gateway: Service):
    assert len(await asyncio.gather(*(sign_in(gateway) for _ in range(20)))) == 20


async def test_an_admin_is_never_kept_out_by_who_guesses_elsewhere(guard: Guard, clock: Clock):
    for host in range(25):
        for _ in range(2):
            await guess(guard, address=f"10.9.0.{host}")
    assert await let_in(guard)
    assert await guess(guard, address="10.0.1.1") == 1
    clock.wait(2 * ACCOUNT.recovery + ACCOUNT.free * ACCOUNT.recovery)
    assert await guess(guard, address="10.0.1.2") == 0


async def test_trying_while_one_has_to_wait_makes_the_wait_no_longer(guard: Guard, clock: Clock):
    for _ in range(PAIR.free - 1):
        assert await guess(guard) == 0
    wait = await guess(guard)
    for _ in range(20):
        assert not await let_in(guard, address="10.0.0.66")
    clock.wait(wait)
    assert await let_in(guard, address="10.0.0.66")
    assert await guess(guard) == 0


async def test_who_tries_one_password_on_many_names_waits_too(guard: Guard, clock: Clock):
    for number in range(ADDRESS.free - 1):
        assert await guess(guard, account=f"name-{number}") == 0
    wait = await guess(guard, account="one more")
    assert wait == 1
    assert not await let_in(guard, account="admin", address="10.0.0.66")
    clock.wait(wait)
    assert await let_in(guard, account="admin", address="10.0.0.66")


async def test_what_was_typed_as_a_name_is_not_kept(guard: Guard, mongo: Mongo):
    await guess(guard, account="my-secret-password")
    assert "my-secret-password" not in str(await mongo.database("auth")["guesses"].find().to_list())
