"""The life of a job between those who want it and those who run it."""

import asyncio
from typing import Any

import pytest

from andon.contracts import Conflict, NotFound, queue, stream_of
from andon.contracts.queue import (
    AttemptOutcome,
    CancelJob,
    Failure,
    HeldLease,
    Job,
    JobSignalled,
    JobStatus,
    PauseJob,
    Progress,
    Report,
    ResumeJob,
    Signal,
    Stage,
    StopKind,
)
from andon.testing import eventually

pytestmark = pytest.mark.usefixtures("engine")


async def becomes(line: Any, job_id: str, status: JobStatus, within: float = 10) -> Job:
    async def there() -> Job:
        job = await line.get(job_id)
        assert job.status is status, job.status
        return job

    return await eventually(there, within)


async def signals(line: Any, job_id: str) -> list[Signal]:
    kept = await line.bus.replay(stream_of(queue.JOB_SIGNALLED), 0, 1000)
    return [each.signal for _, each, _ in kept if isinstance(each, JobSignalled) and each.job_id == job_id]


async def cancel(line: Any, job_id: str, **fields: Any) -> Job:
    return await line.bus.ask(queue.CANCEL, CancelJob(id=job_id, **fields))


async def test_a_job_goes_from_queue_to_success_and_every_step_is_said_once(line: Any):
    command = {"command": ["python", "-c", "print('$(rm -rf /)')"]}
    job = await line.submit("train", spec=command, metadata={"a.b": {"$c": 2**70}})
    assert (job.status, job.attempt_no) == (JobStatus.QUEUED, 0)
    await line.beat()
    grant = await line.lease_one()
    assert grant.job.id == job.id
    assert grant.job.spec.command == ("python", "-c", "print('$(rm -rf /)')")
    for stage in (Stage.PREPARING, Stage.RUNNING, Stage.COLLECTING):
        assert (await line.report(grant, stage)).status.value == stage.value
    assert (await line.report(grant, Stage.SUCCEEDED, message="done")).status is JobStatus.SUCCEEDED
    job = await line.get(job.id)
    assert (job.status, job.output, job.exit_code, job.progress) == (JobStatus.SUCCEEDED, "done", 0, 1)
    assert job.metadata == {"a.b": {"$c": 2**70}}

    async def said() -> bool:
        events = await line.said(job.id)
        assert [each.version for each in events] == [1, 2, 3, 4, 5, 6]
        assert [each.status.value for each in events][-2:] == ["collecting", "succeeded"]
        return True

    await eventually(said)
    history = await line.history(job.id)
    assert [each.status.value for each in history.entries] == [
        "queued", "leased", "preparing", "running", "collecting", "succeeded",
    ]  # fmt: skip
    assert [each.outcome for each in history.attempts] == [AttemptOutcome.SUCCEEDED]


async def test_a_waiting_device_is_told_of_a_job_at_once(line: Any):
    await line.beat()
    asked = asyncio.ensure_future(line.lease(wait_seconds=20))
    await asyncio.sleep(0.2)  # it waits inside the engine; were it late, it would find the job all the same
    job = await line.submit()
    (grant,) = await asyncio.wait_for(asked, 5)
    assert grant.job.id == job.id


async def test_a_report_of_an_old_lease_is_refused_and_a_repeat_is_not(line: Any, clock: Any):
    job = await line.submit("once", max_retries=1)
    await line.beat()
    first = await line.lease_one()
    await line.report(first, Stage.RUNNING, pid=7)
    assert (await line.report(first, Stage.FAILED, exit_code=3)).status is JobStatus.QUEUED
    assert (await line.report(first, Stage.FAILED, exit_code=3)).status is JobStatus.QUEUED
    with pytest.raises(Conflict):
        await line.report(first, Stage.SUCCEEDED)
    clock.pass_seconds(10)
    second = await line.lease_one()
    assert second.lease.attempt == 2
    with pytest.raises(Conflict):
        await line.report(first, Stage.RUNNING)
    await line.report(second, Stage.SUCCEEDED)
    assert (await line.get(job.id)).status is JobStatus.SUCCEEDED


async def test_task_failures_and_infrastructure_failures_have_budgets_of_their_own(line: Any, clock: Any):
    job = await line.submit("twice", max_retries=1, max_infrastructure_retries=1)
    await line.beat()
    for failure, status in (
        (Failure.INFRASTRUCTURE, JobStatus.QUEUED),
        (Failure.TASK, JobStatus.QUEUED),
        (Failure.TASK, JobStatus.FAILED),
    ):
        grant = await line.lease_one()
        told = await line.report(grant, Stage.FAILED, failure=failure, exit_code=2, message="no luck")
        assert told.status is status
        assert await line.lease() == ()  # it rests
        clock.pass_seconds(60)
    job = await line.get(job.id)
    assert (job.retry_count, job.infrastructure_retry_count, job.error) == (1, 1, "no luck")
    assert [each.outcome for each in (await line.history(job.id)).attempts] == [
        AttemptOutcome.INFRASTRUCTURE, AttemptOutcome.FAILED, AttemptOutcome.FAILED,
    ]  # fmt: skip


