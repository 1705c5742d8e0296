"""What a worker and the engine say to each other about a job."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._errors import Problem
from andon.contracts._message import Message, Name, Time
from andon.contracts.queue._job import (
    Artifact,
    Job,
    JobId,
    JobStatus,
    Json,
    LogRef,
    Metrics,
    Progress,
    Text,
)
from andon.contracts.queue._record import JobRecord

Token = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class LeaseJobs(Message):
    """Ask for work. Waits inside the engine until there is some, for `wait_seconds` at most.

    The device must have sent a heartbeat of this session. Ask one at a time, with a reply time-out a few
    seconds above `wait_seconds`: an answer that nobody takes is handed out again only after
    `confirm_seconds` of the settings.
    """

    device: Name
    session: Annotated[str, StringConstraints(max_length=64)] = ""
    """The agent's life; an ask of an older life than the last heartbeat's is a Conflict."""
    count: Annotated[int, Field(ge=1, le=256)] = 1
    """Jobs to take at most."""
    queues: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """By default those of the device's heartbeat; when that names none either, all."""
    kinds: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Only jobs of these kinds; none is all."""
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0
    confirm: bool = False
    """Take them as running at once, without a report: for workers that start what they get immediately."""


class Lease(Message):
    """The right to run one attempt. Whoever holds an older token of the job is refused with Conflict."""

    token: Token
    attempt: int
    """Grows with every lease of the job; use it to fence what you write elsewhere."""
    expires_at: Time
    """By the engine's clock; a heartbeat that names the lease, or a report, extends it."""
    confirm_seconds: float
    """Report within so many seconds, or it is handed to another."""
    lease_seconds: float
    """How long each sign of life lasts."""
    gpus: tuple[int, ...] = ()
    checkpoint: Json | None = None
    """What the last attempt left."""


class Grant(Message):
    job: Job
    lease: Lease


class Leased(Message):
    """Most urgent first; empty when nothing fitted in time."""

    grants: tuple[Grant, ...]


class Stage(StrEnum):
    """What a worker reports. Stages may be left out, never gone back."""

    PREPARING = "preparing"
    RUNNING = "running"
    """Also after a pause."""
    PAUSED = "paused"
    """Its process is stopped, as was asked."""
    COLLECTING = "collecting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """`failure` says whose fault it was."""
    STOPPED = "stopped"
    """Ended as was asked; becomes cancelled, stopped or failed (timed out) by what was asked."""
    RELEASED = "released"
    """Given back unstarted, without a failure."""


class Failure(StrEnum):
    TASK = "task"
    """Exit code, signal, missing output, hash mismatch: counts against `max_retries`."""
    INFRASTRUCTURE = "infrastructure"
    """Network, disk, store: counts against `max_infrastructure_retries`."""
    FINAL = "final"
    """A repeat would not help, such as a command that does not exist: no retry."""


class Report(Message):
    """What became of a job on its worker. The same report again is harmless.

    Refused with Conflict when the lease is not the current one or the job has ended otherwise: then end its
    process and throw its results away.
    """

    job_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """An id or an alias."""
    token: Token | None = None
    """The lease; workers whose protocol has none name their device, which fences other devices out."""
    device: Name | None = None
    stage: Stage | None = None
    """None: progress and the like only, and a sign of life."""
    pid: Annotated[int, Field(ge=0)] | None = None
    exit_code: int | None = None
    """Negative: ended by this signal."""
    failure: Failure = Failure.TASK
    reason: Annotated[str, StringConstraints(max_length=64)] = ""
    """By default what fits the stage and the exit code."""
    message: Text = ""
    """Becomes `error` of a failure, `output` of a success."""
    progress: Progress | None = None
    checkpoint: Json | None = None
    logs: Annotated[dict[str, LogRef], Field(max_length=8)] = Field(default_factory=dict)
    outputs: Annotated[tuple[Artifact, ...], Field(max_length=1024)] = ()
    """Added to what there is by name and mode."""
    record: JobRecord | None = None
    """What it is made of, with its start."""


class Reported(Message):
    """What the worker should know after its report."""

    job_id: JobId
    status: JobStatus
    version: int
    stop_requested: bool = False
    """End it: SIGTERM, then SIGKILL after `kill_after_seconds`; then report `stopped`."""
    pause_requested: bool = False
    """Stop its processes (SIGSTOP) and report `paused`; once False, let them go on and report `running`."""
    expires_at: Time | None = None


class ReportMany(Message):
    reports: Annotated[tuple[Report, ...], Field(min_length=1, max_length=256)]
    """Of different jobs: those of one job are said one after the other."""


class ReportResult(Message):
    """Either of both."""

    done: Reported | None = None
    problem: Problem | None = None


class ReportedMany(Message):
    """In the order of the reports."""

    results: tuple[ReportResult, ...]


class JobProgressed(Message):
    """Where a job stands between two changes of status. At most about one a second and job."""

    id: str
    attempt: int
    device: str | None = None
    progress: float = 0
    step: int | None = None
    total_steps: int | None = None
    message: str = ""
    metrics: Metrics = Field(default_factory=dict)
    """Those of this report."""
    logs: dict[str, LogRef] = Field(default_factory=dict)
    at: Time
