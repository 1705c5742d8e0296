"""Submitting once, finding again, looking after: what surfaces ask of the queue."""

import asyncio
from typing import Any

import pytest

from andon.contracts import Conflict, Invalid, NotFound, queue
from andon.contracts.queue import (
    CleanJobs,
    DeleteDevice,
    DeleteJob,
    DeleteSchedule,
    EditJob,
    GetStatistics,
    JobStatus,
    ListDevices,
    ListJobs,
    ListSchedules,
    MoveJob,
    NewJob,
    PutSchedule,
    QueueStatistics,
    Requirements,
    Schedule,
    Stage,
    SubmitMany,
)
from andon.queue.domain.ids import new_id
from andon.testing import eventually

pytestmark = pytest.mark.usefixtures("engine")


async def listed(line: Any, **fields: Any) -> queue.Jobs:
    return await line.bus.ask(queue.LIST, ListJobs(**fields), timeout=15)


async def move(line: Any, job_id: str, to: JobStatus, **fields: Any) -> queue.Job:
    return await line.bus.ask(queue.MOVE, MoveJob(id=job_id, to=to, **fields))


async def test_the_same_wish_is_one_job_however_often_it_is_said(line: Any, clock: Any):
    first, again, other = await asyncio.gather(
        line.submit("night", idempotency_key="k", user="anna"),
        line.submit("night", idempotency_key="k", user="anna"),
        line.submit("night", idempotency_key="k", user="bert"),
    )
    assert first.id == again.id != other.id
    with pytest.raises(Conflict, match="idempotency_key"):
        await line.submit("day", idempotency_key="k", user="anna")
    own = new_id(clock())
    assert (await line.submit("mine", id=own)).id == (await line.submit("mine", id=own)).id == own
    with pytest.raises(Conflict):
        await line.submit("not mine", id=own)
    assert (await listed(line)).total == 3


async def test_a_live_name_is_taken_until_its_job_has_ended(line: Any):
    job = await line.submit("only", unique_name=True)
    with pytest.raises(Conflict, match="only"):
        await line.submit("only", unique_name=True)
    await line.submit("only", unique_name=True, project="other")
    await line.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id))
    await line.submit("only", unique_name=True)
    with pytest.raises(Conflict, match="only"):
        await move(line, job.id, JobStatus.QUEUED)


async def test_a_job_is_found_by_each_of_its_names(line: Any):
    job = await line.submit(cvlab_uid=True)
    for name in (job.id, job.id.upper(), job.aliases.clearml, job.aliases.cvlab):
        assert (await line.get(name)).id == job.id
    for name in ("nobody", "20200101_0000", new_id(job.created_at)):
        with pytest.raises(NotFound):
            await line.get(name)


async def test_many_are_submitted_at_once_and_bad_ones_alone_are_refused(line: Any):
    jobs = [NewJob(name="a"), NewJob(name="b", metadata={"x": "y" * 300_000}), NewJob(name="c")]
    done = await line.bus.ask(queue.SUBMIT_MANY, SubmitMany(jobs=tuple(jobs)))
    assert [result.job is not None for result in done.results] == [True, False, True]
    assert done.results[1].problem.code == Invalid.code
    assert "metadata" in done.results[1].problem.fields


async def test_lists_filter_and_turn_pages(line: Any):
    for number in range(7):
        await line.submit(f"j{number}", project="even" if number % 2 == 0 else "odd", tags=[f"t{number}"])
    await line.submit("draft", draft=True, project="odd")
    page = await listed(line, project="even", limit=3)
    assert ([each.name for each in page.jobs], page.total) == (["j6", "j4", "j2"], 4)
    rest = await listed(line, project="even", limit=3, after=page.next_after)
    assert ([each.name for each in rest.jobs], rest.next_after) == (["j0"], None)
    assert [each.name for each in (await listed(line, limit=2, offset=2)).jobs] == ["j5", "j4"]
    assert [each.name for each in (await listed(line, order="oldest", limit=2)).jobs] == ["j0", "j1"]
    oldest = await listed(line, order="oldest", limit=2)
    more = await listed(line, order="oldest", limit=2, after=oldest.next_after)
    assert [each.name for each in more.jobs] == ["j2", "j3"]
    assert (await listed(line, status=["draft"], project="odd")).total == 1
    assert [each.name for each in (await listed(line, tag="t3")).jobs] == ["j3"]
    assert [each.name for each in (await listed(line, name="j1", user="andon", kind="command")).jobs] == [
        "j1"
    ]


async def test_a_draft_is_edited_queued_taken_back_and_deleted(line: Any):
    job = await line.submit("d", draft=True)
    edited = await line.bus.ask(queue.EDIT, EditJob(id=job.id, name="e", parameters={"lr": 1}, version=1))
    assert (edited.name, edited.parameters) == ("e", {"lr": 1})
    with pytest.raises(Conflict, match="version"):
        await line.bus.ask(queue.EDIT, EditJob(id=job.id, name="f", version=1))
    await move(line, job.id, JobStatus.QUEUED, seen=["draft"])
    with pytest.raises(Conflict):
        await line.bus.ask(queue.EDIT, EditJob(id=job.id, parameters={"lr": 2}))
    with pytest.raises(Conflict):
        await line.bus.ask(queue.DELETE, DeleteJob(id=job.id))
    await move(line, job.id, JobStatus.DRAFT)
    await line.beat()
    assert await line.lease() == ()
    await line.bus.ask(queue.DELETE, DeleteJob(id=job.id))
    assert (await listed(line)).total == 0
    with pytest.raises(NotFound):
        await line.get(job.id)


