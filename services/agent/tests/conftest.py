"""Agents on a real bus with a real queue, a real database and a real object store."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from andon.agent.adapters.keepers import living_keeper
from andon.agent.app import AgentBlock, AgentSettings, build
from andon.agent.handlers.agent import Agent
from andon.contracts import queue, workspace
from andon.contracts.queue import (
    ENDED,
    Device,
    Job,
    JobHistory,
    JobStatus,
    LogRef,
    NewJob,
    QueueSettings,
    Spec,
)
from andon.messaging import BusSettings, Service
from andon.queue.app import SERVICE, EngineSettings, QueueServiceSettings
from andon.runtime import ServiceDefinition, serving
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import eventually

PYTHON = sys.executable


class Floor:
    """Whoever gives work, and looks at what became of it."""

    def __init__(self, bus: Service, blobs: Blobs) -> None:
        self.bus = bus
        self.blobs = blobs

    async def submit(self, *command: str, name: str = "job", **fields: Any) -> Job:
        spec = Spec(command=command, **fields.pop("spec", {}))
        return await self.bus.ask(queue.SUBMIT, NewJob(name=name, spec=spec, **fields), timeout=15)

    async def python(self, code: str, *arguments: str, **fields: Any) -> Job:
        return await self.submit(PYTHON, "-c", code, *arguments, **fields)

    async def get(self, job: Job) -> Job:
        return await self.bus.ask(queue.GET, queue.GetJob(id=job.id), timeout=15)

    async def history(self, job: Job) -> JobHistory:
        return await self.bus.ask(queue.HISTORY, queue.GetJob(id=job.id), timeout=15)

    async def cancel(self, job: Job) -> Job:
        return await self.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id), timeout=15)

    async def until(self, job: Job, *status: JobStatus, within: float = 40) -> Job:
        async def there() -> Job | None:
            found = await self.get(job)
            assert found.status in status, f"{found.status} {found.status_reason} {found.error}"
            return found

        return await eventually(there, within, every=0.05)  # type: ignore[return-value]

    async def ended(self, job: Job, within: float = 40) -> Job:
        return await self.until(job, *ENDED, within=within)

    async def device(self, name: str) -> Device:
        """Once it has registered."""

        async def there() -> Device | None:
            found = await self.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=15)
            return next((each for each in found.devices if each.id == name), None)

        return await eventually(there)  # type: ignore[return-value]

    async def output(self, log: LogRef) -> bytes:
        return b"".join([await self.blobs.get(key) for key in await self.blobs.list(log.key)])

    async def register(self, kind: str, name: str, data: bytes) -> None:
        """Keep an archive under a name, as a gateway does."""
        digest = sha256(data).hexdigest()
        await self.blobs.put(f"archives/{digest}", data)
        wish = workspace.RegisterArchive(
            kind=workspace.ArchiveKind(kind),
            name=name,
            key=f"archives/{digest}",
            sha256=digest,
            size=len(data),
            by="t",
        )
        await self.bus.ask(workspace.ARCHIVE_REGISTER, wish, timeout=15)

    async def set(self, **changes: Any) -> QueueSettings:
        now = await self.bus.ask(queue.SETTINGS_GET, queue.GetSettings(), timeout=15)
        after = QueueSettings(**{**now.model_dump(), **changes})
        return await self.bus.ask(queue.SETTINGS_PUT, queue.PutSettings(settings=after), timeout=15)


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def living() -> Callable[[int], bool]:
    return lives


@pytest.fixture
def queue_settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> QueueServiceSettings:
    engine = EngineSettings(look_seconds=0.1, heartbeat_seconds=1)
    return QueueServiceSettings(bus=bus_settings, mongo=mongo_settings, engine=engine, grace=0.2)


@pytest.fixture
async def engine(queue_settings: QueueServiceSettings) -> AsyncIterator[None]:
    async with serving(SERVICE, queue_settings):
        yield


@pytest.fixture
async def floor(bus_settings: BusSettings, blob_settings: S3Settings) -> AsyncIterator[Floor]:
    async with Service("gateway", bus_settings) as bus, Blobs(blob_settings) as blobs:
        await blobs.prepare()
        yield Floor(bus, blobs)


@pytest.fixture
def agent_settings(bus_settings: BusSettings, blob_settings: S3Settings, tmp_path: Path) -> AgentSettings:
    block = AgentBlock(name="edge-1", slots=4, reserve_gb=0.01)
    return AgentSettings(bus=bus_settings, s3=blob_settings, data=tmp_path / "edge-1", agent=block)


StartAgent = Callable[..., Awaitable[Agent]]


@pytest.fixture
async def start_agent(agent_settings: AgentSettings) -> AsyncIterator[StartAgent]:
    """An agent in this process; its jobs run beside it."""
    async with AsyncExitStack() as stack:

        async def start(data: Path = agent_settings.data, **changes: Any) -> Agent:
            block = agent_settings.agent.model_copy(update=changes)
            settings = agent_settings.model_copy(update={"data": data, "agent": block})
            application, agent = build(settings)
            definition = ServiceDefinition("agent", AgentSettings, lambda _: application)
            await stack.enter_async_context(serving(definition, settings))
            return agent

        yield start


class AgentProcess:
    """`andon agent` as people start it, over a folder of its own."""

    def __init__(self, settings: AgentSettings, name: str) -> None:
        self.name = name
        self.data = settings.data.parent / name
        self._settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    PYTHON,
                    "-c",
                    "from andon.runtime.cli import main; main()",
                    "agent",
                    "--name",
                    self.name,
                    "--data",
                    str(self.data),
                    *options,
                ],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """The agent, and whatever of its jobs still runs."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.kill()
        for started in (self.data / "agent" / "attempts").glob("*/started"):
            if (pid := living_keeper(started.parent)) is not None:
                os.kill(pid, signal.SIGQUIT)

    @property
    def log(self) -> str:
        return (self.data / "agent.log").read_text()

    def _environment(self) -> dict[str, str]:
        block, s3 = self._settings.agent, self._settings.s3
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANDON_")},
            "ANDON_BUS__URL": self._settings.bus.url,
            "ANDON_S3__ENDPOINT": s3.endpoint,
            "ANDON_S3__ACCESS_KEY": s3.access_key,
            "ANDON_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
            "ANDON_S3__BUCKET": s3.bucket,
            "ANDON_AGENT__SLOTS": str(block.slots),
            "ANDON_AGENT__RESERVE_GB": str(block.reserve_gb),
            "ANDON_TELEMETRY__FORMAT": "json",
        }


@pytest.fixture
def agent_process(agent_settings: AgentSettings) -> Iterator[Callable[[str], AgentProcess]]:
    """Makes agents by name; not started yet."""
    made: list[AgentProcess] = []

    def make(name: str) -> AgentProcess:
        made.append(AgentProcess(agent_settings, name))
        return made[-1]

    yield make
    for each in made:
        each.end()