async def test_what_a_repeat_would_not_help_is_not_repeated(line: Any):
    job = await line.submit(max_retries=9)
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.FAILED, failure=Failure.FINAL, message="no such command")
    assert (await line.get(job.id)).status is JobStatus.FAILED


async def test_a_lease_that_nobody_confirms_is_handed_out_again(line: Any, clock: Any):
    job = await line.submit()
    await line.beat()
    first = await line.lease_one()
    clock.pass_seconds(61)
    await becomes(line, job.id, JobStatus.QUEUED)
    clock.pass_seconds(5)
    await line.beat()
    second = await line.lease_one()
    assert (second.job.id, second.lease.attempt) == (job.id, 2)
    with pytest.raises(Conflict):
        await line.report(first, Stage.RUNNING)


async def test_a_silent_device_may_come_back_with_its_job(line: Any, clock: Any):
    job = await line.submit()
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    clock.pass_seconds(61)
    await becomes(line, job.id, JobStatus.LOST)
    answer = await line.beat(leases=[HeldLease(job_id=job.id, token=grant.lease.token)])
    assert answer.leases[0].held
    job = await line.get(job.id)
    assert (job.status, job.status_reason, job.attempt_no) == (JobStatus.RUNNING, "recovered", 1)
    await line.report(grant, Stage.SUCCEEDED)


async def test_the_job_of_a_device_that_stays_silent_goes_to_another(line: Any, clock: Any):
    job = await line.submit()
    await line.beat("edge-1")
    first = await line.lease_one("edge-1")
    await line.report(first, Stage.RUNNING, checkpoint={"epoch": 3})
    clock.pass_seconds(61)
    await becomes(line, job.id, JobStatus.LOST)
    clock.pass_seconds(61)
    await becomes(line, job.id, JobStatus.QUEUED)
    clock.pass_seconds(5)
    await line.beat("edge-2")
    second = await line.lease_one("edge-2")
    assert second.lease.checkpoint == {"epoch": 3}
    answer = await line.beat("edge-1", leases=[HeldLease(job_id=job.id, token=first.lease.token)])
    assert not answer.leases[0].held
    with pytest.raises(Conflict):
        await line.report(first, Stage.SUCCEEDED)
    attempts = (await line.history(job.id)).attempts
    assert (attempts[0].outcome, attempts[0].reason) == (AttemptOutcome.LOST, "worker_lost")


async def test_heartbeats_keep_a_lease(line: Any, clock: Any):
    job = await line.submit()
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    for step in range(4):
        clock.pass_seconds(40)
        held = HeldLease(
            job_id=job.id, token=grant.lease.token, progress=Progress(fraction=step / 4, step=step)
        )
        assert (await line.beat(leases=[held])).leases[0].held
    job = await line.get(job.id)
    assert (job.status, job.progress, job.step, job.version) == (JobStatus.RUNNING, 0.75, 3, 3)


async def test_a_restarted_agent_gives_up_what_it_no_longer_has(line: Any, clock: Any):
    job = await line.submit()
    await line.beat(session="s1")
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    await line.beat(session="s2", leases=[])
    assert (await line.get(job.id)).status is JobStatus.QUEUED
    assert (await line.history(job.id)).attempts[0].reason == "worker_restarted"
    with pytest.raises(Conflict):
        await line.lease(session="s1")


async def test_a_restarted_agent_keeps_what_it_still_has(line: Any):
    job = await line.submit()
    await line.beat(session="s1")
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    held = HeldLease(job_id=job.id, token=grant.lease.token)
    assert (await line.beat(session="s2", leases=[held])).leases[0].held
    assert (await line.get(job.id)).status is JobStatus.RUNNING


async def test_cancelling_what_waits_or_is_not_confirmed_ends_it_at_once(line: Any):
    waiting, leased = await line.submit("a"), await line.submit("b", priority=90)
    await line.beat()
    grant = await line.lease_one()
    assert grant.job.id == leased.id
    assert (await cancel(line, waiting.id)).status is JobStatus.CANCELLED
    assert (await cancel(line, leased.id)).status is JobStatus.CANCELLED
    with pytest.raises(Conflict):
        await line.report(grant, Stage.RUNNING)
    assert await line.lease() == ()
    assert (await cancel(line, leased.id)).version == (await line.get(leased.id)).version  # a repeat: nothing