async def test_a_client_may_run_its_own_job_and_publish_it(line: Any, clock: Any):
    job = await line.submit("own", draft=True)
    assert (await move(line, job.id, JobStatus.RUNNING)).status is JobStatus.RUNNING
    await line.beat()
    assert await line.lease() == ()
    await line.bus.ask(queue.EDIT, EditJob(id=job.id, touch=True))
    assert (await move(line, job.id, JobStatus.SUCCEEDED)).status is JobStatus.SUCCEEDED
    assert (await move(line, job.id, JobStatus.PUBLISHED)).published_at is not None
    with pytest.raises(Conflict):
        await move(line, job.id, JobStatus.DRAFT)
    silent = await line.submit("silent", draft=True)
    await move(line, silent.id, JobStatus.RUNNING)
    clock.pass_seconds(7201)

    async def stopped() -> bool:
        return (await line.get(silent.id)).status is JobStatus.STOPPED

    await eventually(stopped)


async def test_statistics_tell_every_figure(line: Any, clock: Any):
    device = {"cpu": 8, "memory_gb": 32, "gpus": (24,), "slots": 3}
    await line.beat(**device)
    await line.submit("runs", requirements=Requirements(cpu=2, memory_gb=4, gpu=1))
    await line.submit("ends")
    await line.submit("breaks")
    await line.submit("waits", queue="other")
    await line.submit("draft", draft=True)
    runs, ends, breaks = await line.lease(count=3, queues=["default"], wait_seconds=5)
    for grant in (runs, ends, breaks):
        await line.report(grant, Stage.RUNNING)
    clock.pass_seconds(30)
    await line.report(ends, Stage.SUCCEEDED)
    await line.report(breaks, Stage.FAILED, exit_code=1)
    await line.beat(**device)

    async def counted() -> QueueStatistics:
        found = await line.bus.ask(queue.STATISTICS, GetStatistics())
        assert found.failed == 1
        return found

    found = await eventually(counted)
    assert (found.total, found.pending, found.queued, found.running) == (5, 1, 1, 1)
    assert (found.completed, found.cancelled, found.expired) == (1, 0, 0)
    assert (found.completed_today, found.failed_today) == (1, 1)
    assert (found.total_cpu_cores, found.used_cpu_cores) == (8, 2)
    assert (found.total_memory_gb, found.used_memory_gb) == (32, 4)
    assert (found.total_gpu_count, found.used_gpu_count) == (1, 1)
    assert (found.devices, found.devices_total) == (1, 1)
    assert found.avg_queue_time_minutes is not None
    assert found.avg_queue_time_minutes < 0.5
    assert found.avg_execution_time_minutes == pytest.approx(0.5, abs=0.2)
    assert found.longest_running_job_minutes == pytest.approx(0.5, abs=0.2)
    other = await line.bus.ask(queue.STATISTICS, GetStatistics(queue="other"))
    assert (other.total, other.queued) == (1, 1)


async def test_only_a_device_that_is_gone_can_be_deleted(line: Any, clock: Any):
    await line.beat("a")
    await line.beat("b")
    with pytest.raises(Conflict):
        await line.bus.ask(queue.DEVICE_DELETE, DeleteDevice(id="a"))
    clock.pass_seconds(45)
    devices = (await line.bus.ask(queue.DEVICE_LIST, ListDevices())).devices
    assert [(each.id, each.status.value) for each in devices] == [("a", "stale"), ("b", "stale")]
    clock.pass_seconds(20)
    await line.bus.ask(queue.DEVICE_DELETE, DeleteDevice(id="a"))
    assert [each.id for each in (await line.bus.ask(queue.DEVICE_LIST, ListDevices())).devices] == ["b"]
    with pytest.raises(NotFound):
        await line.bus.ask(queue.DEVICE_DELETE, DeleteDevice(id="a"))


@pytest.mark.long
async def test_a_schedule_submits_each_time_and_not_beside_itself(line: Any, clock: Any):
    schedule = Schedule(name="hourly", job=NewJob(name="tick"), every_seconds=3600)
    await line.bus.ask(queue.SCHEDULE_PUT, PutSchedule(schedule=schedule))
    clock.pass_seconds(3601)

    async def one() -> queue.Job:
        jobs = (await listed(line, name="tick")).jobs
        assert len(jobs) == 1
        return jobs[0]

    job = await eventually(one)

    async def passed_over() -> bool:
        (kept,) = (await line.bus.ask(queue.SCHEDULE_LIST, ListSchedules())).schedules
        return kept.next_at > clock()

    clock.pass_seconds(3600)
    await eventually(passed_over)
    assert (await listed(line, name="tick")).total == 1  # the first one still waits
    await line.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id))
    clock.pass_seconds(3600)

    async def two() -> bool:
        return (await listed(line, name="tick")).total == 2

    await eventually(two)
    assert (await line.bus.ask(queue.SCHEDULE_DELETE, DeleteSchedule(name="hourly"))).deleted


async def test_what_ended_long_ago_is_cleaned_away(line: Any, clock: Any):
    jobs = [await line.submit(f"j{number}") for number in range(3)]
    for job in jobs[:2]:
        await line.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id))
    clock.pass_seconds(2 * 3600)
    assert (await line.bus.ask(queue.CLEAN, CleanJobs(hours=3))).deleted == 0
    assert (await line.bus.ask(queue.CLEAN, CleanJobs(hours=1))).deleted == 2
    assert [each.name for each in (await listed(line)).jobs] == ["j2"]
