"""Tasks: submitted, listed, read and deleted; and how the queue is doing."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from andon.contracts import BadRequest, NotFound, queue, workspace
from andon.contracts.queue import Input, Job, NewJob, Output, Requirements, Spec, SyncedFiles
from andon.contracts.workspace import Archive, ArchiveKind
from andon.gateway.context import Gateway, Here
from andon.gateway.domain import split
from andon.gateway.errors import may, parsed
from andon.gateway.ml_worker.bodies import TaskBody
from andon.gateway.ml_worker.views import QueueStatsView, TaskListView, TaskView, task_view
from andon.gateway.ml_worker.words import FILTERS, PROJECT, TaskStatus, our_priority
from andon.gateway.output import output_of
from andon.gateway.principal import MayConfigure, MayView
from andon.security import Principal

routes = APIRouter()

ENTRY = ("python", "train.py")
"""What a task without a snapshot of its own entry runs."""
_SLOW = 15.0
_PAGE = 100
"""Jobs in one answer of the queue, which may have long metadata each."""

Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=256,
        description="The same key with the same body is the same task, however often it is sent.",
    ),
]


async def task_of(here: Gateway, task_id: str) -> Job:
    """Raises NotFound, also for jobs of other surfaces."""
    try:
        question = parsed(queue.GetJob, id=task_id)
    except BadRequest:
        raise NotFound("There is no such task.") from None
    found = await here.bus.ask(queue.GET, question)
    if found.project != PROJECT:
        raise NotFound("There is no such task.")
    return found


async def _seen(task_id: str, _who: MayView, here: Here) -> Job:
    return await task_of(here, task_id)


@routes.get("/tasks", response_model_exclude_none=True)
async def tasks(
    _who: MayView,
    here: Here,
    status: Annotated[TaskStatus | None, Query(description="`running` is all that a worker has.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> TaskListView:
    """Tasks, newest first; those that were deleted are not among them."""
    statuses = () if status is None else FILTERS[status]
    asked = queue.ListJobs(project=PROJECT, status=statuses, limit=min(limit, _PAGE), offset=offset)
    page = await here.bus.ask(queue.LIST, asked, timeout=_SLOW)
    jobs, total = [*page.jobs], page.total or 0
    while len(jobs) < limit and page.next_after is not None:
        left = min(limit - len(jobs), _PAGE)
        changes = {"after": page.next_after, "offset": 0, "limit": left, "with_total": False}
        page = await here.bus.ask(queue.LIST, asked.model_copy(update=changes), timeout=_SLOW)
        jobs += page.jobs
    return TaskListView(tasks=[task_view(each) for each in jobs], total=total, limit=limit, offset=offset)


@routes.post("/tasks", status_code=201, responses=may(409, 422), response_model_exclude_none=True)
async def create(body: TaskBody, who: MayConfigure, here: Here, once: Once = None) -> TaskView:
    """Have a command run on a worker. 409 while a live task has the name."""
    wish = await _new_job(here, body, who, once)
    return task_view(await here.bus.ask(queue.SUBMIT, wish, timeout=_SLOW))


@routes.get("/tasks/{task_id}", response_model_exclude_none=True)
async def task(task_id: str, _who: MayView, here: Here) -> TaskView:
    """How a task is doing."""
    return task_view(await task_of(here, task_id))


@routes.delete("/tasks/{task_id}", status_code=204)
async def delete(task_id: str, who: MayConfigure, here: Here) -> Response:
    """Cancel a task that is live, and remove it: from now on it is in no list."""
    found = await task_of(here, task_id)
    await here.bus.ask(queue.DELETE, queue.DeleteJob(id=found.id, by=who.id, force=True), timeout=_SLOW)
    return Response(status_code=204)


routes.include_router(output_of(_seen), prefix="/tasks/{task_id}")


@routes.get("/queue")
async def stats(_who: MayView, here: Here) -> QueueStatsView:
    """How much waits, runs and was done today, and on how many workers."""
    found = await here.bus.ask(queue.STATISTICS, queue.GetStatistics())
    return QueueStatsView(
        queued=found.queued,
        running=found.running,
        completed=found.completed_today,
        failed=found.failed_today,
        workers=found.devices,
    )


async def _new_job(here: Gateway, body: TaskBody, who: Principal, once: str | None) -> NewJob:
    snapshot = None
    if body.snapshot_id is not None:
        found = await _registered(here, ArchiveKind.SNAPSHOT, [body.snapshot_id])
        snapshot = found.get(body.snapshot_id)
    entry = snapshot.entry if snapshot and snapshot.entry else ENTRY
    return NewJob(
        name=body.job_name,
        project=PROJECT,
        user=who.id,
        priority=our_priority(body.priority),
        requirements=Requirements(cpu=body.cpu, memory_gb=body.memory_gb, gpu=body.gpu),
        spec=Spec(
            command=(*entry, *split(body.args)),
            snapshot_id=None if snapshot else body.snapshot_id,
            inputs=(*_code(snapshot), *await _data(here, body)),
            outputs=(Output(name="outputs", path="outputs"),),
            components=body.wanted_components,
            sync=SyncedFiles(files=tuple(body.sync)) if body.sync else None,
        ),
        metadata=dict(body.metadata),
        max_retries=body.max_retries,
        unique_name=True,
        idempotency_key=once,
    )


def _code(snapshot: Archive | None) -> tuple[Input, ...]:
    if snapshot is None:
        return ()
    return (Input(name=snapshot.name, source=snapshot.key, sha256=snapshot.sha256, kind="snapshot"),)


async def _data(here: Gateway, body: TaskBody) -> list[Input]:
    """Names are looked up now, so that what runs is what was there; a worker looks again for unknown ones."""
    specs = {each.called: each for each in body.dataset_specs}
    names = dict.fromkeys([*body.datasets, *specs])
    open_names = [name for name in names if name not in specs or not specs[name].source]
    known = await _registered(here, ArchiveKind.DATASET, open_names)
    inputs: list[Input] = []
    for name in names:
        spec, archive = specs.get(name), known.get(name)
        inputs.append(
            Input(
                name=name,
                source=(spec and spec.source) or (archive.key if archive else ""),
                sha256=(spec and spec.sha256) or (archive.sha256 if archive else None),
                mount_path=spec.mount_path if spec else None,
            )
        )
    return inputs


async def _registered(here: Gateway, kind: ArchiveKind, names: list[str]) -> dict[str, Archive]:
    try:
        question = parsed(workspace.FindArchives, kind=kind, names=tuple(names))
    except BadRequest:  # none, or one that no archive can have
        return {}
    found = await here.bus.ask(workspace.ARCHIVE_FIND, question)
    return {each.name: each for each in found.archives}
