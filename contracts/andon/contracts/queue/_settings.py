"""How the engine shares out devices, the queues there are, what is submitted by the clock, and figures."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.queue._job import JobStatus, NewJob, Text

Cap = Annotated[int, Field(ge=0, le=1_000_000)]


class Balancing(StrEnum):
    """Which idle device gets a job that several could take."""

    ROUND_ROBIN = "round_robin"
    """The one that has waited longest."""
    LEAST_LOADED = "least_loaded"
    """The one with the fewest jobs."""
    RESOURCE_AWARE = "resource_aware"
    """The one that it fills best, so that big devices stay free for big jobs."""


class QueueSettings(Message):
    """Of the whole engine; a cap that is None does not bind."""

    max_concurrent: Cap | None = None
    """Jobs that devices hold at once."""
    max_per_device: Cap | None = None
    """On top of each device's own slots."""
    max_per_user: Cap | None = None
    max_per_project: Cap | None = None
    users: Annotated[dict[Label, Cap], Field(max_length=10_000)] = Field(default_factory=dict)
    """Caps of single users, in place of `max_per_user`."""
    projects: Annotated[dict[Label, Cap], Field(max_length=10_000)] = Field(default_factory=dict)
    priority_scheduling: bool = True
    """False: first come, first served."""
    resource_matching: bool = True
    """False: any device of the queue will do."""
    ageing_seconds: Annotated[float, Field(ge=0, le=31_536_000)] = 600
    """Waiting so long is worth one point of priority, so that nothing starves; 0: never. Counts for jobs that
    are queued from then on."""
    balancing: Balancing = Balancing.RESOURCE_AWARE
    timeout_hours: Annotated[float, Field(gt=0, le=8760)] = 24
    """Of an attempt, where the job names none."""
    expire_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    """Of the wait, where the job names none; None: for ever."""
    cleanup_hours: Annotated[float, Field(ge=1, le=87600)] | None = 168
    """Ended jobs are deleted after so long; None: never. Published ones stay."""
    confirm_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 60
    lost_grace_seconds: Annotated[float, Field(ge=0, le=86400)] = 60
    """How long a lost job waits for its device to come back before it is given to another."""
    retry_first_seconds: Annotated[float, Field(ge=0, le=86400)] = 5
    """Rest before the first retry of a task failure; doubles with each. Infrastructure rests a tenth."""
    retry_longest_seconds: Annotated[float, Field(ge=0, le=86400)] = 600
    version: int = 0
    """Goes up with each change."""


class GetSettings(Message):
    pass


class PutSettings(Message):
    """Conflict unless `settings.version` is the current one."""

    settings: QueueSettings
    by: Label = "andon"


class Queue(Message):
    """A named queue. One that is not defined works with these defaults."""

    name: Name
    description: Text = ""
    held: bool = False
    """Nothing is handed out from it."""
    max_concurrent: Cap | None = None
    default: bool = False
    """Where a surface puts what names no queue."""
    created_at: Time | None = None
    tags: tuple[Label, ...] = ()
    system_tags: tuple[Label, ...] = ()


class QueueInfo(Message):
    queue: Queue
    waiting: int
    active: int


class ListQueues(Message):
    pass


class Queues(Message):
    """By name: those that are defined, and those that have jobs."""

    queues: tuple[QueueInfo, ...]


class PutQueue(Message):
    queue: Queue
    by: Label = "andon"


class DeleteQueue(Message):
    """Only one without waiting jobs; else Conflict."""

    name: Name
    by: Label = "andon"


class Deleted(Message):
    deleted: bool


class Schedule(Message):
    """Submits a job again and again. Runs that were missed while everything was down are not caught up."""

    name: Name
    job: NewJob
    every_seconds: Annotated[float, Field(ge=1, le=31_536_000)] | None = None
    """Either this or `cron`."""
    cron: Annotated[str, StringConstraints(max_length=128)] | None = None
    """minute hour day month weekday, UTC; numbers, *, lists, ranges and steps."""
    enabled: bool = True
    overlap: bool = False
    """Submit although the job of the last time has not ended."""
    next_at: Time | None = None
    """Set by the engine."""
    last_at: Time | None = None
    last_job: str | None = None


class PutSchedule(Message):
    schedule: Schedule
    by: Label = "andon"


class ListSchedules(Message):
    pass


class Schedules(Message):
    """By name."""

    schedules: tuple[Schedule, ...]


class DeleteSchedule(Message):
    name: Name
    by: Label = "andon"


class GetStatistics(Message):
    queue: Name | None = None
    """Counts of this queue alone; resources and devices are of all."""
    project: Label | None = None
    """Counts of this project alone."""


class QueueStatistics(Message):
    """Times in minutes. Averages are over the last 24 hours, None when there was nothing to average."""

    total: int
    pending: int
    """Drafts."""
    queued: int
    """Waiting, and paused."""
    running: int
    """Leased to collecting, and lost."""
    completed: int
    failed: int
    cancelled: int
    """With stopped."""
    expired: int
    by_status: dict[JobStatus, int]
    completed_today: int
    """Since midnight UTC."""
    failed_today: int
    total_cpu_cores: float
    """Of the devices that are healthy or stale."""
    used_cpu_cores: float
    """What running jobs asked for."""
    total_memory_gb: float
    used_memory_gb: float
    total_gpu_count: int
    used_gpu_count: int
    avg_queue_time_minutes: float | None = None
    avg_execution_time_minutes: float | None = None
    longest_running_job_minutes: float | None = None
    devices: int
    """Healthy."""
    devices_total: int
    at: Time
