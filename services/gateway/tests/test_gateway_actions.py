"""What people change through the gateway reaches the audit log."""

import httpx
import pytest

from andon.contracts import NotFound, audit, auth, inspection, station
from andon.contracts.audit import Outcome
from andon.gateway.app import SERVICE
from andon.messaging import Service
from andon.runtime import serving
from andon.testing import build, eventually


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def told(bus_settings):
    """Gives the first so many actions that auth is told."""
    heard = []

    async def hear(action, _delivery):
        heard.append(action)

    async def first(count):
        async def enough():
            return len(heard) >= count

        await eventually(enough)
        return list(heard)

    bus = Service("auth", bus_settings)
    bus.hears(audit.RECORD, hear)
    async with bus:
        yield first


async def test_changes_are_told_with_who_route_ids_and_status(client, line, told):
    line.answers[station.PUT] = build.station(id="line-1")
    line.answers[inspection.DELETE] = NotFound("There is no such part.")
    changed = await client.put("/api/v1/stations/line-1", json={"name": "Press 4"})
    assert changed.status_code == 200
    assert (await client.delete("/api/v1/inspect/x")).status_code == 404
    assert (await client.get("/api/v1/stations")).status_code == 200
    first, second = await told(2)
    assert first.actor == auth.Actor(id="user-1", name="eve")
    assert first.action == "PUT /api/v1/stations/{id}"
    assert (first.target, first.outcome) == ("line-1", Outcome.DONE)
    assert first.details == {"status": "200", "id": "line-1"}
    assert (first.address, first.trace_id) == ("127.0.0.1", changed.headers["x-trace-id"])
    assert (second.action, second.outcome) == ("DELETE /api/v1/inspect/{id}", Outcome.REFUSED)
    assert "Press 4" not in str(first)


async def test_what_was_not_permitted_is_told_and_what_auth_tells_itself_is_not_told_twice(
    client, stranger, line, told
):
    line.answers[auth.CREATE_USER] = auth.User(id="u", username="olga", roles=(), created_at=build.NOON)
    body = {"username": "olga", "password": "sixsix"}
    assert (await client.post("/api/v1/users", json=body)).status_code == 200
    operator = bearer(line.token("operator", name="pia"))
    assert (await stranger.post("/api/v1/users", json=body, headers=operator)).status_code == 403
    assert (await stranger.post("/api/v1/users", json=body)).status_code == 401
    await client.post("/api/v1/inspect", files={"image": ("x.jpg", b"no image", "image/jpeg")})
    assert (await client.put("/api/v1/stations/nowhere", json={})).status_code == 404
    first, second = await told(2)
    assert (first.actor.name, first.action, first.details["status"]) == ("pia", "POST /api/v1/users", "403")
    assert second.action.startswith("PUT ")


async def test_what_waits_at_a_stop_is_still_told(line, settings, told):
    line.answers[inspection.DELETE] = inspection.Deleted(id="x")

    async with (
        serving(SERVICE, settings) as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.http_port}") as client,
    ):
        headers = bearer(line.token())
        for number in range(20):
            assert (await client.delete(f"/api/v1/inspect/{number}", headers=headers)).status_code == 200
    assert [action.target for action in await told(20)] == [str(number) for number in range(20)]
