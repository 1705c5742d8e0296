"""Who may use the ML worker API, how often, and in which words it refuses."""

import asyncio
from typing import Any

import httpx
import pytest
from ml_worker_api import refused

OPERATIONS = [
    ("GET", "/v1/tasks"),
    ("POST", "/v1/tasks"),
    ("GET", "/v1/tasks/x"),
    ("DELETE", "/v1/tasks/x"),
    ("GET", "/v1/queue"),
    ("GET", "/v1/experiments"),
    ("POST", "/v1/experiments"),
    ("PATCH", "/v1/experiments/x"),
    ("GET", "/v1/datasets"),
    ("PUT", "/v1/datasets/x"),
    ("GET", "/v1/snapshots"),
    ("PUT", "/v1/snapshots/x"),
    ("GET", "/v1/tasks/x/logs"),
    ("GET", "/v1/tasks/x/artifacts"),
    ("GET", "/v1/tasks/x/artifacts/y/z"),
    ("GET", "/v1/jupyter/services"),
    ("POST", "/v1/jupyter/services"),
    ("DELETE", "/v1/jupyter/services/x"),
    ("GET", "/v1/jupyter/services/x/logs"),
    ("GET", "/v1/jupyter/services/x/artifacts"),
    ("GET", "/v1/jupyter/services/x/artifacts/y"),
]
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.mark.long
async def test_nothing_but_health_answers_without_a_key(api: Any, subtests: Any):
    async with api.client() as stranger, api.client("andon_" + "x" * 40) as forger:
        for method, path in OPERATIONS:
            with subtests.test(f"{method} {path}"):
                for client in (stranger, forger):
                    answer = await client.request(method, path, json={"job_name": "n", "name": "n"})
                    assert "key" in refused(answer, 401, "UNAUTHORIZED")
        for path in ("/health", "/api/v1/health"):
            body = (await stranger.get(path)).json()
            assert (body["status"], body["app_name"]) == ("healthy", "andon")
            assert body["version"]
            assert body["timestamp"].endswith("Z")


async def test_a_key_does_what_its_scopes_say(api: Any, subtests: Any):
    _, seeing = await api.key("view_history")
    _, changing = await api.key("configure")
    for method, path in OPERATIONS:
        with subtests.test(f"{method} {path}"):
            async with api.client(seeing if method in CHANGES else changing) as client:
                bodies = {"job_name": "n", "name": "n", "status": "active"}
                refused(await client.request(method, path, json=bodies), 403, "FORBIDDEN")
    assert (await api.admin.get("/v1/tasks")).status_code == 200  # people may come, too


async def test_a_revoked_key_is_refused(api: Any, client: httpx.AsyncClient):
    key_id, key = await api.key()
    async with api.client(key) as robot:
        assert (await robot.get("/v1/tasks")).status_code == 200
        task = (await robot.post("/v1/tasks", json={"job_name": "mine"})).json()
        assert task["user_id"] == key_id
        await api.admin.delete(f"/api/v1/keys/{key_id}")
        refused(await robot.get("/v1/tasks"), 401, "UNAUTHORIZED")
    assert (await client.get(f"/v1/tasks/{task['id']}")).status_code == 200


async def test_each_key_has_its_own_limit(api: Any, client: httpx.AsyncClient):
    _, slow = await api.key(rate_per_minute=3)
    async with api.client(slow) as robot:
        answers = [await robot.get("/v1/queue") for _ in range(9)]  # a minute may begin in between
        refusals = [each for each in answers if each.status_code == 429]
        assert refusals
        for each in refusals:
            refused(each, 429, "RATE_LIMITED")
            assert 1 <= int(each.headers["retry-after"]) <= 60
    assert (await client.get("/v1/queue")).status_code == 200


async def test_what_is_not_there_or_too_large_is_refused_in_the_same_words(client: httpx.AsyncClient):
    refused(await client.get("/v1/nothing"), 404, "NOT_FOUND")
    refused(await client.put("/v1/tasks", json={}), 405, "BAD_REQUEST")
    large = {"job_name": "n", "args": "x" * (2 << 20)}
    refused(await client.post("/v1/tasks", json=large), 413, "BAD_REQUEST")
    answers = await asyncio.gather(*(client.get("/v1/queue") for _ in range(20)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.headers["x-trace-id"] for each in answers}) == 20
