"""All jobs, whichever surface they came by: listed, followed, led; and the queues they wait in."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator

from andon.contracts import BadRequest, Conflict, Label, Name, NotFound, queue
from andon.contracts.queue import Job, JobHistory, JobStatus, NewJob, Requirements, Spec
from andon.gateway.context import Gateway, Here
from andon.gateway.domain import HELPER, split
from andon.gateway.errors import may, parsed
from andon.gateway.output import output_of
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/jobs", tags=["jobs"])
queues = APIRouter(tags=["jobs"])

_SLOW = 15.0
_PAGE = 200
_TOLD = 2000
Word = Annotated[str | None, Query(min_length=1, max_length=128)]


class JobBody(BaseModel):
    """A command for an agent to run."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    command: Annotated[str, Field(min_length=1, max_length=131_072)]
    """Program and arguments as a shell would split them; nothing else of a shell happens."""
    project: Label = "default"
    queue: Name = "default"
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    cpu: Annotated[int, Field(ge=0, le=4096)] = 0
    memory_gb: Annotated[int, Field(ge=0, le=65_536)] = 0
    gpu: Annotated[int, Field(ge=0, le=64)] = 0
    max_retries: Annotated[int, Field(ge=0, le=100)] = 0
    timeout_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    tags: Annotated[list[Label], Field(max_length=64)] = []

    @field_validator("command")
    @classmethod
    def _splits(cls, text: str) -> str:
        if not split(text):
            raise ValueError("it names no program")
        return text


class PriorityBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    priority: Annotated[int, Field(ge=0, le=100)]
    """100 is the most urgent."""


