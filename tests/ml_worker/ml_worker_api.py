"""A client's and a worker's side of the ML worker API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from andon.agent.app import AgentSettings, build
from andon.contracts import queue
from andon.contracts.queue import DeviceFacts, DeviceHeartbeat, Grant, LeaseJobs, Report, Reported, Stage
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings, WebSettings
from andon.gateway.limits import LimitSettings
from andon.messaging import BusSettings, Service
from andon.runtime import HttpSettings, ServiceDefinition, serving
from andon.storage import Blobs, MongoSettings, S3Settings


@dataclass(frozen=True)
class Place:
    """The servers that everything stands on."""

    bus: BusSettings
    mongo: MongoSettings
    s3: S3Settings

    @asynccontextmanager
    async def gateway(self, **blocks: Any) -> AsyncIterator[str]:
        """The address of one more gateway; `blocks` are settings beside the place, by name."""
        settings = GatewaySettings(
            bus=self.bus, mongo=self.mongo, s3=self.s3, http=HttpSettings(port=0, drain=1),
            web=WebSettings(ping_seconds=0.3), limits=LimitSettings(others_per_minute=100_000, patience=10),
            **blocks,
        )  # fmt: skip
        async with serving(GATEWAY, settings) as running:
            yield f"http://127.0.0.1:{running.http_port}"


@dataclass
class Api:
    """The ML worker API, and who may do what there."""

    url: str
    admin: httpx.AsyncClient
    """Signed in as a person."""
    bus: Service
    """As agents and other surfaces have it."""
    blobs: Blobs

    async def key(self, *scopes: str, **fields: Any) -> tuple[str, str]:
        """The id and the secret of a new key."""
        body = {"name": "robot", "scopes": scopes or ("configure", "view_history"), **fields}
        answer = await self.admin.post("/api/v1/keys", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"], answer.json()["key"]

    def client(self, key: str = "", url: str = "") -> httpx.AsyncClient:
        headers = {"X-API-Key": key} if key else {}
        return httpx.AsyncClient(base_url=url or self.url, headers=headers, timeout=15)

    async def clear(self) -> None:
        """Take all jobs out of all lists."""
        while jobs := (await self.bus.ask(queue.LIST, queue.ListJobs(limit=500), timeout=30)).jobs:
            for job in jobs:
                await self.bus.ask(queue.DELETE, queue.DeleteJob(id=job.id, force=True), timeout=30)


@dataclass
class Worker:
    """What an agent says to the queue."""

    bus: Service

    async def beat(self) -> None:
        facts = DeviceFacts(cpu_cores=8, memory_total=16 * 10**9, disk_free=10**11)
        await self.bus.ask(queue.HEARTBEAT, DeviceHeartbeat(id="edge-1", facts=facts, slots=8))

    async def lease(self, count: int = 1) -> Sequence[Grant]:
        await self.beat()
        ask = LeaseJobs(device="edge-1", count=count, wait_seconds=5)
        return (await self.bus.ask(queue.LEASE, ask, timeout=15)).grants

    async def report(self, grant: Grant, stage: Stage, **fields: Any) -> Reported:
        report = Report(job_id=grant.job.id, token=grant.lease.token, stage=stage, **fields)
        return await self.bus.ask(queue.REPORT, report)


def agent_of(settings: AgentSettings) -> AbstractAsyncContextManager[Any]:
    """An agent in this process; its jobs run beside it, and on after it."""
    return serving(ServiceDefinition("agent", AgentSettings, lambda given: build(given)[0]), settings)


def end_all_in(folder: Path) -> None:
    """The processes that work below a folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                process.kill()


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The reason, once the answer is such a refusal in the API's own form."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == {"error", "code", "trace_id"}
    assert body["trace_id"] == answer.headers["x-trace-id"]
    return body["error"]
