"""What helpers and their workers send about jobs."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, Field, StringConstraints

from andon.contracts import Label, Name
from andon.contracts.queue import Balancing, Requirements
from andon.gateway.cvlab.jobs.words import HelperPriority

_MOST_BYTES = 16 << 10

FolderName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^\w[\w. -]*$")
]
"""What workers make folders and files of: no separators, no dot in front."""
Uid = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, default=str)) > _MOST_BYTES:
        raise ValueError(f"takes more than {_MOST_BYTES >> 10} KiB as JSON")
    return value


Free = Annotated[dict[str, Any], AfterValidator(_small)]
Variable = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Text = Annotated[str, StringConstraints(max_length=4096)]


class RequirementsBody(BaseModel):
    """What a device must have free; what is left out asks for nothing."""

    cpu_cores: Annotated[float, Field(ge=0, le=4096)] | None = None
    """Only workers that tell their cores get such a job."""
    memory_gb: Annotated[float, Field(ge=0, le=65536)] | None = None
    gpu_count: Annotated[int, Field(ge=0, le=64)] | None = None
    gpu_memory_gb: Annotated[float, Field(ge=0, le=4096)] | None = None
    """Of each GPU."""
    disk_space_gb: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    estimated_runtime_hours: Annotated[float, Field(ge=0, le=87600)] | None = None
    """Shown, not enforced."""

    def requirements(self) -> Requirements:
        return Requirements(
            cpu=self.cpu_cores or 0,
            memory_gb=self.memory_gb or 0,
            gpu=self.gpu_count or 0,
            gpu_memory_gb=self.gpu_memory_gb or 0,
            disk_gb=self.disk_space_gb or 0,
            hours=self.estimated_runtime_hours,
        )


class WishBody(BaseModel):
    """What any submission may say."""

    max_retries: Annotated[int, Field(ge=0, le=100)] = 3
    """Repeats after a failure, and as many after a worker was lost with it."""
    timeout_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    """Of one try; by default the queue's."""
    expire_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    """Longest wait in the queue."""


class SubmitBody(WishBody):
    name: Label
    project: FolderName
    config_path: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """`queue_logs/{uid}/config.yaml` of an earlier job, or `category/name.yaml` of the component store; any
    path where `config` has the text."""
    config: str | None = None
    """The YAML text."""
    priority: HelperPriority = HelperPriority.NORMAL
    experiment_uid: None = None
    """The server gives it."""
    requirements: RequirementsBody | None = None
    tags: Annotated[list[Label], Field(max_length=64)] = []
    environment_vars: Annotated[
        dict[Variable, Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]], AfterValidator(_small)
    ] = {}
    metadata: Free = {}


class AddBody(WishBody):
    config: str
    """The YAML text."""
    device: Annotated[str, StringConstraints(max_length=80)] = "any"
    """A host, or `host:gpu` for a whole GPU of it."""
    priority: Annotated[str, StringConstraints(max_length=64)] = "normal"
    """Whatever is no priority is normal."""
    name: Label | None = None
    project: FolderName | None = None
    """By default what the configuration says."""
    requirements: RequirementsBody | None = None


class HandBody(BaseModel):
    """Whose hand it is. Workers that send neither are known by their key."""

    experiment_uid: Annotated[Uid, Field(validation_alias=AliasChoices("experiment_uid", "uid"))]
    host_id: Name | None = None
    attempt: Annotated[int, Field(ge=1)] | None = None
    """As `next_job` told; a worker that comes late with an older one is refused."""


class StartedBody(HandBody):
    pid: Annotated[int, Field(ge=0, lt=1 << 31)]


class CompleteBody(HandBody):
    success: bool
    error_message: Text | None = None
    exit_code: Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)] | None = None


class NotesBody(BaseModel):
    notes: Annotated[str, StringConstraints(max_length=2000)]


class TagsBody(BaseModel):
    tags: Annotated[list[Label], Field(max_length=64)]


class ConfigurationBody(BaseModel):
    """What is left out stays."""

    max_concurrent_jobs: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    max_jobs_per_device: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    default_job_timeout_hours: Annotated[float, Field(gt=0, le=8760)] | None = None
    enable_priority_scheduling: bool | None = None
    enable_resource_matching: bool | None = None
    cleanup_completed_jobs_after_hours: Annotated[float, Field(ge=1, le=87600)] | None = None
    load_balancing_strategy: Balancing | None = None
