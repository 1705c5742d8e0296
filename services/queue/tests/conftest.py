"""A queue on a real bus and a real database, with those who ask it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from andon.contracts import queue, stream_of
from andon.contracts.queue import (
    DeviceFacts,
    DeviceHeartbeat,
    Gpu,
    Grant,
    HeartbeatAnswer,
    Job,
    JobChanged,
    JobHistory,
    LeaseJobs,
    NewJob,
    QueueSettings,
    Report,
    Reported,
    Stage,
)
from andon.messaging import BusSettings, Service
from andon.queue.app import SERVICE, EngineSettings, QueueServiceSettings, build
from andon.runtime import ServiceDefinition, serving
from andon.storage import MongoSettings


class Line:
    """Whoever asks: users, surfaces, agents."""

    def __init__(self, bus: Service) -> None:
        self.bus = bus

    async def submit(self, name: str = "job", **fields: Any) -> Job:
        return await self.bus.ask(queue.SUBMIT, NewJob(name=name, **fields), timeout=15)

    async def get(self, job_id: str) -> Job:
        return await self.bus.ask(queue.GET, queue.GetJob(id=job_id), timeout=15)

    async def history(self, job_id: str) -> JobHistory:
        return await self.bus.ask(queue.HISTORY, queue.GetJob(id=job_id), timeout=15)

    async def beat(self, device: str = "edge-1", session: str = "s1", **fields: Any) -> HeartbeatAnswer:
        facts = fields.pop("facts", None) or DeviceFacts(
            cpu_cores=fields.pop("cpu", 8),
            memory_total=fields.pop("memory_gb", 16) * 10**9,
            disk_free=100 * 10**9,
            gpus=tuple(Gpu(id=i, vram_total=gb * 10**9) for i, gb in enumerate(fields.pop("gpus", ()))),
        )
        beat = DeviceHeartbeat(id=device, session=session, facts=facts, **{"slots": 4, **fields})
        return await self.bus.ask(queue.HEARTBEAT, beat, timeout=15)

    async def lease(self, device: str = "edge-1", session: str = "s1", **fields: Any) -> Sequence[Grant]:
        ask = LeaseJobs(device=device, session=session, **fields)
        return (await self.bus.ask(queue.LEASE, ask, timeout=ask.wait_seconds + 15)).grants

    async def lease_one(self, device: str = "edge-1", **fields: Any) -> Grant:
        (grant,) = await self.lease(device, **{"wait_seconds": 10, **fields})
        return grant

    async def report(self, grant: Grant, stage: Stage | None, **fields: Any) -> Reported:
        report = Report(job_id=grant.job.id, token=grant.lease.token, stage=stage, **fields)
        return await self.bus.ask(queue.REPORT, report, timeout=15)

    async def set(self, **changes: Any) -> QueueSettings:
        now = await self.bus.ask(queue.SETTINGS_GET, queue.GetSettings(), timeout=15)
        after = QueueSettings(**{**now.model_dump(), **changes})
        return await self.bus.ask(queue.SETTINGS_PUT, queue.PutSettings(settings=after), timeout=15)

    async def said(self, job_id: str | None = None) -> list[JobChanged]:
        """Every change that was said, in the order of the stream."""
        found: list[JobChanged] = []
        after = 0
        while kept := await self.bus.replay(stream_of(queue.JOB_CHANGED), after, 500):
            after = kept[-1][2].sequence
            found += [message for _, message, _ in kept if isinstance(message, JobChanged)]
        return [each for each in found if job_id in (None, each.id)]


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> QueueServiceSettings:
    engine = EngineSettings(look_seconds=0.1)
    return QueueServiceSettings(bus=bus_settings, mongo=mongo_settings, engine=engine)


class Clock:
    """The engine's time: goes on by itself, and faster when a test says so."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def pass_seconds(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def definition(clock: Clock) -> ServiceDefinition:
    """The queue with a clock of the test's own."""
    return ServiceDefinition(SERVICE.name, SERVICE.settings, lambda settings: build(settings, clock))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def engine(settings: QueueServiceSettings, clock: Clock) -> AsyncIterator[None]:
    """One replica."""
    async with serving(definition(clock), settings):
        yield


@pytest.fixture
async def replicas(settings: QueueServiceSettings) -> AsyncIterator[Callable[[int], Any]]:
    """Several of them."""
    async with AsyncExitStack() as stack:

        async def start(count: int) -> None:
            for _ in range(count):
                await stack.enter_async_context(serving(SERVICE, settings))

        yield start


@pytest.fixture
async def line(bus_settings: BusSettings) -> AsyncIterator[Line]:
    async with Service("gateway", bus_settings) as service:
        yield Line(service)
