"""What people do with jobs that are there: stop, hold, hurry, clear away; and how all are shared out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from andon.contracts import Conflict, NotFound, queue
from andon.contracts.queue import CancelJob, Job, Order
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs.bodies import ConfigurationBody
from andon.gateway.cvlab.jobs.finding import SECONDS, each, found, history_of, is_helper
from andon.gateway.cvlab.jobs.views import (
    CleanedView,
    ConfigurationView,
    MessageView,
    configuration_view,
)
from andon.gateway.cvlab.jobs.words import FILTERS, HelperPriority, HelperStatus, our_priority
from andon.gateway.errors import may
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/queue", tags=["helper queue"])

_CLEARED = (*FILTERS[HelperStatus.COMPLETED], *FILTERS[HelperStatus.FAILED], *FILTERS[HelperStatus.CANCELLED])
_AT_ONCE, _CLEARED_AT_MOST = 32, 5000


@routes.post("/experiment/{job_id}/cancel")
@routes.post("/job/{job_id}/cancel")
async def cancel(job_id: str, who: MayConfigure, here: Here) -> Answer[MessageView]:
    """End a job, at once where it waits or a helper's worker has it: the worker hears of it in the answer to
    its next heartbeat, and what it reports later is refused. An agent is told to end it first."""
    history = await history_of(here, job_id)
    if history.job.ended_at is not None and history.job.status in queue.ENDED:
        raise Conflict(f"Job {job_id} has ended already.", {"job_id": history.job.status.value})
    force = bool(history.attempts) and is_helper(history.attempts[-1].session)
    ended = await here.bus.ask(
        queue.CANCEL, CancelJob(id=history.job.id, force=force, by=who.username), timeout=SECONDS
    )
    told = "is being cancelled" if ended.stop_requested else "cancelled"
    return answered(MessageView(message=f"Job {job_id} {told}"))


@routes.post("/job/{job_id}/pause", responses=may(409))
async def pause(job_id: str, who: MayConfigure, here: Here) -> Answer[MessageView]:
    """Hold a job: a waiting one is not handed out, the worker of a running one is told to stop its process
    for a while."""
    job = await found(here, job_id)
    held = await here.bus.ask(queue.PAUSE, queue.PauseJob(id=job.id, by=who.username), timeout=SECONDS)
    told = "is asked to pause" if held.pause_requested else "paused"
    return answered(MessageView(message=f"Job {job_id} {told}"))


@routes.post("/job/{job_id}/resume", responses=may(409))
async def resume(job_id: str, who: MayConfigure, here: Here) -> Answer[MessageView]:
    """Let a paused job go on: where its process is, or in the queue."""
    job = await found(here, job_id)
    await here.bus.ask(queue.RESUME, queue.ResumeJob(id=job.id, by=who.username), timeout=SECONDS)
    return answered(MessageView(message=f"Job {job_id} resumed"))


@routes.post("/job/{job_id}/priority", responses=may(409))
async def prioritise(
    job_id: str, priority: HelperPriority, who: MayConfigure, here: Here
) -> Answer[MessageView]:
    """Change the turn of a job that waits."""
    job = await found(here, job_id)
    wish = queue.PrioritiseJob(id=job.id, priority=our_priority(priority), by=who.username)
    await here.bus.ask(queue.PRIORITISE, wish, timeout=SECONDS)
    return answered(MessageView(message=f"Job {job_id} has priority {priority.value}"))


@routes.post("/cleanup", responses=may(400))
async def cleanup(
    who: MayConfigure, here: Here, hours: Annotated[float, Query(ge=1, le=87600)] = 168.0
) -> Answer[CleanedView]:
    """Take completed, failed and cancelled jobs of this surface that ended so long ago out of all lists."""
    before = datetime.now(UTC) - timedelta(hours=hours)
    old: list[Job] = []
    async for job in each(here, status=_CLEARED, created_until=before, order=Order.OLDEST):
        if job.ended_at is not None and job.ended_at < before:
            old.append(job)
        if len(old) == _CLEARED_AT_MOST:
            break
    count = 0
    for start in range(0, len(old), _AT_ONCE):
        some = old[start : start + _AT_ONCE]
        count += sum(await asyncio.gather(*(_deleted(here, each, who.username) for each in some)))
    view = CleanedView(
        message=f"{count} jobs cleared away", cleaned_count=count, complete=len(old) < _CLEARED_AT_MOST
    )
    return answered(view)


@routes.get("/configuration")
async def configuration(_who: MayView, here: Here) -> Answer[ConfigurationView]:
    """How jobs are shared out."""
    return answered(configuration_view(await here.bus.ask(queue.SETTINGS_GET, queue.GetSettings())))


@routes.put("/configuration", responses=may(409))
async def configure(body: ConfigurationBody, who: MayConfigure, here: Here) -> Answer[ConfigurationView]:
    """Change how jobs are shared out."""
    now = await here.bus.ask(queue.SETTINGS_GET, queue.GetSettings())
    wished = {
        "max_concurrent": body.max_concurrent_jobs,
        "max_per_device": body.max_jobs_per_device,
        "timeout_hours": body.default_job_timeout_hours,
        "priority_scheduling": body.enable_priority_scheduling,
        "resource_matching": body.enable_resource_matching,
        "cleanup_hours": body.cleanup_completed_jobs_after_hours,
        "balancing": body.load_balancing_strategy,
    }
    after = now.model_copy(update={name: value for name, value in wished.items() if value is not None})
    put = queue.PutSettings(settings=after, by=who.username)
    return answered(configuration_view(await here.bus.ask(queue.SETTINGS_PUT, put)))


async def _deleted(here: Gateway, job: Job, by: str) -> bool:
    try:
        await here.bus.ask(queue.DELETE, queue.DeleteJob(id=job.id, by=by), timeout=SECONDS)
    except (NotFound, Conflict):  # somebody else was quicker, or runs it again
        return False
    return True
