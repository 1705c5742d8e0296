"""What a task was made of, and the same task once more."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from andon.contracts import Conflict, queue
from andon.contracts.queue import Environment, GetRecord, Given, JobRecord, RepeatJob
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.ml_worker.tasks import task_of
from andon.gateway.ml_worker.views import TaskView, task_view
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter()

_SLOW = 15.0
_TOLD = 2000


class TaskRecordView(BaseModel):
    attempt: int
    worker_id: str
    command: list[str]
    inputs: list[Given]
    """The snapshot first."""
    component_manifest: str | None = None
    components: dict[str, str]
    """sha256 by path, as they lay in the task's folder when it began."""
    environment: Environment
    differences: list[str]
    """From what it asked for or expected, where it ran nevertheless."""


class TaskAgainView(BaseModel):
    task: TaskView
    differences: list[str]
    """Why it will not be the same, with `anyway`."""
    notes: list[str]
    """What is other on purpose."""


@routes.get("/tasks/{task_id}/record", responses=may(404), response_model_exclude_none=True)
async def record(task_id: str, _who: MayView, here: Here) -> TaskRecordView:
    """What a task was made of when it began last. 404 when it did not come to its start."""
    job = await task_of(here, task_id)
    return _view(await here.bus.ask(queue.RECORD, GetRecord(id=job.id), timeout=_SLOW))


@routes.post(
    "/tasks/{task_id}/again", status_code=201, responses=may(404, 409), response_model_exclude_none=True
)
async def again(
    task_id: str,
    who: MayConfigure,
    here: Here,
    anyway: Annotated[bool, Query(description="Also where it will not be the same.")] = False,
) -> TaskAgainView:
    """Submit an ended task once more, with the same bytes under its names. 409 says why it would not be the
    same; a worker whose Python, packages or platform are others fails it, and says what differs."""
    job = await task_of(here, task_id)
    wish = RepeatJob(id=job.id, by=who.id, anyway=anyway)
    found = await here.bus.ask(queue.REPEAT, wish, timeout=_SLOW)
    if found.job is None:
        told = "; ".join(found.differences)[:_TOLD]
        raise Conflict(f"It would not be the same: {told}", {"anyway": "runs it nevertheless"})
    return TaskAgainView(
        task=task_view(found.job), differences=list(found.differences), notes=list(found.notes)
    )


def _view(found: JobRecord) -> TaskRecordView:
    return TaskRecordView(
        attempt=found.attempt,
        worker_id=found.device,
        command=list(found.spec.command),
        inputs=list(found.inputs),
        component_manifest=found.manifest,
        components=found.components,
        environment=found.environment,
        differences=list(found.differences),
    )
