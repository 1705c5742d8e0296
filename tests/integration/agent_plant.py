"""All that a worker machine talks to, with real servers behind it, and machines of one's own choice."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from andon.agent.app import AgentBlock, AgentSettings, build
from andon.contracts import queue, workspace
from andon.contracts.queue import ENDED, Job, JobRecord, NewJob, Repeated, Spec
from andon.messaging import BusSettings, Service
from andon.queue.app import EngineSettings
from andon.runtime import HttpSettings, ServiceDefinition, serving
from andon.runtime.registry import definition_of
from andon.security import PasswordCost
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import eventually

BEHIND = ("auth", "component-store", "sync", "queue")


@dataclass
class Plant:
    bus: Service
    bus_settings: BusSettings
    s3: S3Settings
    blobs: Blobs
    url: str
    admin: httpx.AsyncClient
    key: str
    """Of a worker machine."""

    async def key_with(self, name: str, *scopes: str) -> str:
        return (await self.admin.post("/api/v1/keys", json={"name": name, "scopes": scopes})).json()["key"]

    async def upload(self, path: str, content: str) -> str:
        """The sha256 of the version, which is active now."""
        body = {"path": path, "content": content}
        answer = await self.admin.post("/api/components/versions/upload", json=body)
        assert answer.status_code == 200, answer.text
        return sha256(content.encode()).hexdigest()

    async def manifest(self, uid: str, components: dict[str, str]) -> None:
        answer = await self.admin.post(f"/api/components/manifest/{uid}", json=components)
        assert answer.status_code == 200, answer.text

    async def dataset(self, name: str, data: bytes) -> str:
        """Register it under its name; the object's key."""
        digest = sha256(data).hexdigest()
        key = f"archives/{digest}"
        await self.blobs.put(key, data)
        wish = workspace.RegisterArchive(
            kind=workspace.ArchiveKind.DATASET, name=name, key=key, sha256=digest, size=len(data), by="t"
        )
        await self.bus.ask(workspace.ARCHIVE_REGISTER, wish, timeout=15)
        return key

    async def submit(self, *command: str, spec: dict[str, Any] | None = None, **fields: Any) -> Job:
        wish = NewJob(name="job", spec=Spec(command=command, **(spec or {})), **fields)
        return await self.bus.ask(queue.SUBMIT, wish, timeout=15)

    async def ended(self, job: Job, within: float = 50) -> Job:
        async def there() -> Job | None:
            found = await self.bus.ask(queue.GET, queue.GetJob(id=job.id), timeout=15)
            assert found.status in ENDED, f"{found.status} {found.status_reason} {found.error}"
            return found

        return await eventually(there, within, every=0.05)  # type: ignore[return-value]

    async def record(self, job: Job) -> JobRecord:
        return await self.bus.ask(queue.RECORD, queue.GetRecord(id=job.id), timeout=15)

    async def again(self, job: Job, **fields: Any) -> Repeated:
        return await self.bus.ask(queue.REPEAT, queue.RepeatJob(id=job.id, **fields), timeout=15)

    async def output(self, job: Job, name: str) -> bytes:
        return await self.blobs.get(next(each.key for each in job.outputs if each.name == name))

    async def synced(self, uid: str, path: str) -> bytes | None:
        """A file's bytes on the server as they are now; None while it is not there."""
        answer = await self.admin.get(f"/api/sync/files/{uid}/{path}")
        return answer.content if answer.status_code == 200 else None

    async def status_of(self, uid: str) -> str | None:
        """How an experiment's files stand."""
        found = (await self.admin.get("/api/sync/experiments")).json()["experiments"]
        return next((each["status"] for each in found if each["uid"] == uid), None)

    @asynccontextmanager
    async def machine(self, data: Path, **changes: Any) -> AsyncIterator[None]:
        """An agent over a folder of its own."""
        known: dict[str, Any] = {"name": data.name, "slots": 4, "reserve_gb": 0.01, "patience": 20}
        known |= {"server": self.url, "key": SecretStr(self.key)} | changes
        settings = AgentSettings(bus=self.bus_settings, s3=self.s3, data=data, agent=AgentBlock(**known))
        application, _ = build(settings)
        async with serving(ServiceDefinition("agent", AgentSettings, lambda _: application), settings):
            yield


@asynccontextmanager
async def plant(bus: BusSettings, mongo: MongoSettings, s3: S3Settings, data: Path) -> AsyncIterator[Plant]:
    given: dict[str, Any] = {
        "bus": bus, "mongo": mongo, "s3": s3, "data": data, "demo": True, "grace": 0.2,
        "http": HttpSettings(port=0, drain=1), "limits": {"others_per_minute": 100_000},
        "passwords": PasswordCost(passes=1, memory_kib=8),
    }  # fmt: skip

    @asynccontextmanager
    async def running(name: str) -> AsyncIterator[Any]:
        definition = definition_of(name)
        own: dict[str, Any] = {}
        if name == "queue":
            own["engine"] = EngineSettings(look_seconds=0.1, heartbeat_seconds=1)
        fields = {
            key: value for key, value in (given | own).items() if key in definition.settings.model_fields
        }
        async with serving(definition, definition.settings(**fields)) as served:
            yield served

    async with Blobs(s3) as blobs, _all(*(running(name) for name in BEHIND)), running("gateway") as gateway:
        await blobs.prepare()
        url = f"http://127.0.0.1:{gateway.http_port}"
        async with httpx.AsyncClient(base_url=url, timeout=20) as admin, Service("gateway", bus) as asking:
            login = {"username": "admin", "password": "admin"}
            signed = (await admin.post("/api/v1/auth/login", json=login)).json()
            admin.headers["Authorization"] = f"Bearer {signed['access_token']}"
            made = Plant(asking, bus, s3, blobs, url, admin, "")
            # A machine that is switched off may be handed one more job: that is soon given to another.
            settings = queue.PutSettings(settings=queue.QueueSettings(confirm_seconds=8))
            await asking.ask(queue.SETTINGS_PUT, settings, timeout=15)
            made.key = await made.key_with("machine", "inspect", "view_history")
            yield made


@asynccontextmanager
async def _all(*running: Any) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for each in running:
            await stack.enter_async_context(each)
        yield
