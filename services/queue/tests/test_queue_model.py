"""Whatever users, devices and time do, in any order: no job runs twice and none is lost."""

import asyncio
import secrets
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from andon.contracts import Conflict, queue
from andon.contracts.queue import (
    ENDED,
    CancelJob,
    Failure,
    Grant,
    HeldLease,
    JobStatus,
    MoveJob,
    PauseJob,
    ResumeJob,
    Stage,
)
from andon.messaging import BusSettings, Service, declare_topology
from andon.queue.app import EngineSettings, QueueServiceSettings
from andon.runtime import serving
from andon.storage import MongoSettings
from andon.testing import eventually

from .conftest import Clock, Line, definition

pytestmark = pytest.mark.long

DEVICES = ("edge-1", "edge-2")
SLOTS = 2


class Factory(RuleBasedStateMachine):
    """Two replicas, two devices, and a clock that jumps."""

    bus: BusSettings
    mongo_uri: str
    jobs = Bundle("jobs")
    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.clock = Clock()
        self.succeeded: Counter[str] = Counter()
        self.submitted: list[str] = []
        self.current: dict[str, int] = {}
        """The attempt of each job that was handed out last."""
        self.do(self._start())

    async def _start(self) -> None:
        settings = QueueServiceSettings(
            bus=self.bus,
            mongo=MongoSettings(uri=self.mongo_uri, prefix=f"t{secrets.token_hex(5)}"),
            engine=EngineSettings(look_seconds=0.02),
        )
        for _ in range(2):
            await self.stack.enter_async_context(serving(definition(self.clock), settings))
        self.line = Line(await self.stack.enter_async_context(Service("gateway", self.bus)))
        for device in DEVICES:
            await self.line.beat(device, slots=SLOTS)

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(target=jobs, retries=st.integers(0, 1), priority=st.sampled_from([20, 50, 100]))
    def submit(self, retries: int, priority: int) -> str:
        job = self.do(self.line.submit(f"j{len(self.submitted)}", max_retries=retries, priority=priority))
        self.submitted.append(job.id)
        return job.id

    @rule(target=grants, device=st.sampled_from(DEVICES), twice=st.booleans())
    def lease(self, device: str, twice: bool) -> Any:
        async def ask() -> list[Grant]:
            asks = (self.line.lease(device, count=2) for _ in range(1 + twice))
            return [grant for got in await asyncio.gather(*asks) for grant in got]

        return self.handed_out(self.do(ask()))

    def handed_out(self, got: list[Grant]) -> Any:
        for grant in got:
            self.current[grant.job.id] = max(grant.lease.attempt, self.current.get(grant.job.id, 0))
        return multiple(*got)

    @rule(target=grants, grant=grants)
    def falls_silent(self, grant: Grant) -> Any:
        """A device is not heard of until its job is another's; what it says afterwards comes too late."""

        async def silent() -> list[Grant]:
            for seconds in (61, 61, 10):
                self.clock.pass_seconds(seconds)
                await asyncio.sleep(0.06)
            other = next(each for each in DEVICES if each != grant.job.device)
            return list(await self.line.lease(other, count=SLOTS))

        got = self.handed_out(self.do(silent()))
        if self.told(grant, Stage.SUCCEEDED):
            self.succeeded[grant.job.id] += 1
        return got

    @rule(grant=grants, stage=st.sampled_from([Stage.PREPARING, Stage.RUNNING, Stage.PAUSED, None]))
    def report(self, grant: Grant, stage: Stage | None) -> None:
        """Also by workers whose lease is long over."""
        self.told(grant, stage)

    @rule(grant=grants, failure=st.sampled_from(Failure))
    def fail(self, grant: Grant, failure: Failure) -> None:
        self.told(grant, Stage.FAILED, failure=failure, exit_code=1)

    @rule(grant=consumes(grants))
    def finish(self, grant: Grant) -> None:
        if self.told(grant, Stage.SUCCEEDED):
            self.succeeded[grant.job.id] += 1

    @rule(grant=grants)
    def give_back(self, grant: Grant) -> None:
        self.told(grant, Stage.RELEASED)

    def told(self, grant: Grant, stage: Stage | None, **fields: Any) -> bool:
        try:
            self.do(self.line.report(grant, stage, **fields))
        except Conflict:
            return False
        repeated = stage in (
            Stage.FAILED,
            Stage.RELEASED,
        )  # said twice, these are answered and change nothing
        assert repeated or grant.lease.attempt == self.current[grant.job.id], "a lease that is over was heard"
        return True

    @rule(grant=grants)
    def beat(self, grant: Grant) -> None:
        held = HeldLease(job_id=grant.job.id, token=grant.lease.token)
        self.do(self.line.beat(str(grant.job.device), slots=SLOTS, leases=[held]))

    @rule(job=jobs, force=st.booleans())
    def cancel(self, job: str, force: bool) -> None:
        self.do(self.line.bus.ask(queue.CANCEL, CancelJob(id=job, force=force), timeout=15))

    @rule(job=jobs, pause=st.booleans())
    def hold(self, job: str, pause: bool) -> None:
        ask: Any = (queue.PAUSE, PauseJob(id=job)) if pause else (queue.RESUME, ResumeJob(id=job))
        self.refusable(*ask)

    @rule(job=jobs, to=st.sampled_from([JobStatus.DRAFT, JobStatus.QUEUED]), force=st.booleans())
    def move(self, job: str, to: JobStatus, force: bool) -> None:
        if self.refusable(queue.MOVE, MoveJob(id=job, to=to, force=force)):
            self.succeeded.pop(job, None)  # led into a new start, it may succeed once more

    def refusable(self, subject: Any, message: Any) -> bool:
        async def ask() -> bool:
            before = await self.line.get(message.id)
            try:
                after = await self.line.bus.ask(subject, message, timeout=15)
            except Conflict:
                return False
            return after.version > before.version

        return self.do(ask())

    @rule(seconds=st.sampled_from([1, 20, 61, 130]))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)
        self.do(asyncio.sleep(0.05))  # lets replicas look; what they have not seen yet is another order

    @invariant()
    def nothing_runs_twice(self) -> None:
        assert all(count == 1 for count in self.succeeded.values())

    @invariant()
    def no_device_is_overfull(self) -> None:
        async def look() -> None:
            for device in DEVICES:
                held = await self.line.bus.ask(queue.DEVICE_GET, queue.GetDevice(id=device), timeout=15)
                assert len(held.active_jobs) <= SLOTS

        self.do(look())

    def teardown(self) -> None:
        try:
            self.do(asyncio.wait_for(self._drain(), 30))
            self.do(self._complete())
        finally:
            self.do(self.stack.aclose())
            self.runner.close()

    async def _drain(self) -> None:
        """Left to themselves, all jobs come to an end."""
        for job_id in self.submitted:
            if (await self.line.get(job_id)).status in (JobStatus.DRAFT, JobStatus.PAUSED):
                await self.line.bus.ask(queue.CANCEL, CancelJob(id=job_id, force=True), timeout=15)
        left = set(self.submitted)
        while left:
            self.clock.pass_seconds(70)
            for device in DEVICES:
                await self.line.beat(device, slots=SLOTS)
                for grant in await self.line.lease(device, count=SLOTS, wait_seconds=0.05):
                    await self.line.report(grant, Stage.SUCCEEDED)
                    self.succeeded[grant.job.id] += 1
            for job_id in list(left):
                job = await self.line.get(job_id)
                if job.status is JobStatus.PAUSED:
                    await self.line.bus.ask(queue.CANCEL, CancelJob(id=job_id), timeout=15)
                if job.status in ENDED:
                    left.discard(job_id)
        self.nothing_runs_twice_at_the_end()

    def nothing_runs_twice_at_the_end(self) -> None:
        assert all(count == 1 for count in self.succeeded.values())

    async def _complete(self) -> None:
        """History and stream tell the same story, without a gap."""
        histories = [await self.line.history(job_id) for job_id in self.submitted]
        for history in histories:
            versions = list(range(1, history.job.version + 1))
            assert [entry.version for entry in history.entries] == versions
        written = {
            history.job.id: [(each.version, each.status) for each in history.entries] for history in histories
        }

        async def said() -> bool:
            events: dict[str, list[tuple[int, JobStatus]]] = {job_id: [] for job_id in self.submitted}
            for each in await self.line.said():
                if each.id in events:
                    events[each.id].append((each.version, each.status))
            assert events == written
            return True

        await eventually(said)


@pytest.mark.timeout(120)
def test_any_order_of_events_leaves_every_job_run_once_and_told(nats_url: str, mongo_uri: str):
    bus = BusSettings(url=nats_url)
    asyncio.run(declare_topology(bus))
    machine = type("Run", (Factory,), {"bus": bus, "mongo_uri": mongo_uri})
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=6,
            stateful_step_count=20,
            deadline=None,
            phases=[hypothesis.Phase.generate],  # to shrink a failure would take minutes
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        ),
    )
