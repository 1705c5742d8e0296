"""Jobs as helpers and their workers see them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.contracts.queue import Job, QueueSettings, QueueStatistics
from andon.contracts.queue import JobStatus as OurStatus
from andon.gateway.cvlab.jobs.words import (
    HelperPriority,
    HelperStatus,
    config_path_of,
    priority_of,
    status_of,
)


class RequirementsView(BaseModel):
    cpu_cores: float
    memory_gb: float
    gpu_count: int
    gpu_memory_gb: float
    disk_space_gb: float
    estimated_runtime_hours: float | None


class JobView(BaseModel):
    experiment_uid: str
    name: str
    project: str
    config_path: str
    status: HelperStatus
    priority: HelperPriority
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    requirements: RequirementsView
    assigned_device: str | None
    """`host`, or `host:gpu` where it has GPUs of its own; the first of them."""
    command: str
    working_directory: str | None
    environment_vars: dict[str, str]
    progress: float
    """0 to 1."""
    current_epoch: int | None
    total_epochs: int | None
    current_metrics: dict[str, float]
    error_message: str | None
    """Why the last try failed, also while it waits for the next one."""
    retry_count: int
    max_retries: int
    user: str
    tags: list[str]
    metadata: dict[str, Any]
    stop_requested: bool
    """Its worker was told to end it."""
    pause_requested: bool
    not_before: datetime | None
    """When a retry may begin."""


class OneJobView(BaseModel):
    job: JobView


class JobListView(BaseModel):
    jobs: list[JobView]
    """Newest first."""
    total: int
    """Of all that match."""


class GrantView(JobView):
    meta: dict[str, Any]
    """`run_name`, by which a worker names its results."""
    attempt: int
    """To be sent back with what becomes of it."""
    gpus: list[int]
    """Indices of its own GPUs on the worker."""
    checkpoint: dict[str, Any] | None
    """Where the last try left off."""
    confirm_seconds: float
    """Not confirmed for so long, it goes to another."""


class NextView(BaseModel):
    job: GrantView | None
    """Null while there is nothing for this worker."""


class StatsView(BaseModel):
    """Counts of jobs that were submitted here; devices and what they have are of all."""

    total_jobs: int
    pending_jobs: int
    queued_jobs: int
    running_jobs: int
    """With those that are assigned."""
    completed_jobs: int
    failed_jobs: int
    cancelled_jobs: int
    paused_jobs: int
    expired_jobs: int
    total_cpu_cores: float
    used_cpu_cores: float
    total_memory_gb: float
    used_memory_gb: float
    total_gpu_count: int
    used_gpu_count: int
    avg_queue_time_minutes: float | None
    """Over the last 24 hours, as the next."""
    avg_execution_time_minutes: float | None
    longest_running_job_minutes: float | None


class ConfigurationView(BaseModel):
    """How jobs of all surfaces are shared out; null does not bind."""

    max_concurrent_jobs: int | None
    max_jobs_per_device: int | None
    default_job_timeout_hours: float
    enable_priority_scheduling: bool
    enable_resource_matching: bool
    cleanup_completed_jobs_after_hours: float | None
    load_balancing_strategy: str


class MessageView(BaseModel):
    message: str


class StartedView(MessageView):
    experiment_uid: str
    status: HelperStatus
    stop_requested: bool
    pause_requested: bool


class ContentView(BaseModel):
    content: str
    truncated: bool = False
    """There is more in front of it."""


class CleanedView(MessageView):
    cleaned_count: int
    complete: bool
    """False: there may be more; ask again."""


def uid_of(job: Job) -> str:
    return job.aliases.cvlab or job.id


def run_of(job: Job) -> str:
    """The run that a job's results belong to: a job of the same run overwrites them."""
    return job.experiment or uid_of(job)


def device_of(job: Job) -> str | None:
    return f"{job.device}:{job.gpus[0]}" if job.device and job.gpus else job.device


def shown_status(job: Job) -> HelperStatus:
    return status_of(job.status, failed=bool(job.error))


def job_view(job: Job) -> JobView:
    return JobView(**_facts(job))


def grant_view(
    job: Job, attempt: int, checkpoint: dict[str, Any] | None, confirm_seconds: float
) -> GrantView:
    return GrantView(
        **_facts(job),
        meta={**job.metadata, "run_name": run_of(job)},
        attempt=attempt,
        gpus=list(job.gpus),
        checkpoint=checkpoint,
        confirm_seconds=confirm_seconds,
    )


def stats_view(found: QueueStatistics) -> StatsView:
    counts = found.model_dump(include=set(StatsView.model_fields))
    return StatsView(
        **counts,
        total_jobs=found.total,
        pending_jobs=found.pending,
        queued_jobs=found.by_status.get(OurStatus.QUEUED, 0),
        running_jobs=found.running,
        completed_jobs=found.completed,
        failed_jobs=found.failed,
        cancelled_jobs=found.cancelled,
        paused_jobs=found.by_status.get(OurStatus.PAUSED, 0),
        expired_jobs=found.expired,
    )


def configuration_view(found: QueueSettings) -> ConfigurationView:
    return ConfigurationView(
        max_concurrent_jobs=found.max_concurrent,
        max_jobs_per_device=found.max_per_device,
        default_job_timeout_hours=found.timeout_hours,
        enable_priority_scheduling=found.priority_scheduling,
        enable_resource_matching=found.resource_matching,
        cleanup_completed_jobs_after_hours=found.cleanup_hours,
        load_balancing_strategy=found.balancing.value,
    )


def _facts(job: Job) -> dict[str, Any]:
    asked = job.requirements
    return {
        **job.model_dump(
            include={"name", "project", "created_at", "queued_at", "started_at", "progress", "max_retries"}
        ),
        **job.model_dump(include={"user", "metadata", "stop_requested", "pause_requested", "not_before"}),
        "experiment_uid": uid_of(job),
        "config_path": config_path_of(uid_of(job)),
        "status": shown_status(job),
        "priority": priority_of(job.priority),
        "completed_at": job.ended_at,
        "requirements": RequirementsView(
            cpu_cores=asked.cpu,
            memory_gb=asked.memory_gb,
            gpu_count=asked.gpu,
            gpu_memory_gb=asked.gpu_memory_gb,
            disk_space_gb=asked.disk_gb,
            estimated_runtime_hours=asked.hours,
        ),
        "assigned_device": device_of(job),
        "command": " ".join(job.spec.command),
        "working_directory": job.spec.working_directory,
        "environment_vars": dict(job.spec.env),
        "current_epoch": job.step,
        "total_epochs": job.total_steps,
        "current_metrics": job.metrics,
        "error_message": job.error or None,
        "retry_count": job.retry_count + job.infrastructure_retry_count,
        "tags": list(job.tags),
    }
