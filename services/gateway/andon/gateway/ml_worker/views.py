"""What clients of the ML worker API are shown; what is not known is left out."""

import math
from datetime import datetime

from pydantic import BaseModel

from andon.contracts.queue import Job
from andon.contracts.workspace import Archive, Experiment, ExperimentStatus
from andon.gateway.ml_worker.words import (
    ServiceStatus,
    TaskStatus,
    error_of,
    priority_of,
    service_status,
    status_of,
)


class TaskView(BaseModel):
    id: str
    job_name: str
    status: TaskStatus
    priority: int
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker_id: str | None = None
    """Of the current attempt, or the last one."""
    error: str | None = None
    output: str | None = None
    """A line about the result, or where it lies."""
    snapshot_id: str | None = None
    datasets: list[str]
    cpu: int
    memory_gb: int
    gpu: int
    user_id: str
    """Of the user, or of the key."""
    retry_count: int
    max_retries: int
    progress: float
    """0 to 1."""
    metadata: dict[str, str]


class TaskListView(BaseModel):
    tasks: list[TaskView]
    """Newest first."""
    total: int
    """Of all that match."""
    limit: int
    offset: int


class QueueStatsView(BaseModel):
    """Of the whole queue, whatever surface its work came by: workers are shared."""

    queued: int
    running: int
    completed: int
    """Since midnight UTC."""
    failed: int
    """Since midnight UTC."""
    workers: int
    """That were heard of in the last 30 seconds."""


class TaskExperimentView(BaseModel):
    id: str
    name: str
    description: str
    commit_id: str | None = None
    created_at: datetime
    status: ExperimentStatus


class NotebookView(BaseModel):
    id: str
    name: str
    status: ServiceStatus
    url: str | None = None
    """While it runs. Its owner adds `?token=`."""
    token: str | None = None
    """For its owner alone: the user or key that started it."""
    error: str | None = None
    created_at: datetime


class ArchiveView(BaseModel):
    name: str
    sha256: str
    size: int
    """Bytes."""
    created_at: datetime


class SnapshotView(ArchiveView):
    entry: list[str]
    """Program and first arguments; a task's `args` follow them."""


def task_view(job: Job) -> TaskView:
    status = status_of(job.status, held=job.device is not None, failed=bool(job.error))
    return TaskView(
        id=job.id,
        job_name=job.name,
        status=status,
        priority=priority_of(job.priority),
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        worker_id=job.device,
        error=error_of(job.status, job.status_reason, job.error),
        output=job.output or None,
        snapshot_id=_snapshot_of(job),
        datasets=[each.name for each in job.spec.inputs if each.kind == "dataset"],
        cpu=math.ceil(job.requirements.cpu),
        memory_gb=math.ceil(job.requirements.memory_gb),
        gpu=job.requirements.gpu,
        user_id=job.user,
        retry_count=job.retry_count,
        max_retries=job.max_retries,
        progress=job.progress,
        metadata={name: value for name, value in job.metadata.items() if isinstance(value, str)},
    )


def _snapshot_of(job: Job) -> str | None:
    registered = (each.name for each in job.spec.inputs if each.kind == "snapshot")
    return job.spec.snapshot_id or next(registered, None)


def notebook_view(job: Job, token: str | None) -> NotebookView:
    url = job.progress_message if job.progress_message.startswith("http://") else None
    status = service_status(job.status, answers=url is not None, stopping=job.stop_requested)
    return NotebookView(
        id=job.id,
        name=job.name,
        status=status,
        url=url if status is ServiceStatus.RUNNING else None,
        token=token,
        error=error_of(job.status, job.status_reason, job.error) if status is ServiceStatus.ERROR else None,
        created_at=job.created_at,
    )


def experiment_view(experiment: Experiment) -> TaskExperimentView:
    return TaskExperimentView(**experiment.model_dump(exclude={"by"}))


def archive_view(archive: Archive) -> ArchiveView:
    return ArchiveView(**archive.model_dump(include=set(ArchiveView.model_fields)))


def snapshot_view(archive: Archive) -> SnapshotView:
    return SnapshotView(**archive.model_dump(include=set(SnapshotView.model_fields)))
