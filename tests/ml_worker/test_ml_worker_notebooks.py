"""Jupyter services: really started on an agent, used with their token, found again, stopped."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from ml_worker_api import Api, Place, agent_of, end_all_in, refused

from andon.agent.app import AgentBlock, AgentSettings
from andon.gateway.context import NotebookSettings
from andon.testing import eventually

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def agent(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AgentSettings]:
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    yield AgentSettings(
        bus=place.bus, s3=place.s3, data=tmp_path, agent=AgentBlock(name="edge-7", slots=2, nice=0)
    )
    end_all_in(tmp_path)


@pytest_asyncio.fixture(loop_scope="module")
async def started(agent: AgentSettings) -> AsyncIterator[None]:
    async with agent_of(agent):
        yield


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = await client.get("/v1/jupyter/services")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until(client: httpx.AsyncClient, service_id: str, status: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        (found,) = [each for each in await listed(client) if each["id"] == service_id]
        assert found["status"] == status, found
        return found

    return await eventually(there, 60, every=0.2)


async def begun(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/jupyter/services", json={"name": "Lab of Eve", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_token_is_shown_to_its_owner_alone(api: Api, client: httpx.AsyncClient, worker: Any):
    service = await begun(client)
    assert [each["token"] for each in await listed(client)] == [service["token"]]
    others = (await api.admin.get("/v1/jupyter/services")).json()
    assert [each["id"] for each in others] == [service["id"]]
    assert "token" not in others[0]
    (grant,) = await worker.lease()
    assert service["token"] not in grant.model_dump_json()


@pytest.mark.long
async def test_a_server_is_started_used_found_again_and_stopped(
    api: Api, client: httpx.AsyncClient, agent: AgentSettings
):
    service = await begun(client, workspace="caps/night")
    assert (service["name"], service["status"]) == ("Lab of Eve", "starting")
    assert "url" not in service
    async with agent_of(agent):
        running = await until(client, service["id"], "running")
        assert running["token"] == service["token"]
        url = running["url"].removesuffix("/lab")
        async with httpx.AsyncClient(base_url=url, trust_env=False) as lab:
            told = {"Authorization": f"token {running['token']}"}
            assert (await lab.get("/api/contents")).status_code == 403
            assert (await lab.get("/api/contents?token=guess")).status_code == 403
            note = {"type": "file", "format": "text", "content": "seen"}
            assert (await lab.put("/api/contents/note.txt", json=note, headers=told)).status_code == 201
            page = await lab.get(f"/lab?token={running['token']}", follow_redirects=True)
            assert "JupyterLab" in page.text
        assert list(agent.data.rglob("caps/night/note.txt"))
    async with agent_of(agent):  # the server ran on while its agent was away
        assert (await until(client, service["id"], "running"))["url"] == running["url"]
        assert (await client.delete(f"/v1/jupyter/services/{service['id']}")).status_code == 204
        stopped = await until(client, service["id"], "stopped")
        assert "url" not in stopped
        with pytest.raises(httpx.TransportError):
            await httpx.AsyncClient(trust_env=False).get(url)
        assert (await client.delete(f"/v1/jupyter/services/{service['id']}")).status_code == 204
        assert await listed(client) == []
        gone = await client.delete(f"/v1/jupyter/services/{service['id']}")
        refused(gone, 404, "NOT_FOUND")


@pytest.mark.long
async def test_a_server_that_cannot_start_says_so(client: httpx.AsyncClient, started: None):
    service = await begun(client, workspace="notebook_server.py")  # a file is in the way
    failed = await until(client, service["id"], "error")
    assert "exit code 1" in failed["error"]


@pytest.mark.long
async def test_a_server_that_nobody_uses_ends(
    api: Api, place: Place, client: httpx.AsyncClient, started: None
):
    async with place.gateway(notebooks=NotebookSettings(idle_seconds=3)) as url:
        async with api.client(client.headers["x-api-key"], url) as hasty:
            service = await begun(hasty)
        await until(client, service["id"], "running")  # as another gateway sees it
        await until(client, service["id"], "stopped")


async def test_what_no_server_can_be_is_refused(client: httpx.AsyncClient):
    for body, field in (
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n", "workspace": "../up"}, "workspace"),
        ({"name": "n", "workspace": "/etc"}, "workspace"),
        ({"name": "n", "image": 7}, "image"),
    ):
        answer = await client.post("/v1/jupyter/services", json=body)
        assert field in refused(answer, 422, "VALIDATION_ERROR")
    task = (await client.post("/v1/tasks", json={"job_name": "t"})).json()
    for name in (task["id"], "none", "x" * 100):
        refused(await client.delete(f"/v1/jupyter/services/{name}"), 404, "NOT_FOUND")
    assert await asyncio.gather(listed(client)) == [[]]
