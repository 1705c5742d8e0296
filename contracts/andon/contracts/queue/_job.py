"""A job: one piece of work that runs for longer than a request, whatever surface it came by."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.queue._spec import Requirements, Sha256, Spec

JobId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"),
]
"""A UUID of version 7: sorts by the time it was made."""

CvlabUid = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}_[a-f0-9]{4}$")]
"""A day and four hex digits, such as 20261121_3fa9: unique, and there are only 65,536 of a day."""

Text = Annotated[str, StringConstraints(max_length=4096)]
"""Words for people; may have several lines."""


class JobStatus(StrEnum):
    DRAFT = "draft"
    """Being written; nobody runs it."""
    QUEUED = "queued"
    """Waits for a device, perhaps until `not_before`."""
    LEASED = "leased"
    """Handed to a device that has not confirmed it yet."""
    PREPARING = "preparing"
    """The device fetches and checks what the job needs."""
    RUNNING = "running"
    PAUSED = "paused"
    """From queued: not handed out. From running: its process is stopped and the lease held."""
    COLLECTING = "collecting"
    """The process has ended; its outputs are gathered."""
    LOST = "lost"
    """Its device has gone silent: the device may come back within a grace, or the job is queued again."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """Ended early by its own user, with what it had."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Waited for longer than `expire_seconds`."""
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    """Read-only from now on."""
    CLOSED = "closed"


HELD = frozenset(
    {JobStatus.LEASED, JobStatus.PREPARING, JobStatus.RUNNING, JobStatus.COLLECTING, JobStatus.LOST}
)
"""A device has it, and its resources are taken; a paused job has a device when `device` is set."""

ENDED = frozenset(
    {
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.STOPPED,
        JobStatus.CANCELLED,
        JobStatus.EXPIRED,
        JobStatus.PUBLISHING,
        JobStatus.PUBLISHED,
        JobStatus.CLOSED,
    }
)
"""Nothing runs any more. Only `queue.job.move.v1` leads out of these, into a new attempt."""


class Reason(StrEnum):
    """Words that the engine itself puts into `status_reason`; a surface may put others."""

    SUBMITTED = "submitted"
    UNCONFIRMED = "unconfirmed"
    """Leased, and not confirmed in time: queued again."""
    WORKER_LOST = "worker_lost"
    """No heartbeat for the lease: an infrastructure failure."""
    WORKER_RESTARTED = "worker_restarted"
    """The device says that it does not have the job: an infrastructure failure."""
    RECOVERED = "recovered"
    """Lost, and its device came back with it."""
    RELEASED = "released"
    """Given back by its device unstarted; counts as no failure."""
    INFRASTRUCTURE = "infrastructure"
    """Could not be prepared or collected, by no fault of the job."""
    EXIT_CODE = "exit_code"
    """The process ended with an exit code other than 0: a task failure."""
    SIGNAL = "signal"
    """The process was ended by a signal nobody asked for: a task failure."""
    TIMED_OUT = "timed_out"
    """Ran for longer than `timeout_seconds`: a task failure."""
    QUEUED_TOO_LONG = "queued_too_long"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    PAUSED = "paused"
    RESUMED = "resumed"
    RESET = "reset"


class Aliases(Message):
    """The job's other names; each finds it wherever an id is taken."""

    cvlab: CvlabUid | None = None
    """Only for jobs that were submitted with `cvlab_uid`."""
    clearml: str = ""
    """The id as 32 hex digits."""


