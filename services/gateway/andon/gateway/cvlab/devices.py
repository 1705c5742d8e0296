"""Devices: what workers say of themselves every few seconds, and how they are shown."""

import asyncio
from collections import defaultdict

from fastapi import APIRouter

from andon.contracts import BadRequest, Conflict, NotFound, queue
from andon.contracts.queue import DeviceHeartbeat, HeldLease, Job, JobStatus, Report, Stage
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.device_facts import (
    DeviceView,
    HeartbeatBody,
    HeartbeatView,
    HeldView,
    device_view,
    facts_of,
    progress_of,
)
from andon.gateway.cvlab.jobs.finding import SECONDS, each, found, session_of
from andon.gateway.cvlab.jobs.views import MessageView, uid_of
from andon.gateway.cvlab.jobs.words import LABEL, QUEUE
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayInspect, MayView
from andon.security import Principal

routes = APIRouter(prefix="/devices", tags=["helper devices"])

UNRECORDED = ("POST /devices/heartbeat",)
"""A sign of life every ten seconds is no action."""
_HELD = (*sorted(queue.HELD), JobStatus.PAUSED)
_AT_ONCE = 64


@routes.post("/heartbeat", responses=may(409))
async def heartbeat(body: HeartbeatBody, who: MayInspect, here: Here) -> Answer[HeartbeatView]:
    """A worker lives. What it runs, `active_jobs`, is all that it has: a job that was running there and is
    not among them is lost, to be tried again while it has retries left, else `crashed`.

    The answer tells of each job whether it is still its own, and what is asked of it. A worker that names
    a job which is assigned to it has begun it.
    """
    before = await _known(here, body)
    await _begun(here, body, before)
    answer = await here.bus.ask(queue.HEARTBEAT, _beat(body, who), timeout=SECONDS)
    held = [_held(state, before) for state in answer.leases]
    return answered(
        HeartbeatView(
            message="Heartbeat received",
            host_id=body.host_id,
            status=answer.device.status,
            heartbeat_seconds=answer.heartbeat_seconds,
            jobs=held,
            cancelled_jobs=[job.experiment_uid for job in held if not job.held],
        )
    )


@routes.get("")
async def devices(_who: MayView, here: Here) -> Answer[list[DeviceView]]:
    """Every device: healthy up to 30 s after its last heartbeat, stale up to 60 s, then disconnected."""
    told = await here.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=SECONDS)
    uids: defaultdict[str | None, list[str]] = defaultdict(list)
    if any(device.active_jobs for device in told.devices):
        async for job in each(here, status=_HELD):
            uids[job.device].append(uid_of(job))
    return answered([device_view(device, uids[device.id]) for device in told.devices])


@routes.delete("/{host_id}")
async def delete(host_id: str, who: MayConfigure, here: Here) -> Answer[MessageView]:
    """Forget a device that is disconnected; 400 for any other."""
    try:
        wish = queue.DeleteDevice(id=host_id, by=who.username)
        await here.bus.ask(queue.DEVICE_DELETE, wish, timeout=SECONDS)
    except Conflict as conflict:
        raise BadRequest(
            f"Only a disconnected device can be deleted: {conflict}.", {"host_id": "not disconnected"}
        ) from None
    return answered(MessageView(message=f"Device {host_id} deleted"))


async def _known(here: Gateway, body: HeartbeatBody) -> dict[str, Job]:
    """The jobs that the worker names, as they are."""

    async def one(uid: str) -> Job | None:
        try:
            return await found(here, uid)
        except NotFound:
            return None

    known: dict[str, Job] = {}
    uids = list(dict.fromkeys(body.active_jobs or ()))
    for start in range(0, len(uids), _AT_ONCE):
        some = uids[start : start + _AT_ONCE]
        jobs = await asyncio.gather(*(one(uid) for uid in some))
        known |= {uid: job for uid, job in zip(some, jobs, strict=True) if job is not None}
    return known


async def _begun(here: Gateway, body: HeartbeatBody, known: dict[str, Job]) -> None:
    """Take over what the worker's processes do, where the queue believes something else."""
    reports = tuple(
        Report(job_id=job.id, device=body.host_id, stage=stage)
        for uid, job in known.items()
        if job.device == body.host_id
        and (stage := _stage(job, stopped=uid in (body.paused_jobs or ()))) is not None
    )
    for start in range(0, len(reports), 256):
        some = queue.ReportMany(reports=reports[start : start + 256])
        await here.bus.ask(queue.REPORT_MANY, some, timeout=SECONDS)  # what is refused is told as not held


def _stage(job: Job, *, stopped: bool) -> Stage | None:
    if job.status in (JobStatus.LEASED, JobStatus.PREPARING):
        return Stage.RUNNING
    if job.status is JobStatus.RUNNING and job.pause_requested and stopped:
        return Stage.PAUSED
    if job.status is JobStatus.PAUSED and not job.pause_requested and not stopped:
        return Stage.RUNNING
    return None


def _beat(body: HeartbeatBody, who: Principal) -> DeviceHeartbeat:
    return parsed(
        DeviceHeartbeat,
        id=body.host_id,
        session=session_of(who),
        facts=facts_of(body),
        queues=(QUEUE,),
        labels=tuple(dict.fromkeys((LABEL, *body.labels))),
        slots=body.max_jobs,
        leases=tuple(
            HeldLease(job_id=uid, progress=progress_of(body.progress.get(uid)))
            for uid in dict.fromkeys(body.active_jobs or ())
        ),
    )


def _held(state: queue.LeaseState, known: dict[str, Job]) -> HeldView:
    told = state.model_dump(include={"held", "stop_requested", "pause_requested"})
    uid = uid_of(known[state.job_id]) if state.job_id in known else state.job_id
    return HeldView(experiment_uid=uid, **told)
