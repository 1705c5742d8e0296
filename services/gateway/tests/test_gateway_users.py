"""The form of users, keys and the audit log over HTTP, and who may ask for what."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from andon.contracts import BadRequest, RateLimited, Unauthorised, Unavailable, audit, auth
from andon.contracts.auth import KeyKind, Permission
from andon.gateway.machines import Machines
from andon.security import Signer, Verifier, digest_of, new_access_key, new_key, new_secret_key
from andon.testing import build, eventually

OLGA = auth.User(id="u-2", username="olga", email=None, roles=(auth.Role.OPERATOR,), created_at=build.NOON)
SHOWN = {
    "id": "u-2", "username": "olga", "email": None, "roles": ["operator"], "active": True,
    "created_at": "2026-01-31T12:00:00Z",
}  # fmt: skip
KEY = auth.MachineKey(
    id="k-1", name="press 4", kind=KeyKind.KEY, scopes=(Permission.INSPECT,), owner_id="user-1",
    created_at=build.NOON,
)  # fmt: skip
EVE = auth.Actor(id="user-1", name="eve")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def allowing(*permissions, **changes):
    return auth.ResolvedKey(id="k-1", name="press 4", owner_id="u-2", permissions=permissions, **changes)


async def test_users_are_listed_made_changed_and_deleted(client, line):
    line.answers[auth.LIST_USERS] = auth.Users(users=(OLGA,))
    line.answers[auth.CREATE_USER] = line.answers[auth.CHANGE_USER] = OLGA
    line.answers[auth.DELETE_USER] = auth.UserDeleted(id="u-2", username="olga")
    assert (await client.get("/api/v1/users")).json() == {"users": [SHOWN]}
    body = {"username": " olga ", "password": "sixsix"}
    assert (await client.post("/api/v1/users", json=body)).json() == SHOWN
    assert line.questions(auth.CREATE_USER) == [
        auth.CreateUser(username="olga", password="sixsix", roles=(auth.Role.OPERATOR,), by=EVE)
    ]
    wish = {"roles": ["engineer"], "email": None, "active": False}
    assert (await client.put("/api/v1/users/u-2", json=wish)).json() == SHOWN
    assert line.questions(auth.CHANGE_USER) == [
        auth.ChangeUser(id="u-2", roles=(auth.Role.ENGINEER,), clear_email=True, active=False, by=EVE)
    ]
    assert (await client.delete("/api/v1/users/u-2")).json() == {"id": "u-2", "status": "deleted"}
    assert line.questions(auth.DELETE_USER) == [auth.DeleteUser(id="u-2", by=EVE)]


@pytest.mark.parametrize("role", ["engineer", "operator"])
async def test_only_admins_manage_users_and_read_the_audit_log(stranger, line, role, subtests):
    cases = [
        ("GET", "/users"), ("POST", "/users"), ("PUT", "/users/u-2"), ("DELETE", "/users/u-2"),
        ("GET", "/audit"),
    ]  # fmt: skip
    for method, path in cases:
        with subtests.test(f"{method} {path}"):
            answer = await stranger.request(
                method, f"/api/v1{path}", headers=bearer(line.token(role)), json={}
            )
            assert answer.status_code in (400, 403)
            good = {"username": "x", "password": "sixsix"} if method == "POST" else {}
            answer = await stranger.request(
                method, f"/api/v1{path}", headers=bearer(line.token(role)), json=good
            )
            assert answer.status_code == 403
            assert "manage_users" in answer.json()["detail"]


async def test_everybody_changes_their_own_e_mail_and_password(stranger, line):
    line.answers[auth.CHANGE_USER] = line.answers[auth.CHANGE_PASSWORD] = OLGA
    headers = bearer(line.token("operator", name="olga"))
    me = {"email": "olga@line.example"}
    assert (await stranger.put("/api/v1/users/me", json=me, headers=headers)).json() == SHOWN
    (wish,) = line.questions(auth.CHANGE_USER)
    assert (wish.id, wish.email, wish.roles, wish.password) == ("user-1", "olga@line.example", None, None)
    both = {"current_password": "old", "new_password": "newer"}
    answer = await stranger.put("/api/v1/users/me/password", json=both, headers=headers)
    assert answer.status_code == 200
    assert line.questions(auth.CHANGE_PASSWORD) == [
        auth.ChangePassword(id="user-1", current="old", new="newer", address="127.0.0.1")
    ]
    assert (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 401


async def test_a_bad_user_is_400_with_the_field(client, line, subtests):
    cases = [
        ({"username": "x" * 65, "password": "sixsix"}, "username"),
        ({"username": "  ", "password": "sixsix"}, "username"),
        ({"username": "a\nb", "password": "sixsix"}, "username"),
        ({"username": "olga", "password": "x" * 257}, "password"),
        ({"username": "olga", "password": ""}, "password"),
        ({"username": "olga"}, "password"),
        ({"username": "olga", "password": "sixsix", "email": "nobody"}, "email"),
        ({"username": "olga", "password": "sixsix", "roles": []}, "roles"),
        ({"username": "olga", "password": "sixsix", "roles": ["root"]}, "roles"),
        ({"username": "olga", "password": "sixsix", "admin": True}, "admin"),
    ]
    for body, field in cases:
        with subtests.test(field):
            answer = await client.post("/api/v1/users", json=body)
            assert (answer.status_code, field in answer.json()["detail"]) == (400, True)
    line.answers[auth.CREATE_USER] = BadRequest("username: 'olga' is taken", {"username": "it is taken"})
    answer = await client.post("/api/v1/users", json={"username": "olga", "password": "sixsix"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "username: 'olga' is taken"})


async def test_roles_say_what_they_may_do(client):
    roles = (await client.get("/api/v1/roles")).json()["roles"]
    assert {role["name"]: role["permissions"] for role in roles} == {
        "admin": ["configure", "inspect", "manage_users", "view_history"],
        "engineer": ["configure", "inspect", "view_history"],
        "operator": ["inspect", "view_history"],
    }


async def test_who_has_to_wait_is_told_how_long(stranger, line):
    line.answers[auth.LOGIN] = RateLimited("too many wrong passwords: try again in 8 s", retry_after=8)
    answer = await stranger.post("/api/v1/auth/login", json={"username": "eve", "password": "no"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "8")
    assert answer.json() == {"detail": "too many wrong passwords: try again in 8 s"}


async def test_a_key_is_shown_when_it_is_made_and_never_again(client, line):
    line.answers[auth.CREATE_KEY] = auth.CreatedKey(info=KEY, secret="andon_secret")
    line.answers[auth.LIST_KEYS] = auth.MachineKeys(keys=(KEY,))
    made = (await client.post("/api/v1/keys", json={"name": "press 4", "scopes": ["inspect"]})).json()
    assert (made["id"], made["key"], made["secret_key"]) == ("k-1", "andon_secret", None)
    (wish,) = line.questions(auth.CREATE_KEY)
    assert (wish.by, wish.kind, wish.expires_at) == (EVE, KeyKind.KEY, None)
    pair = KEY.model_copy(update={"kind": KeyKind.PAIR, "access_key": "andon-1"})
    line.answers[auth.CREATE_KEY] = auth.CreatedKey(info=pair, secret="secret")
    body = {"name": "press 4", "scopes": ["inspect"], "kind": "pair", "expires_at": "2030-01-01T00:00:00Z"}
    made = (await client.post("/api/v1/keys", json=body)).json()
    assert (made["access_key"], made["secret_key"], made["key"]) == ("andon-1", "secret", None)
    (shown,) = (await client.get("/api/v1/keys")).json()["keys"]
    assert not {"key", "secret_key"} & shown.keys()


async def test_only_admins_see_and_revoke_the_keys_of_others(client, stranger, line):
    line.answers[auth.LIST_KEYS] = auth.MachineKeys(keys=())
    line.answers[auth.REVOKE_KEY] = KEY
    operator = bearer(line.token("operator"))
    for headers in ({}, operator):
        sender = client if not headers else stranger
        assert (await sender.get("/api/v1/keys", headers=headers)).status_code == 200
        assert (await sender.delete("/api/v1/keys/k-1", headers=headers)).status_code == 200
    assert [each.owner_id for each in line.questions(auth.LIST_KEYS)] == [None, "user-1"]
    assert [each.owner_id for each in line.questions(auth.REVOKE_KEY)] == [None, "user-1"]
    body = {"name": "fast", "scopes": ["inspect"], "rate_per_minute": 10}
    answer = await stranger.post("/api/v1/keys", json=body, headers=operator)
    assert (answer.status_code, "configure" in answer.json()["detail"]) == (403, True)


async def test_a_key_lets_in_by_each_way_and_auth_is_asked_once(stranger, line):
    key, secret, access = new_key(), new_secret_key(), new_access_key()
    line.answers[auth.RESOLVE_KEY] = allowing(Permission.VIEW_HISTORY)
    for headers in (bearer(key), {"X-API-Key": key}, bearer(key), bearer(f"{access}:{secret}")):
        assert (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 200
    answer = await stranger.get("/api/v1/inspections", auth=httpx.BasicAuth(access, secret))
    assert answer.status_code == 200
    asked = line.questions(auth.RESOLVE_KEY)
    assert asked == [
        auth.ResolveKey(digest=digest_of(key)),
        auth.ResolveKey(digest=digest_of(secret), access_key=access),
    ]
    me = (await stranger.get("/api/v1/auth/me", headers=bearer(key))).json()
    assert (me["username"], me["kind"], me["permissions"]) == ("press 4", "key", ["view_history"])


async def test_a_key_does_what_its_scopes_say_and_nothing_that_takes_a_person(stranger, line, subtests):
    line.answers[auth.RESOLVE_KEY] = allowing(Permission.VIEW_HISTORY, Permission.CONFIGURE)
    headers = bearer(new_key())
    cases = [
        ("GET", "/users", None), ("PUT", "/users/me", {"email": None}), ("POST", "/auth/logout", None),
        ("POST", "/keys", {"name": "x", "scopes": ["configure"]}), ("GET", "/keys", None),
        ("PUT", "/users/me/password", {"current_password": "a", "new_password": "b"}),
    ]  # fmt: skip
    for method, path, body in cases:
        with subtests.test(f"{method} {path}"):
            answer = await stranger.request(method, f"/api/v1{path}", headers=headers, json=body)
            assert answer.status_code == 403


async def test_what_is_no_key_is_401_and_asks_nobody(stranger, line, subtests):
    cases = [
        bearer("andon_short"), {"X-API-Key": "andon_" + "x" * 44}, {"Authorization": "Basic !!"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="}, {"X-API-Key": "x"},
    ]  # fmt: skip
    for headers in cases:
        with subtests.test(str(headers)):
            answer = await stranger.get("/api/v1/inspections", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
    assert line.questions(auth.RESOLVE_KEY) == []


async def test_a_refused_key_is_remembered_until_auth_has_news(stranger, line):
    line.answers[auth.RESOLVE_KEY] = Unauthorised("the user whose key it is may not sign in")
    headers = bearer(new_key())
    for _ in range(5):
        assert (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 401
    assert len(line.questions(auth.RESOLVE_KEY)) == 1
    line.answers[auth.RESOLVE_KEY] = allowing(Permission.VIEW_HISTORY)
    await line.bus.say(auth.KEY_CHANGED, auth.KeyChanged(key_id="k-1", revoked=False, at=build.NOON))

    async def let_in():
        return (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 200

    await eventually(let_in)


async def test_a_revoked_key_is_out_at_once_and_so_is_an_expired_one(stranger, line):
    line.answers[auth.RESOLVE_KEY] = allowing(
        Permission.VIEW_HISTORY, expires_at=datetime.now(UTC) + timedelta(hours=1)
    )
    headers = bearer(new_key())
    assert (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 200
    line.answers[auth.RESOLVE_KEY] = Unauthorised("the key was revoked")
    await line.bus.say(auth.KEY_CHANGED, auth.KeyChanged(key_id="k-1", revoked=True, at=build.NOON))

    async def out():
        return (await stranger.get("/api/v1/inspections", headers=headers)).status_code == 401

    await eventually(out, within=1)
    line.answers[auth.RESOLVE_KEY] = allowing(Permission.VIEW_HISTORY, expires_at=build.NOON)
    answer = await stranger.get("/api/v1/inspections", headers=bearer(new_key()))
    assert (answer.status_code, answer.json()["detail"]) == (401, "The key has expired.")


async def test_a_known_key_outlives_auth_s_absence_and_an_unknown_one_waits_for_it(line):
    machines, known = Machines(line.bus), new_key()
    line.answers[auth.RESOLVE_KEY] = allowing(Permission.INSPECT)
    principal = await machines.admit(known)
    next(iter(machines._known.values())).fresh_until = 0.0
    line.answers[auth.RESOLVE_KEY] = Unavailable("auth is away")
    assert await machines.admit(known) == principal
    assert len(line.questions(auth.RESOLVE_KEY)) == 2
    assert await machines.admit(known) == principal
    assert len(line.questions(auth.RESOLVE_KEY)) == 2
    with pytest.raises(Unavailable):
        await machines.admit(new_key())


async def test_an_answer_that_was_on_its_way_when_the_key_changed_is_not_remembered(line):
    machines, key = Machines(line.bus), new_key()

    def answer(*_):
        machines.forget("k-1")
        return allowing(Permission.INSPECT)

    line.answers[auth.RESOLVE_KEY] = answer
    await machines.admit(key)
    line.answers[auth.RESOLVE_KEY] = Unauthorised("the key was revoked")
    with pytest.raises(Unauthorised):
        await machines.admit(key)


async def test_anyone_can_verify_tokens_with_the_published_keys(stranger, line):
    answer = await stranger.get("/.well-known/jwks.json")
    assert answer.json() == {"keys": [Signer(line.key).public]}
    assert "max-age" in answer.headers["cache-control"]
    assert Verifier(answer.json()).verify(line.token()).username == "eve"
    assert (await stranger.get("/.well-known/jwks.json")).status_code == 200
    assert len(line.questions(auth.KEYS)) == 1


async def test_the_audit_log_is_read_in_pages_by_filters(client, line):
    entry = audit.Entry(
        id="a", at=build.NOON, actor=EVE, action="auth.user.change", target="u-2", sequence=7,
        previous="0" * 64, hash="1" * 64,
    )  # fmt: skip
    line.answers[audit.LIST] = audit.Entries(entries=(entry,), next_before=7)
    query = "actor=eve&action=auth.*&since=2026-01-01T00:00:00Z&limit=1&before=9"
    page = (await client.get(f"/api/v1/audit?{query}")).json()
    assert page["next_before"] == 7
    assert (page["entries"][0]["sequence"], page["entries"][0]["actor"]["name"]) == (7, "eve")
    (asked,) = line.questions(audit.LIST)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert asked == audit.ListEntries(actor="eve", action="auth.*", since=since, limit=1, before=9)
    for bad in (
        "since=yesterday",
        "since=2026-01-01",
        "limit=0",
        "before=0",
        "before=x",
        f"actor={'x' * 300}",
    ):
        answer = await client.get(f"/api/v1/audit?{bad}")
        assert (answer.status_code, bad.split("=")[0] in answer.json()["detail"]) == (400, True), bad