class QueueBody(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(extra="forbid")

    description: Annotated[str, Field(max_length=4096)] | None = None
    held: bool | None = None
    """Nothing is handed out from it."""
    max_concurrent: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Jobs that devices hold at once; null takes the limit away."""


class JobAgainView(BaseModel):
    job: Job
    differences: list[str]
    """Why it will not be the same, with `anyway`."""
    notes: list[str]
    """What is other on purpose."""


@routes.get("", responses=may(400))
async def jobs(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayView,
    here: Here,
    status: Annotated[list[JobStatus] | None, Query(max_length=20)] = None,
    project: Word = None,
    queue_name: Annotated[str | None, Query(alias="queue", min_length=1, max_length=64)] = None,
    user: Word = None,
    kind: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    device: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    name: Word = None,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
) -> queue.Jobs:
    """Jobs, newest first; `next_after` of one page is `after` of the next."""
    wanted = parsed(
        queue.ListJobs, status=tuple(status or ()), project=project, queue=queue_name, user=user, kind=kind,
        device=device, name=name, after=after, limit=limit,
    )  # fmt: skip
    return await here.bus.ask(queue.LIST, wanted, timeout=_SLOW)


@routes.post("", status_code=201, responses=may(409, 422))
async def submit(body: JobBody, who: MayConfigure, here: Here) -> Job:
    """Have a command run on a device that has what it asks for."""
    wish = parsed(
        NewJob, name=body.name, project=body.project, queue=body.queue, user=who.username,
        priority=body.priority, max_retries=body.max_retries, tags=tuple(body.tags),
        requirements=Requirements(cpu=body.cpu, memory_gb=body.memory_gb, gpu=body.gpu),
        spec=parsed(Spec, command=split(body.command)),
        timeout_seconds=body.timeout_hours and body.timeout_hours * 3600,
    )  # fmt: skip
    return await here.bus.ask(queue.SUBMIT, wish, timeout=_SLOW)


@routes.get("/{job_id}", responses=may(404))
async def job(job_id: str, _who: MayView, here: Here) -> JobHistory:
    """A job with what was tried for it."""
    return await here.bus.ask(queue.HISTORY, _named(job_id), timeout=_SLOW)


@routes.post("/{job_id}/cancel", responses=may(404, 409))
async def cancel(job_id: str, who: MayConfigure, here: Here) -> Job:
    """End a job: at once where no process runs; otherwise its device is told."""
    history = await here.bus.ask(queue.HISTORY, _named(job_id), timeout=_SLOW)
    if history.job.status in queue.ENDED:
        raise Conflict("The job has ended already.", {"job_id": history.job.status.value})
    force = bool(history.attempts) and history.attempts[-1].session.startswith(HELPER)
    wish = queue.CancelJob(id=history.job.id, force=force, by=who.username)
    return await here.bus.ask(queue.CANCEL, wish, timeout=_SLOW)


@routes.post("/{job_id}/pause", responses=may(404, 409))
async def pause(job_id: str, who: MayConfigure, here: Here) -> Job:
    """Hold a job: a waiting one is not handed out, the process of a running one is stopped for a while."""
    found = await _found(job_id, here)
    return await here.bus.ask(queue.PAUSE, queue.PauseJob(id=found.id, by=who.username), timeout=_SLOW)


@routes.post("/{job_id}/resume", responses=may(404, 409))
async def resume(job_id: str, who: MayConfigure, here: Here) -> Job:
    """Let a paused job go on: where its process is, or in the queue."""
    found = await _found(job_id, here)
    return await here.bus.ask(queue.RESUME, queue.ResumeJob(id=found.id, by=who.username), timeout=_SLOW)


@routes.post("/{job_id}/priority", responses=may(404, 409))
async def prioritise(job_id: str, body: PriorityBody, who: MayConfigure, here: Here) -> Job:
    """Change the turn of a job that waits."""
    found = await _found(job_id, here)
    wish = queue.PrioritiseJob(id=found.id, priority=body.priority, by=who.username)
    return await here.bus.ask(queue.PRIORITISE, wish, timeout=_SLOW)


@routes.post("/{job_id}/again", status_code=201, responses=may(404, 409))
async def again(
    job_id: str,
    who: MayConfigure,
    here: Here,
    anyway: Annotated[bool, Query(description="Also where it will not be the same.")] = False,
) -> JobAgainView:
    """Submit an ended job once more, of the same bytes. 409 says why it would not be the same."""
    job = await _found(job_id, here)
    wish = queue.RepeatJob(id=job.id, by=who.username, anyway=anyway)
    found = await here.bus.ask(queue.REPEAT, wish, timeout=_SLOW)
    if found.job is None:
        told = "; ".join(found.differences)[:_TOLD]
        raise Conflict(f"It would not be the same: {told}", {"anyway": "runs it nevertheless"})
    return JobAgainView(job=found.job, differences=list(found.differences), notes=list(found.notes))


async def _seen(job_id: str, _who: MayView, here: Here) -> Job:
    return await _found(job_id, here)


routes.include_router(output_of(_seen), prefix="/{job_id}")


@queues.get("/queues")
async def all_queues(_who: MayView, here: Here) -> queue.Queues:
    """Queues that are defined, and those that have jobs, with what waits and runs in each."""
    return await here.bus.ask(queue.QUEUE_LIST, queue.ListQueues(), timeout=_SLOW)


@queues.put("/queues/{name}", responses=may(400, 422))
async def put_queue(name: str, body: QueueBody, who: MayConfigure, here: Here) -> queue.Queue:
    """Define a queue, hold it, or limit how many of its jobs run at once."""
    known = await here.bus.ask(queue.QUEUE_LIST, queue.ListQueues(), timeout=_SLOW)
    now = next((each.queue for each in known.queues if each.queue.name == name), None)
    now = now or parsed(queue.Queue, name=name)
    wished = {field: getattr(body, field) for field in body.model_fields_set}
    kept = {field: value for field, value in wished.items() if value is not None or field == "max_concurrent"}
    after = now.model_copy(update=kept)
    return await here.bus.ask(queue.QUEUE_PUT, queue.PutQueue(queue=after, by=who.username), timeout=_SLOW)


@queues.get("/devices")
async def devices(_who: MayView, here: Here) -> queue.Devices:
    """Machines that run jobs, with their load."""
    return await here.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=_SLOW)


@queues.delete("/devices/{id}", responses=may(404, 409))
async def forget(id: str, who: MayConfigure, here: Here) -> queue.Deleted:  # noqa: A002 - its name in the API
    """Forget a device that is gone."""
    return await here.bus.ask(queue.DEVICE_DELETE, parsed(queue.DeleteDevice, id=id, by=who.username))


def _named(job_id: str) -> queue.GetJob:
    try:
        return parsed(queue.GetJob, id=job_id)
    except BadRequest:
        raise NotFound("There is no such job.") from None


async def _found(job_id: str, here: Gateway) -> Job:
    return await here.bus.ask(queue.GET, _named(job_id), timeout=_SLOW)
