"""Who did what, written so that a change shows."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from typer.testing import CliRunner, Result

from andon.auth.app import SERVICE, AuthSettings
from andon.auth.command import app
from andon.contracts import Unauthorised, audit, auth
from andon.contracts.audit import Action, Entry, Outcome
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Mongo, MongoSettings
from andon.testing import eventually
from andon.testing.build import NOON

from .auth_people import actor, change, create, sign_in


def told(number: int, **changes: object) -> Action:
    values: dict[str, object] = {
        "id": f"action-{number}", "at": NOON, "actor": auth.Actor(id="u", name="eve"),
        "action": "PUT /api/v1/stations/{id}", "target": f"line-{number}", "details": {"status": "200"},
    }  # fmt: skip
    return Action.model_validate(values | changes)


async def entries(gateway: Service, **filters: object) -> tuple[Entry, ...]:
    question = audit.ListEntries.model_validate({"limit": 1000, **filters})
    return (await gateway.ask(audit.LIST, question)).entries


async def reached(gateway: Service, count: int) -> tuple[Entry, ...]:
    async def enough() -> bool:
        return len(await entries(gateway)) >= count

    await eventually(enough)
    return await entries(gateway)


@pytest.fixture
def environment(mongo_settings: MongoSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_MONGO__URI", mongo_settings.uri)
    monkeypatch.setenv("ANDON_MONGO__PREFIX", mongo_settings.prefix)


async def andon_audit(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))


@pytest.mark.long
async def test_two_replicas_write_one_chain_and_every_action_once(
    gateway: Service, settings: AuthSettings, environment: None
):
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(serving(SERVICE, settings))
        actions = [told(number) for number in range(60)]
        await asyncio.gather(*(gateway.say(audit.RECORD, action) for action in (*actions, *actions)))
        found = await reached(gateway, 60)
        late = told(60)
        await gateway.say(audit.RECORD, late)
        found = await reached(gateway, 61)
    assert sorted(entry.id for entry in found) == sorted(action.id for action in (*actions, late))
    assert [entry.sequence for entry in found] == list(range(61, 0, -1))
    whole = await andon_audit("verify")
    assert whole.exit_code == 0, whole.output
    assert f"61 entries, unbroken; note this elsewhere: 61:{found[0].hash}" in whole.output


@pytest.mark.parametrize(
    ("damage", "at", "why"),
    [
        ({"update": 7}, 7, "changed"),
        ({"delete": 7}, 7, "missing"),
        ({"delete": 1}, 1, "missing"),
        ({"delete": 12}, 12, "missing"),
    ],
    ids=["a changed entry", "a deleted entry", "the first deleted", "the last deleted"],
)
async def test_verify_names_the_first_broken_entry(  # noqa: PLR0913, PLR0917 - a scenario
    gateway: Service, running: None, mongo: Mongo, environment: None,
    damage: dict[str, int], at: int, why: str,
):  # fmt: skip
    for number in range(12):
        await gateway.say(audit.RECORD, told(number))
    await reached(gateway, 12)
    assert (await andon_audit("verify")).exit_code == 0
    log = mongo.database("auth")["audit"]
    if "update" in damage:
        await log.update_one({"_id": damage["update"]}, {"$set": {"actor.name": "somebody else"}})
    else:
        await log.delete_one({"_id": damage["delete"]})
    broken = await andon_audit("verify")
    assert broken.exit_code == 1
    assert f"broken at entry {at}: it" in broken.output
    assert why in broken.output


async def test_a_log_that_was_cut_with_its_note_does_not_fit_what_was_noted_elsewhere(
    gateway: Service, running: None, mongo: Mongo, environment: None
):
    for number in range(5):
        await gateway.say(audit.RECORD, told(number))
    last, before, *_ = await reached(gateway, 5)
    database = mongo.database("auth")
    await database["audit"].delete_one({"_id": 5})
    await database["audit_head"].update_one({"_id": "head"}, {"$set": {"sequence": 4, "hash": before.hash}})
    assert (await andon_audit("verify")).exit_code == 0
    noted = await andon_audit("verify", "--noted", f"5:{last.hash}")
    assert (noted.exit_code, "entry 5" in noted.output) == (1, True)
    wrong = await andon_audit("verify", "--noted", f"2:{last.hash}")
    assert (wrong.exit_code, "entry 2" in wrong.output) == (1, True)


async def test_entries_are_found_by_actor_action_and_time_and_read_in_pages(
    gateway: Service, running: None, environment: None
):
    later = NOON.replace(hour=15)
    await gateway.say(audit.RECORD, told(1))
    await gateway.say(audit.RECORD, told(2, action="auth.user.change", at=later))
    await gateway.say(audit.RECORD, told(3, actor=auth.Actor(id="v", name="pia"), at=later))
    await reached(gateway, 3)

    async def targets(**filters: object) -> list[str]:
        return [entry.target for entry in await entries(gateway, **filters)]

    assert await targets() == ["line-3", "line-2", "line-1"]
    assert await targets(actor="v") == await targets(actor="pia") == ["line-3"]
    assert await targets(action="auth.*") == await targets(action="auth.user.change") == ["line-2"]
    assert await targets(action="auth") == []
    assert await targets(since=later) == ["line-3", "line-2"]
    assert await targets(until=later) == ["line-1"]
    assert await targets(actor="eve", since=later) == ["line-2"]
    page = await gateway.ask(audit.LIST, audit.ListEntries(limit=2))
    rest = await gateway.ask(audit.LIST, audit.ListEntries(limit=2, before=page.next_before))
    assert [entry.target for entry in (*page.entries, *rest.entries)] == ["line-3", "line-2", "line-1"]
    assert rest.next_before is None
    listed = await andon_audit("list", "--actor", "pia", "--since", "2026-01-31")
    assert listed.exit_code == 0
    assert "pia (user)" in listed.output
    assert "line-3" in listed.output
    assert "line-2" not in listed.output


@pytest.mark.usefixtures("running")
async def test_what_auth_does_is_written_down_without_its_secrets(gateway: Service):
    tokens = await sign_in(gateway)
    admin = tokens.user
    for name in ("admin", "typed-a-password-here"):
        with pytest.raises(Unauthorised):
            await sign_in(gateway, name, "wrong-guess")
    olga = await create(gateway, "olga", by=actor(admin))
    await change(gateway, olga, roles=["engineer"], password="brand new secret", by=actor(admin))
    key = await gateway.ask(
        auth.CREATE_KEY,
        auth.CreateKey(name="press 4", scopes=(auth.Permission.INSPECT,), by=actor(admin)),
    )
    await gateway.ask(auth.REVOKE_KEY, auth.RevokeKey(id=key.info.id, by=actor(admin)))
    await gateway.ask(auth.LOGOUT, auth.Logout(refresh_token=tokens.refresh_token))
    await gateway.ask(auth.DELETE_USER, auth.DeleteUser(id=olga.id, by=actor(admin)))
    found = list(reversed(await reached(gateway, 9)))
    assert [(entry.action, entry.actor.name, entry.outcome) for entry in found] == [
        ("auth.session.login", "admin", Outcome.DONE),
        ("auth.session.login", "admin", Outcome.REFUSED),
        ("auth.session.login", "", Outcome.REFUSED),
        ("auth.user.create", "admin", Outcome.DONE),
        ("auth.user.change", "admin", Outcome.DONE),
        ("auth.key.create", "admin", Outcome.DONE),
        ("auth.key.revoke", "admin", Outcome.DONE),
        ("auth.session.logout", "admin", Outcome.DONE),
        ("auth.user.delete", "admin", Outcome.DONE),
    ]
    assert found[4].details == {"roles": "operator -> engineer", "password": "changed"}
    assert found[0].address == "10.0.0.7"
    written = str(found)
    secrets = ("brand new secret", "olga has one", "wrong-guess", "typed-a-password-here", key.secret)
    for secret in (*secrets, tokens.access_token, tokens.refresh_token):
        assert secret not in written


async def test_the_chain_is_verified_for_who_asks(gateway: Service, running: None, mongo: Mongo):
    for number in range(3):
        await gateway.say(audit.RECORD, told(number))
    found = await reached(gateway, 3)
    whole = await gateway.ask(audit.VERIFY, audit.VerifyChain())
    assert (whole.sequence, whole.hash, whole.broken_at) == (3, found[0].hash, None)
    log = mongo.database("auth")["audit"]
    await log.update_one({"_id": 2}, {"$set": {"actor.name": "somebody else"}})
    broken = await gateway.ask(audit.VERIFY, audit.VerifyChain())
    assert (broken.sequence, broken.broken_at, broken.why) == (1, 2, "it was changed")


async def test_open_sessions_are_listed_until_they_end(gateway: Service, running: None):
    tokens = await sign_in(gateway)
    await sign_in(gateway)
    later, first = (await gateway.ask(auth.OPEN_SESSIONS, auth.ListSessions())).sessions
    assert later.refreshed_at >= first.refreshed_at
    assert {later.username, first.username} == {tokens.user.username}
    await gateway.ask(auth.LOGOUT, auth.Logout(session_id=later.id))
    left = await gateway.ask(auth.OPEN_SESSIONS, auth.ListSessions(user_id=tokens.user.id))
    assert [each.id for each in left.sessions] == [first.id]
    nobody = await gateway.ask(auth.OPEN_SESSIONS, auth.ListSessions(user_id="x"))
    assert nobody.sessions == ()
