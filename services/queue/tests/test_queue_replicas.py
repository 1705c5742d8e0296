"""Several replicas, none of them safe from being killed: nothing runs twice, nothing is lost or unsaid."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from andon.contracts import Conflict, Refused, queue
from andon.contracts.queue import (
    DeviceFacts,
    DeviceStatus,
    Grant,
    JobStatus,
    LeaseJobs,
    NewJob,
    PutSettings,
    Report,
    Requirements,
    Stage,
    SubmitMany,
)
from andon.queue.app import SERVICE, QueueServiceSettings, build
from andon.runtime import ServiceDefinition, serving
from andon.testing import eventually


@pytest.mark.long
async def test_two_replicas_never_hand_out_one_job_twice_nor_overfill_a_device(line: Any, replicas: Any):
    await replicas(2)
    devices = [f"edge-{number}" for number in range(4)]
    for device in devices:
        await line.beat(device, slots=3, cpu=3)
    jobs = tuple(NewJob(name=f"j{number}", requirements=Requirements(cpu=1)) for number in range(40))
    await line.bus.ask(queue.SUBMIT_MANY, SubmitMany(jobs=jobs), timeout=30)
    done: Counter[str] = Counter()

    async def work(device: str) -> None:
        """Asks twice at once, as no agent should."""
        while sum(done.values()) < len(jobs):
            asks = (line.lease(device, count=2, wait_seconds=0.3) for _ in range(2))
            grants = [grant for got in await asyncio.gather(*asks) for grant in got]
            held = await line.bus.ask(queue.DEVICE_GET, queue.GetDevice(id=device), timeout=15)
            assert len(held.active_jobs) <= 3
            for grant in grants:
                await line.report(grant, Stage.SUCCEEDED)
                done[grant.job.id] += 1

    await asyncio.wait_for(asyncio.gather(*(work(device) for device in devices)), 50)
    assert set(done.values()) == {1}
    assert len(done) == len(jobs)


async def test_a_job_that_one_replica_took_is_handed_out_by_the_other(line: Any, replicas: Any):
    await replicas(2)
    await line.beat("edge-1")
    await line.beat("edge-2")
    asked = [asyncio.ensure_future(line.lease(f"edge-{n}", wait_seconds=20)) for n in (1, 2)]
    for number in range(2):
        await line.submit(f"j{number}")
    got = await asyncio.wait_for(asyncio.gather(*asked), 10)
    assert sorted(grant.job.name for grants in got for grant in grants) == ["j0", "j1"]


async def test_replicas_whose_clocks_are_an_hour_apart_agree_on_leases(
    line: Any, settings: QueueServiceSettings
):
    def replica(hours: float) -> ServiceDefinition:
        def local() -> datetime:
            return datetime.now(UTC) + timedelta(hours=hours)

        return ServiceDefinition(
            SERVICE.name, SERVICE.settings, lambda settings: build(settings, local=local)
        )

    async with serving(replica(-1), settings), serving(replica(1), settings):
        facts = DeviceFacts(cpu_cores=8, clock=datetime.now(UTC) + timedelta(hours=1))
        jobs = [await line.submit(f"j{number}") for number in range(6)]
        beat = await line.beat(slots=9, facts=facts)
        assert beat.device.clock_skew_seconds == pytest.approx(3600, abs=30)
        grants = await line.lease(count=6, wait_seconds=5)
        assert len(grants) == len(jobs)
        for grant in grants:
            await line.report(grant, Stage.RUNNING)
        for _ in range(3):  # longer than both replicas need to look at what time has come for
            await asyncio.sleep(0.2)
            assert (await line.beat(slots=9, facts=facts)).device.status is DeviceStatus.HEALTHY
        for job in jobs:
            assert (await line.get(job.id)).status is JobStatus.RUNNING
        for grant in grants:
            await line.report(grant, Stage.SUCCEEDED)


class Process:
    """The queue as a process of its own."""

    def __init__(self, settings: QueueServiceSettings) -> None:
        self._environment = {
            **os.environ,
            "ANDON_BUS__URL": settings.bus.url,
            "ANDON_MONGO__URI": settings.mongo.uri,
            "ANDON_MONGO__PREFIX": settings.mongo.prefix,
            "ANDON_ENGINE__LOOK_SECONDS": "0.2",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "andon.runtime.service", "queue"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)


@pytest.fixture
async def process(settings: QueueServiceSettings) -> AsyncIterator[Process]:
    process = Process(settings)
    process.start()
    try:
        yield process
    finally:
        process.kill()


async def patiently(ask: Any, *question: Any) -> Any:
    """Ask until it is answered, as agents do; what is refused is raised."""
    while True:
        try:
            return await ask(*question, timeout=3)
        except Refused as refused:
            if refused.problem.status != 503:
                raise


class Persistent:
    """Somebody who asks until it is answered; the same wish twice is one job, the same report counts once."""

    def __init__(self, line: Any, jobs: int) -> None:
        self.line = line
        self.jobs = jobs
        self.done: list[str] = []

    async def ask(self, subject: Any, message: Any) -> Any:
        return await patiently(self.line.bus.ask, subject, message)

    async def submit(self, number: int) -> None:
        key = f"k{number}"
        wish = NewJob(name=f"j{number}", idempotency_key=key, max_infrastructure_retries=100)
        await self.ask(queue.SUBMIT, wish)

    async def work(self) -> None:
        while len(self.done) < self.jobs:
            wish = LeaseJobs(device="edge-1", session="s1", count=4, wait_seconds=1)
            leased = await self.ask(queue.LEASE, wish)
            await asyncio.gather(*(self.run(grant) for grant in leased.grants))

    async def run(self, grant: Grant) -> None:
        for stage in (Stage.RUNNING, Stage.COLLECTING, Stage.SUCCEEDED):
            said = Report(job_id=grant.job.id, token=grant.lease.token, stage=stage)
            try:
                await self.ask(queue.REPORT, said)
            except Conflict:
                return  # the queue was away for longer than the lease: somebody gets the job again
        self.done.append(grant.job.id)

    async def told_without_a_gap(self) -> bool:
        events = await self.line.said()
        for job_id in self.done:
            job = await self.line.get(job_id)
            assert job.status is JobStatus.SUCCEEDED
            versions = [each.version for each in events if each.id == job_id]
            assert versions == list(range(1, job.version + 1)), versions
        return True


@pytest.mark.long
async def test_a_queue_that_is_killed_again_and_again_loses_no_job_and_no_event(line: Any, process: Process):
    somebody, moments = Persistent(line, 24), random.Random(7)

    async def kill() -> None:
        for _ in range(3):
            await asyncio.sleep(moments.uniform(0.2, 0.8))  # somewhere in the middle of things
            process.kill()
            process.start()
            await somebody.ask(queue.SETTINGS_GET, queue.GetSettings())

    now = await somebody.ask(queue.SETTINGS_GET, queue.GetSettings())
    quick = now.model_copy(update={"confirm_seconds": 2, "lost_grace_seconds": 1, "lease_seconds": 5})
    await somebody.ask(queue.SETTINGS_PUT, PutSettings(settings=quick))
    await line.beat("edge-1", slots=100)
    submitting = (somebody.submit(number) for number in range(somebody.jobs))
    await asyncio.wait_for(asyncio.gather(*submitting, somebody.work(), kill()), 50)
    assert len(set(somebody.done)) == len(somebody.done) == somebody.jobs
    await eventually(somebody.told_without_a_gap, 20, every=0.5)


async def test_a_replica_that_stops_keeps_no_device_waiting(line: Any, settings: QueueServiceSettings):
    async with serving(SERVICE, settings):
        await line.beat("edge-1")
        asked = asyncio.ensure_future(line.lease("edge-1", wait_seconds=50))
        await asyncio.sleep(0.2)  # it waits inside the engine
    assert await asyncio.wait_for(asked, 1) == ()