class Artifact(Message):
    """Something a job left behind."""

    name: Label
    key: Annotated[str, StringConstraints(max_length=1024)]
    """Object key."""
    sha256: Sha256 | None = None
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes."""
    mode: Annotated[str, StringConstraints(pattern="^(input|output)$")] = "output"


class LogRef(Message):
    """Where a stream of a job's output is kept; the bytes live with sync."""

    key: Annotated[str, StringConstraints(max_length=1024)]
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes so far."""
    truncated: bool = False
    """There was more than is kept."""


Json = dict[str, JsonValue]
Metrics = Annotated[dict[Label, float], Field(max_length=1024)]


class Progress(Message):
    """How far a job is; what is None stays as it was."""

    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    step: int | None = None
    """Epoch or iteration."""
    total_steps: int | None = None
    message: Text | None = None
    metrics: Metrics = Field(default_factory=dict)
    """Latest values by name; others keep theirs."""


class NewJob(Message):
    """What is asked for; the engine adds the rest."""

    id: JobId | None = None
    """Made by the asker, so that asking again is harmless; made here when there is none."""
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    """The same key of the same user gives the same job; with another content it is a Conflict."""
    name: Label
    project: Label = "default"
    kind: Name = "command"
    """command, training, conversion, batch, notebook; or ClearML's task types."""
    queue: Name = "default"
    user: Label = "andon"
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    """100 is the most urgent. Low 20, normal 50, high 80, urgent 100."""
    requirements: Requirements = Requirements()
    spec: Spec = Spec()
    parameters: Json = Field(default_factory=dict)
    metadata: Json = Field(default_factory=dict)
    """Free for the surface; the engine reads none of it. At most 256 kB as JSON."""
    tags: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    system_tags: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    comment: Text = ""
    parent: JobId | None = None
    experiment: Label | None = None
    draft: bool = False
    """Keep it as a draft instead of queueing it."""
    unique_name: bool = False
    """Conflict while another live job of the project that was submitted so has this name."""
    cvlab_uid: bool = False
    """Give it an alias of this form."""
    max_retries: Annotated[int, Field(ge=0, le=100)] = 0
    """How often it is queued again after a task failure."""
    max_infrastructure_retries: Annotated[int, Field(ge=0, le=100)] = 5
    """How often it is queued again after an infrastructure failure."""
    timeout_seconds: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    """Longest run of one attempt; by default the engine's setting, 24 hours."""
    expire_seconds: Annotated[float, Field(gt=0, le=31_536_000)] | None = None
    """Longest wait in the queue; by default the engine's setting."""
    not_before: Time | None = None


class Job(Message):
    """A job as everybody may see it."""

    id: JobId
    aliases: Aliases
    version: int
    """Goes up by one with every change of status, request or content, each with its event."""
    name: str
    project: str
    kind: str
    queue: str
    user: str
    priority: int
    status: JobStatus
    status_reason: str = ""
    """A `Reason`, or a surface's own word."""
    status_message: str = ""
    stop_requested: bool = False
    """Its device was told to end it."""
    pause_requested: bool = False
    """Its device was told to stop it for a while."""
    requirements: Requirements = Requirements()
    spec: Spec = Spec()
    parameters: Json = Field(default_factory=dict)
    metadata: Json = Field(default_factory=dict)
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    comment: str = ""
    parent: JobId | None = None
    experiment: str | None = None
    idempotency_key: str | None = None
    unique_name: bool = False
    max_retries: int = 0
    max_infrastructure_retries: int = 5
    retry_count: int = 0
    """Times it was queued again after a task failure."""
    infrastructure_retry_count: int = 0
    """Times it was queued again after an infrastructure failure."""
    timeout_seconds: float = 86400
    expire_seconds: float | None = None
    not_before: Time | None = None
    """Not handed out earlier: scheduled, or resting before a retry."""
    attempt_no: int = 0
    """1 from its first lease on."""
    device: str | None = None
    """Of the current attempt, or of the last one when it has ended."""
    gpus: tuple[int, ...] = ()
    """Which of the device's GPUs are its own."""
    pid: int | None = None
    exit_code: int | None = None
    error: str = ""
    """Why the last attempt failed."""
    output: str = ""
    """A line about the result, or where it lies."""
    progress: float = 0
    """0 to 1."""
    step: int | None = None
    total_steps: int | None = None
    progress_message: str = ""
    metrics: dict[str, float] = Field(default_factory=dict)
    outputs: tuple[Artifact, ...] = ()
    logs: dict[str, LogRef] = Field(default_factory=dict)
    """By stream: stdout, stderr."""
    created_at: Time
    queued_at: Time | None = None
    """When it was queued first, since its last reset."""
    leased_at: Time | None = None
    started_at: Time | None = None
    """When the current or last attempt began to run."""
    ended_at: Time | None = None
    published_at: Time | None = None
    changed_at: Time
    """When its version went up last."""
    updated_at: Time
    """When anything of it was heard last."""


class AttemptOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """By its own fault."""
    INFRASTRUCTURE = "infrastructure"
    """By no fault of its own."""
    LOST = "lost"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"
    """Handed out, never begun."""
    RELEASED = "released"


class Attempt(Message):
    """One try: a lease on one device."""

    number: int
    device: str | None
    """None: run by its own client, on no device."""
    session: str = ""
    gpus: tuple[int, ...] = ()
    pid: int | None = None
    leased_at: Time
    confirmed_at: Time | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    heartbeat_at: Time | None = None
    """The last sign of life, as known when it ended."""
    outcome: AttemptOutcome | None = None
    """None while it lasts."""
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    checkpoint: Json | None = None
    """Where the next attempt may go on; free for the job's own program."""
    logs: dict[str, LogRef] = Field(default_factory=dict)
