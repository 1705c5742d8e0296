"""Who gets in, and who stays out."""

import pytest

from andon.contracts import Unauthorised, Unavailable, auth, inspection
from andon.security import Signer, new_private_key
from andon.testing import build, eventually

USER = auth.User(
    id="user-1", username="eve", email="eve@line", roles=(auth.Role.ADMIN,), created_at=build.NOON
)
TOKENS = auth.Tokens(access_token="a", refresh_token="r", expires_in=1800, user=USER)
OPEN = {
    "/api/v1/health", "/health", "/api/v1/auth/login", "/api/v1/auth/refresh", "/.well-known/jwks.json",
}  # fmt: skip


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_login_answers_with_tokens_and_user(stranger, line):
    line.answers[auth.LOGIN] = TOKENS
    answer = await stranger.post("/api/v1/auth/login", json={"username": "eve", "password": "pw"})
    assert answer.json() == {
        "access_token": "a", "refresh_token": "r", "token_type": "bearer", "expires_in": 1800,
        "user": {"id": "user-1", "username": "eve", "email": "eve@line", "roles": ["admin"]},
    }  # fmt: skip
    assert line.questions(auth.LOGIN) == [auth.Login(username="eve", password="pw", address="127.0.0.1")]


async def test_refresh_answers_with_new_tokens(stranger, line):
    line.answers[auth.REFRESH] = TOKENS
    answer = await stranger.post("/api/v1/auth/refresh", json={"refresh_token": "old"})
    assert (answer.json()["access_token"], answer.json()["refresh_token"]) == ("a", "r")


async def test_a_wrong_password_is_401_with_the_reason(stranger, line):
    line.answers[auth.LOGIN] = Unauthorised("Name or password is wrong.")
    answer = await stranger.post("/api/v1/auth/login", json={"username": "eve", "password": "no"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Name or password is wrong."})


async def test_a_bad_login_names_the_field(stranger, subtests):
    cases = [
        (b'{"username": "eve"}', "password"),
        (b'{"username": 7, "password": "x"}', "username"),
        (b"{", "JSON"),
        (b"[]", "body"),
        (b'{"username": "%s", "password": "x"}' % (b"e" * 300), "username"),
    ]
    for body, word in cases:
        with subtests.test(word):
            headers = {"Content-Type": "application/json"}
            answer = await stranger.post("/api/v1/auth/login", content=body, headers=headers)
            assert answer.status_code == 400
            assert word in answer.json()["detail"]


async def test_a_huge_login_is_refused_without_reading_it(stranger):
    answer = await stranger.post("/api/v1/auth/login", content=b"x" * (2 << 20))
    assert answer.status_code == 413


async def test_an_operator_changes_nothing(stranger, line, subtests):
    cases = [
        ("DELETE", "/api/v1/inspect/x"),
        ("PUT", "/api/v1/stations/x"),
        ("POST", "/api/v1/models/x/deploy"),
    ]
    for method, path in cases:
        with subtests.test(method):
            answer = await stranger.request(method, path, headers=bearer(line.token("operator")), json={})
            assert answer.status_code == 403
            assert "configure" in answer.json()["detail"]


@pytest.mark.parametrize("role", ["engineer", "admin"])
async def test_engineers_and_admins_delete_records(stranger, line, role):
    line.answers[inspection.DELETE] = inspection.Deleted(id="x")
    answer = await stranger.delete("/api/v1/inspect/x", headers=bearer(line.token(role, name="ann")))
    assert answer.json() == {"id": "x", "status": "deleted"}
    assert line.questions(inspection.DELETE) == [inspection.DeleteInspection(id="x", by="ann")]


async def test_what_is_no_token_is_401(stranger, subtests):
    cases = ["nonsense", "a.b.c", "ü"]
    for token in cases:
        with subtests.test(token):
            answer = await stranger.get(
                "/api/v1/inspections", headers={"Authorization": f"Bearer {token}".encode()}
            )
            assert answer.status_code == 401


async def test_a_token_of_another_signer_is_401(stranger):
    forged = Signer(new_private_key()).sign(USER, "session-1")
    assert (await stranger.get("/api/v1/inspections", headers=bearer(forged))).status_code == 401


async def test_an_expired_token_is_401(stranger, line):
    answer = await stranger.get("/api/v1/inspections", headers=bearer(line.token(lifetime=-60)))
    assert answer.status_code == 401


async def test_a_session_that_ends_is_out_at_once(client, line):
    assert (await client.get("/api/v1/inspections")).status_code == 200
    await line.bus.say(
        auth.SESSION_ENDED,
        auth.SessionEnded(session_id="session-1", user_id="user-1", reason="user_changed", at=build.NOON),
    )

    async def out():
        return (await client.get("/api/v1/inspections")).status_code == 401

    await eventually(out)


async def test_a_session_that_ended_before_the_start_is_out(line, stranger):
    line.answers[auth.ENDED] = auth.EndedSessions(session_ids=("session-9",))
    token = line.token(session="session-9")
    assert (await stranger.get("/api/v1/inspections", headers=bearer(token))).status_code == 401


async def test_logging_out_ends_the_session_here_and_now(client, line):
    line.answers[auth.LOGOUT] = auth.SessionEnded(
        session_id="session-1", user_id="user-1", reason="logout", at=build.NOON
    )
    assert (await client.post("/api/v1/auth/logout")).status_code == 200
    assert line.questions(auth.LOGOUT) == [auth.Logout(session_id="session-1")]
    assert (await client.get("/api/v1/inspections")).status_code == 401


async def test_me_is_who_the_token_says(client, line):
    line.answers[auth.USER] = USER
    assert (await client.get("/api/v1/auth/me")).json()["username"] == "eve"
    assert line.questions(auth.USER) == [auth.GetUser(id="user-1")]


async def test_while_auth_was_never_reached_nobody_gets_in(stranger, line):
    line.answers[auth.KEYS] = Unavailable("auth is away")
    answer = await stranger.get("/api/v1/inspections", headers=bearer(line.token()))
    assert (answer.status_code, answer.json()) == (503, {"detail": "auth is away"})