@pytest.mark.parametrize(
    ("kind", "status"), [(StopKind.CANCEL, JobStatus.CANCELLED), (StopKind.STOP, JobStatus.STOPPED)]
)
async def test_cancelling_what_runs_reaches_its_device(line: Any, kind: StopKind, status: JobStatus):
    job = await line.submit(max_retries=3)
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    told = await cancel(line, job.id, kind=kind)
    assert (told.status, told.stop_requested) == (JobStatus.RUNNING, True)

    async def signalled() -> bool:
        assert await signals(line, job.id) == [Signal.STOP]
        return True

    await eventually(signalled)
    held = HeldLease(job_id=job.id, token=grant.lease.token)
    assert (await line.beat(leases=[held])).leases[0].stop_requested
    assert (await line.report(grant, None)).stop_requested
    # A process that is told to end often fails; that is no reason to run it again.
    assert (await line.report(grant, Stage.FAILED, exit_code=-15)).status is status


async def test_cancelling_by_force_does_not_wait_for_the_device(line: Any):
    job = await line.submit()
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    assert (await cancel(line, job.id, force=True)).status is JobStatus.CANCELLED
    with pytest.raises(Conflict):
        await line.report(grant, Stage.SUCCEEDED)
    assert (await line.get(job.id)).status is JobStatus.CANCELLED


async def test_a_job_that_waits_can_be_paused_and_resumed(line: Any):
    job = await line.submit()
    await line.beat()
    assert (await line.bus.ask(queue.PAUSE, PauseJob(id=job.id))).status is JobStatus.PAUSED
    assert await line.lease() == ()
    assert (await line.bus.ask(queue.RESUME, ResumeJob(id=job.id))).status is JobStatus.QUEUED
    assert (await line.lease_one()).job.id == job.id
    with pytest.raises(Conflict):
        await line.bus.ask(queue.RESUME, ResumeJob(id=job.id))


async def test_a_job_that_runs_is_paused_by_its_device(line: Any):
    job = await line.submit()
    await line.beat()
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    assert (await line.bus.ask(queue.PAUSE, PauseJob(id=job.id))).pause_requested
    assert (await line.report(grant, None)).pause_requested
    assert (await line.report(grant, Stage.PAUSED)).status is JobStatus.PAUSED
    assert (await line.beat()).device.active_jobs == (job.id,)
    await line.bus.ask(queue.RESUME, ResumeJob(id=job.id))
    assert (await line.report(grant, Stage.RUNNING)).status is JobStatus.RUNNING
    assert (await line.report(grant, Stage.SUCCEEDED)).status is JobStatus.SUCCEEDED


async def test_what_waits_too_long_expires_and_what_runs_too_long_is_told_to_end(line: Any, clock: Any):
    waits = await line.submit("waits", expire_seconds=30, queue="nobody")
    runs = await line.submit("runs", timeout_seconds=100)
    await line.beat(queues=["default"])
    grant = await line.lease_one()
    await line.report(grant, Stage.RUNNING)
    clock.pass_seconds(31)
    await becomes(line, waits.id, JobStatus.EXPIRED)
    for _ in range(3):
        clock.pass_seconds(30)
        assert not (await line.report(grant, None)).pause_requested

    async def asked() -> bool:
        return (await line.report(grant, None)).stop_requested

    await eventually(asked)
    assert (await line.report(grant, Stage.STOPPED)).status is JobStatus.FAILED
    assert (await line.get(runs.id)).status_reason == "timed_out"


async def test_workers_without_tokens_are_fenced_by_their_device(line: Any):
    job = await line.submit(cvlab_uid=True)
    await line.beat("edge-1")
    await line.lease_one("edge-1")
    uid = job.aliases.cvlab
    assert uid is not None
    other = Report(job_id=uid, device="edge-2", stage=Stage.RUNNING)
    with pytest.raises(Conflict):
        await line.bus.ask(queue.REPORT, other)
    own = other.model_copy(update={"device": "edge-1"})
    assert (await line.bus.ask(queue.REPORT, own)).status is JobStatus.RUNNING
    done = own.model_copy(update={"stage": Stage.SUCCEEDED})
    assert (await line.bus.ask(queue.REPORT, done)).status is JobStatus.SUCCEEDED
    assert (await line.bus.ask(queue.REPORT, done)).status is JobStatus.SUCCEEDED


async def test_a_device_that_never_spoke_gets_no_work(line: Any):
    with pytest.raises(NotFound):
        await line.lease("nobody")
