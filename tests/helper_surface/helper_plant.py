"""A helper's dashboard and a worker of a training cluster, as their own programs talk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from andon.contracts import queue
from andon.contracts.queue import QueueSettings
from andon.messaging import Service

CONFIG = "project: welds\nrun_name: resnet\nlr: 0.01\nlayers: [64, 128]\n"


class Clock:
    """The queue's time: goes on by itself, and faster when a test says so."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def pass_seconds(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Worker:
    """Speaks for one host, with a key of its own."""

    http: httpx.AsyncClient
    host: str = "edge-1"
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    async def beat(self, *active: str, **more: Any) -> dict[str, Any]:
        """As real workers do, names no jobs where it has none."""
        body = {"host_id": self.host, "memory_total": 32.0, "disk_free": 200.0, **self.facts, **more}
        if active:
            body["active_jobs"] = list(active)
        return data_of(await self.http.post("/api/devices/heartbeat", json=body))

    async def ask(self, **query: Any) -> dict[str, Any] | None:
        answer = await self.http.get("/api/queue/next_job", params={"host_id": self.host, **query})
        return data_of(answer)["job"]

    async def take(self) -> dict[str, Any]:
        """The next job, once there is one; it was confirmed."""
        await self.beat()
        job = await self.ask(wait_seconds=10)
        assert job is not None
        assert (await self.confirm(job["experiment_uid"])).status_code == 200
        return job

    async def confirm(self, uid: str, **more: Any) -> httpx.Response:
        body = {"experiment_uid": uid, "pid": 4711, **more}
        return await self.http.post("/api/queue/confirm_started", json=body)

    async def complete(self, uid: str, *, success: bool = True, **more: Any) -> httpx.Response:
        body = {"experiment_uid": uid, "success": success, **more}
        return await self.http.post("/api/queue/complete_job", json=body)

    async def send(self, where: str, text: str) -> None:
        answer = await self.http.post(f"/api/sync/{where}", files={"delta": ("delta", text.encode())})
        assert answer.status_code == 200, answer.text


@dataclass
class Plant:
    """Gateway, auth, queue and sync as they are, and who talks to them."""

    url: str
    admin: httpx.AsyncClient
    """Somebody at a dashboard."""
    bus: Service
    clock: Clock
    clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    async def key(self, *scopes: str, **fields: Any) -> str:
        body = {"name": "worker", "scopes": scopes or ("inspect", "view_history"), **fields}
        answer = await self.admin.post("/api/v1/keys", json={"rate_per_minute": 10_000, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()["key"]

    async def worker(self, host: str = "edge-1", **facts: Any) -> Worker:
        headers = {"Authorization": f"Bearer {await self.key()}"}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=40)
        self.clients.append(client)
        return Worker(client, host, facts)

    async def add(self, config: str = CONFIG, **fields: Any) -> dict[str, Any]:
        answer = await self.admin.post("/api/queue/add", json={"config": config, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    async def job(self, uid: str) -> dict[str, Any]:
        answer = await self.admin.get(f"/api/queue/experiment/{uid}")
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    async def get(self, path: str, **query: Any) -> Any:
        return data_of(await self.admin.get(f"/api/{path}", params=query))

    async def post(self, path: str, **query: Any) -> httpx.Response:
        return await self.admin.post(f"/api/{path}", params=query)

    async def set(self, **changes: Any) -> None:
        now = await self.bus.ask(queue.SETTINGS_GET, queue.GetSettings(), timeout=15)
        after = QueueSettings(**{**now.model_dump(), **changes})
        await self.bus.ask(queue.SETTINGS_PUT, queue.PutSettings(settings=after), timeout=15)

    @asynccontextmanager
    async def socket(self, path: str, token: str | None = None) -> AsyncIterator[ClientConnection]:
        bearer = self.admin.headers["Authorization"] if token is None else f"Bearer {token}"
        url = self.url.replace("http", "ws") + path
        async with connect(url, additional_headers={"Authorization": bearer}, proxy=None) as socket:
            yield socket


def data_of(answer: httpx.Response) -> Any:
    """What a good answer carries in its envelope."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"data", "meta"}
    assert body["meta"]["version"] == "1.0"
    assert datetime.fromisoformat(body["meta"]["timestamp"]).tzinfo is not None
    return body["data"]


def refused(answer: httpx.Response, status: int) -> str:
    """The reason, once the answer is such a refusal as RFC 7807 has it, below `detail`."""
    assert answer.status_code == status, answer.text
    problem = answer.json()["detail"]
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    return problem["detail"]
