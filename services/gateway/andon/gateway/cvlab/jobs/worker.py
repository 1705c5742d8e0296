"""What a worker asks and says: a job to run, that it runs, how it ended."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query

from andon.contracts import BadRequest, Conflict, Name, Unavailable, queue, sync
from andon.contracts.queue import EditJob, Grant, LeaseJobs, Report, Stage
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs.bodies import CompleteBody, StartedBody
from andon.gateway.cvlab.jobs.finding import SECONDS, holder_of, session_of
from andon.gateway.cvlab.jobs.views import MessageView, NextView, StartedView, grant_view, uid_of
from andon.gateway.cvlab.jobs.words import KIND, QUEUE, status_of
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayInspect

routes = APIRouter(prefix="/queue", tags=["helper queue"])

UNRECORDED = ("POST /queue/confirm_started", "POST /queue/complete_job")
"""A job's history tells of these itself."""
_CODE = "code_version"


@routes.get("/next_job", responses=may(404, 409))
async def next_job(
    host_id: Name,
    who: MayInspect,
    here: Here,
    wait_seconds: Annotated[
        float, Query(ge=0, le=25, description="How long to wait for a job, instead of asking again.")
    ] = 0,
) -> Answer[NextView]:
    """The most urgent job that fits the worker: it is assigned to it, and has to be confirmed.

    404 before the worker's first heartbeat.
    """
    ask = parsed(
        LeaseJobs, device=host_id, session=session_of(who), queues=(QUEUE,), kinds=(KIND,),
        wait_seconds=wait_seconds,
    )  # fmt: skip
    leased = await here.bus.ask(queue.LEASE, ask, timeout=wait_seconds + SECONDS)
    if not leased.grants:
        return answered(NextView(job=None))
    (grant,) = leased.grants
    await _known_to_sync(here, grant)
    lease = grant.lease
    return answered(
        NextView(job=grant_view(grant.job, lease.attempt, lease.checkpoint, lease.confirm_seconds))
    )


@routes.post("/confirm_started", responses=may(404))
async def confirm_started(body: StartedBody, who: MayInspect, here: Here) -> Answer[StartedView]:
    """An assigned job's process has begun. 400 when it is not, or no longer, this worker's: end it."""
    try:
        job, device = await holder_of(here, who, body.experiment_uid, body.host_id, body.attempt)
        report = Report(job_id=job.id, device=device, stage=Stage.RUNNING, pid=body.pid)
        told = await here.bus.ask(queue.REPORT, report, timeout=SECONDS)
    except Conflict as conflict:
        raise BadRequest(str(conflict), conflict.problem.fields) from None
    await _note_code(here, job, told.version, device)
    return answered(
        StartedView(
            message="Job start confirmed",
            experiment_uid=uid_of(job),
            status=status_of(told.status, failed=False),
            stop_requested=told.stop_requested,
            pause_requested=told.pause_requested,
        )
    )


@routes.post("/complete_job", responses=may(404, 409))
async def complete_job(body: CompleteBody, who: MayInspect, here: Here) -> Answer[MessageView]:
    """A job has ended. The same word again is harmless; 409 when the job is no longer this worker's, for
    example since it was cancelled: nothing of it changes then."""
    job, device = await holder_of(here, who, body.experiment_uid, body.host_id, body.attempt)
    report = Report(
        job_id=job.id,
        device=device,
        stage=Stage.SUCCEEDED if body.success else Stage.FAILED,
        exit_code=body.exit_code,
        message=body.error_message or "",
    )
    told = await here.bus.ask(queue.REPORT, report, timeout=SECONDS)
    await _note_code(here, job, told.version, device)
    if told.status is queue.JobStatus.QUEUED:
        return answered(MessageView(message="Failure recorded; the job will be tried again"))
    return answered(MessageView(message="Job completion recorded"))


async def _known_to_sync(here: Gateway, grant: Grant) -> None:
    """Its files may come from now on."""
    wish = sync.Register(uid=uid_of(grant.job), host=grant.job.device)
    with suppress(Unavailable):  # a worker that sends files meanwhile is told to come again
        await here.bus.ask(sync.REGISTER, wish)


async def _note_code(here: Gateway, job: queue.Job, version: int, device: str) -> None:
    """Which code the worker runs, beside the job, for whoever wants to repeat it."""
    with suppress(Unavailable, Conflict):
        found = await here.bus.ask(queue.DEVICE_GET, queue.GetDevice(id=device))
        code = found.facts.code_version
        if code and job.metadata.get(_CODE) != code:
            metadata = {**job.metadata, _CODE: code}
            noted = EditJob(id=job.id, metadata=metadata, version=version, by=device)
            await here.bus.ask(queue.EDIT, noted)
