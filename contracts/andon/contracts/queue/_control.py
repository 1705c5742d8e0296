"""What people and surfaces ask about jobs, and what is said when a job changes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._errors import Problem
from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.queue._job import (
    Aliases,
    Attempt,
    Job,
    JobId,
    JobStatus,
    Json,
    NewJob,
    Text,
)
from andon.contracts.queue._spec import Requirements, Spec

AnyId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A job's id or one of its aliases."""

Word = Annotated[str, StringConstraints(max_length=64)]


class SubmitMany(Message):
    jobs: Annotated[tuple[NewJob, ...], Field(min_length=1, max_length=256)]
    """Each stands for itself: some may be refused."""


class SubmitResult(Message):
    """Either of both."""

    job: Job | None = None
    problem: Problem | None = None


class SubmittedMany(Message):
    """In the order of the jobs asked for."""

    results: tuple[SubmitResult, ...]


class GetJob(Message):
    id: AnyId


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


class ListJobs(Message):
    """Filters are joined by and, the values within one by or."""

    status: Annotated[tuple[JobStatus, ...], Field(max_length=20)] = ()
    project: Label | None = None
    queue: Name | None = None
    user: Label | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """Exactly this name."""
    kind: Name | None = None
    device: Name | None = None
    experiment: Label | None = None
    tag: Label | None = None
    parent: JobId | None = None
    created_from: Time | None = None
    created_until: Time | None = None
    """This moment left out."""
    order: Order = Order.NEWEST
    """By the time they were made."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0
    """For surfaces that count pages; costs what it skips. Use `after` where you can."""
    after: JobId | None = None
    """The last id of the page before."""
    with_total: bool = True


class Jobs(Message):
    jobs: tuple[Job, ...]
    total: int | None = None
    """Of all that match, whatever the page; None when it was not asked for."""
    next_after: JobId | None = None
    """Ask with this as `after` for the next page; None on the last."""


class StopKind(StrEnum):
    CANCEL = "cancel"
    """Ends as cancelled."""
    STOP = "stop"
    """Ends as stopped: what it has so far is worth keeping."""


class CancelJob(Message):
    """End a job: at once when no process runs; otherwise its device is told, and the answer says
    `stop_requested`. A job that has ended is answered as it is."""

    id: AnyId
    kind: StopKind = StopKind.CANCEL
    force: bool = False
    """Don't wait for the device: end it now, and refuse what the device says later."""
    by: Label = "andon"
    reason: Word = ""
    message: Text = ""


class PauseJob(Message):
    """Conflict when it is neither queued nor running."""

    id: AnyId
    by: Label = "andon"


class ResumeJob(Message):
    """Conflict when it is not paused and not asked to pause."""

    id: AnyId
    by: Label = "andon"


class Place(StrEnum):
    FRONT = "front"
    """Before all that wait with the same priority in its queue."""
    BACK = "back"


class PrioritiseJob(Message):
    """Conflict when it has ended or runs."""

    id: AnyId
    priority: Annotated[int, Field(ge=0, le=100)] | None = None
    place: Place | None = None
    by: Label = "andon"


class EditJob(Message):
    """Change what a job says of itself; what is None stays. Only a draft's work may change, unless forced."""

    id: AnyId
    name: Label | None = None
    project: Label | None = None
    comment: Text | None = None
    tags: Annotated[tuple[Label, ...], Field(max_length=64)] | None = None
    system_tags: Annotated[tuple[Label, ...], Field(max_length=64)] | None = None
    experiment: Label | None = None
    metadata: Json | None = None
    """All of it, as the next two."""
    parameters: Json | None = None
    """From here on: only of a draft."""
    spec: Spec | None = None
    requirements: Requirements | None = None
    kind: Name | None = None
    parent: JobId | None = None
    error: Text | None = None
    output: Text | None = None
    status_reason: Word | None = None
    status_message: Text | None = None
    touch: bool = False
    """Only a sign of life: extends a run of a client's own."""
    force: bool = False
    version: int | None = None
    """Conflict unless the job is at this version."""
    by: Label = "andon"


class MoveJob(Message):
    """Lead a job to a status by a person's or a client's word rather than by a worker's report.

    draft: takes it out of the queue, or resets it for a new attempt. queued: queues it (again).
    running: its client runs it itself, on no device; `touch` keeps it alive.
    succeeded, failed, stopped: what that client says of the end. closed, publishing, published: settles it.
    What a status does not allow is a Conflict unless forced; `force` never gives two runners one job.
    """

    id: AnyId
    to: JobStatus
    seen: Annotated[tuple[JobStatus, ...], Field(max_length=20)] = ()
    """Conflict unless the job is in one of these."""
    queue: Name | None = None
    """For queued: another queue than its own."""
    force: bool = False
    by: Label = "andon"
    reason: Word = ""
    message: Text = ""
    version: int | None = None


class DeleteJob(Message):
    """Take a job that has ended, or a draft, out of all lists; else Conflict."""

    id: AnyId
    by: Label = "andon"
    force: bool = False
    """A live job is cancelled without waiting first."""


class CleanJobs(Message):
    """Delete what ended long ago."""

    hours: Annotated[float, Field(ge=1, le=87600)] = 168
    status: Annotated[tuple[JobStatus, ...], Field(max_length=20)] = ()
    """By default every ended one but published."""
    project: Label | None = None
    by: Label = "andon"


class Cleaned(Message):
    deleted: int


class HistoryEntry(Message):
    """One change of a job."""

    version: int
    at: Time
    status: JobStatus
    previous: JobStatus | None = None
    reason: str = ""
    message: str = ""
    by: str = ""
    """A user, a device, or `engine`."""
    attempt: int = 0


class JobHistory(Message):
    job: Job
    attempts: tuple[Attempt, ...]
    entries: tuple[HistoryEntry, ...]
    """Oldest first; at most the last 200."""


class JobChanged(Message):
    """A job is at a new version. For one job, of two of these the higher version counts."""

    id: str
    version: int
    status: JobStatus
    previous: JobStatus | None = None
    """None: it is new."""
    aliases: Aliases
    name: str
    project: str
    kind: str
    queue: str
    previous_queue: str | None = None
    """When it changed with this, as the next."""
    previous_project: str | None = None
    user: str
    experiment: str | None = None
    priority: int
    rank: int = 0
    """Among what waits, the lowest is handed out first."""
    requirements: Requirements = Requirements()
    not_before: Time | None = None
    attempt: int = 0
    device: str | None = None
    reason: str = ""
    message: str = ""
    stop_requested: bool = False
    pause_requested: bool = False
    exit_code: int | None = None
    error: str = ""
    progress: float = 0
    retry_count: int = 0
    by: str = ""
    waited_seconds: float | None = None
    """From queue to lease; with the change to leased."""
    ran_seconds: float | None = None
    """Of the attempt; with the change that ends it."""
    at: Time


class JobDeleted(Message):
    id: str
    version: int
    aliases: Aliases
    status: JobStatus
    """The one it had."""
    queue: str
    project: str
    by: str = ""
    at: Time


class Signal(StrEnum):
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    REVOKE = "revoke"
    """The lease is over: end the process at once and throw its results away."""


class JobSignalled(Message):
    """A device is to do something about a job now; its next heartbeat's answer says the same."""

    job_id: str
    version: int
    device: str
    attempt: int
    signal: Signal
    reason: str = ""
    at: Time
