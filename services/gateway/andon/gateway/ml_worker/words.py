"""A job in the words of the ML worker API: status, priority, and why it ended."""

import math
from collections.abc import Mapping
from enum import StrEnum

from andon.contracts.queue import ENDED as ENDED_JOBS
from andon.contracts.queue import JobStatus, Reason

PROJECT = "ml-worker"
"""Of all jobs that are submitted here; others have names that a task can't have."""
NOTEBOOKS = "notebooks"
"""Of all notebook servers that are started here."""
_STEP = 10
_LEAST, _MOST = 1, 10


class TaskStatus(StrEnum):
    QUEUED = "queued"
    PREPARING = "preparing"
    """On a worker that fetches and checks what the task needs."""
    RUNNING = "running"
    COLLECTING = "collecting"
    """The process has ended; its outputs are gathered."""
    COMPLETED = "completed"
    FAILED = "failed"
    """`error` says why; also when it was stopped, cancelled or waited for too long."""


class ServiceStatus(StrEnum):
    STARTING = "starting"
    """Waits for a worker, or comes up there."""
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    """By somebody, or since nobody used it."""
    ERROR = "error"


_STATUS = {
    JobStatus.DRAFT: TaskStatus.QUEUED,
    JobStatus.QUEUED: TaskStatus.QUEUED,
    JobStatus.LEASED: TaskStatus.PREPARING,
    JobStatus.PREPARING: TaskStatus.PREPARING,
    JobStatus.RUNNING: TaskStatus.RUNNING,
    JobStatus.LOST: TaskStatus.RUNNING,
    JobStatus.COLLECTING: TaskStatus.COLLECTING,
    JobStatus.SUCCEEDED: TaskStatus.COMPLETED,
    JobStatus.PUBLISHING: TaskStatus.COMPLETED,
    JobStatus.PUBLISHED: TaskStatus.COMPLETED,
    JobStatus.FAILED: TaskStatus.FAILED,
    JobStatus.STOPPED: TaskStatus.FAILED,
    JobStatus.CANCELLED: TaskStatus.FAILED,
    JobStatus.EXPIRED: TaskStatus.FAILED,
}
"""Paused and closed depend on more than the status."""
ENDED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})

FILTERS: Mapping[TaskStatus, tuple[JobStatus, ...]] = {
    TaskStatus.QUEUED: (JobStatus.DRAFT, JobStatus.QUEUED, JobStatus.PAUSED),
    TaskStatus.PREPARING: (JobStatus.LEASED, JobStatus.PREPARING),
    TaskStatus.RUNNING: (
        JobStatus.LEASED,
        JobStatus.PREPARING,
        JobStatus.RUNNING,
        JobStatus.COLLECTING,
        JobStatus.LOST,
    ),
    TaskStatus.COLLECTING: (JobStatus.COLLECTING,),
    TaskStatus.COMPLETED: (
        JobStatus.SUCCEEDED,
        JobStatus.PUBLISHING,
        JobStatus.PUBLISHED,
        JobStatus.CLOSED,
    ),
    TaskStatus.FAILED: (JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELLED, JobStatus.EXPIRED),
}
"""What a list filtered by a status has; `running` is all that a worker has."""

_ENDINGS = {
    JobStatus.STOPPED: "stopped",
    JobStatus.CANCELLED: "cancelled",
    JobStatus.EXPIRED: "expired",
}


def status_of(status: JobStatus, *, held: bool, failed: bool) -> TaskStatus:
    """`held`: a device has it; `failed`: it ended with an error."""
    match status:
        case JobStatus.PAUSED:
            return TaskStatus.RUNNING if held else TaskStatus.QUEUED
        case JobStatus.CLOSED:
            return TaskStatus.FAILED if failed else TaskStatus.COMPLETED
        case _:
            return _STATUS[status]


def service_status(status: JobStatus, *, answers: bool, stopping: bool) -> ServiceStatus:
    """`answers`: it has said where; `stopping`: it was told to end."""
    match status:
        case JobStatus.FAILED:
            return ServiceStatus.ERROR
        case JobStatus.COLLECTING:
            return ServiceStatus.STOPPING
        case _ if status in ENDED_JOBS:
            return ServiceStatus.STOPPED
        case _ if stopping:
            return ServiceStatus.STOPPING
        case JobStatus.RUNNING | JobStatus.PAUSED | JobStatus.LOST if answers:
            return ServiceStatus.RUNNING
        case _:
            return ServiceStatus.STARTING


def error_of(status: JobStatus, reason: str, error: str) -> str | None:
    """Why a task is failed; None for any other, and for one that is tried again."""
    if status in _ENDINGS:
        return _ENDINGS[status]
    if status not in (JobStatus.FAILED, JobStatus.CLOSED):
        return None
    if reason in (Reason.WORKER_LOST, Reason.WORKER_RESTARTED):
        return "worker lost"
    if status is JobStatus.FAILED:
        return error or reason.replace("_", " ") or "failed"
    return error or None


def priority_of(ours: int) -> int:
    """1 to 10 from 0 to 100; 10 is the most urgent."""
    return min(max(math.ceil(ours / _STEP), _LEAST), _MOST)


def our_priority(theirs: int) -> int:
    """0 to 100 from 1 to 10."""
    return theirs * _STEP
