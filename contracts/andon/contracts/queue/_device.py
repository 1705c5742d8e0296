"""A device: a machine that runs jobs, as it says of itself every few seconds."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.queue._job import Json, LogRef, Progress
from andon.contracts.queue._spec import Requirements
from andon.contracts.queue._work import Token

Bytes = Annotated[int, Field(ge=0)]
Percent = Annotated[float, Field(ge=0, le=100)]


class DeviceStatus(StrEnum):
    """By the time since its last heartbeat."""

    HEALTHY = "healthy"
    """Up to 30 s."""
    STALE = "stale"
    """Up to 60 s."""
    DISCONNECTED = "disconnected"


class Gpu(Message):
    id: Annotated[int, Field(ge=0)]
    """The index by which CUDA_VISIBLE_DEVICES names it."""
    name: str = ""
    util: Percent | None = None
    vram_used: Bytes = 0
    vram_total: Bytes = 0
    temperature: float | None = None
    """Degrees Celsius."""
    power_usage: float | None = None
    """Watts."""


class DeviceFacts(Message):
    """What a machine has and does now. Memory and disk in bytes, shares in percent."""

    hostname: str = ""
    address: str = ""
    platform: str = ""
    agent_version: str = ""
    cpu_cores: Annotated[float, Field(ge=0)] = 0
    """What jobs may take; 0 says nothing and holds no job that asks for cores."""
    cpu_util: Percent | None = None
    memory_used: Bytes = 0
    memory_total: Bytes = 0
    disk_free: Bytes = 0
    """Where jobs write."""
    gpu_count: int = 0
    gpu_util: Percent | None = None
    """Mean over the GPUs."""
    vram_used: Bytes = 0
    """Sum over the GPUs, as is the next."""
    vram_total: Bytes = 0
    gpu_temperature: float | None = None
    gpu_power_usage: float | None = None
    gpus: Annotated[tuple[Gpu, ...], Field(max_length=64)] = ()
    torch_version: str | None = None
    cuda_version: str | None = None
    code_version: Json = Field(default_factory=dict)
    """git_hash, git_dirty, files_hash, uv_lock_hash, branch, versions, component_versions."""
    clock: Time | None = None
    """The machine's own time; Andon only shows how far it is off."""


class HeldLease(Message):
    """A lease that a device says it has."""

    job_id: str
    token: Token | None = None
    """None: whatever lease this device has of the job."""
    progress: Progress | None = None
    checkpoint: Json | None = None
    logs: Annotated[dict[str, LogRef], Field(max_length=8)] = Field(default_factory=dict)


class DeviceHeartbeat(Message):
    """A sign of life: registers the device, extends its leases, and learns what is asked of them."""

    id: Name
    """Unique among devices; usually the host name."""
    session: Annotated[str, StringConstraints(max_length=64)] = ""
    """New with each start of the agent."""
    facts: DeviceFacts = DeviceFacts()
    queues: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Serves only these; none is all."""
    labels: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    slots: Annotated[int, Field(ge=0, le=4096)] = 1
    """Jobs it runs at once; 0 while it wants no more."""
    leases: Annotated[tuple[HeldLease, ...], Field(max_length=4096)] | None = None
    """Everything it has. A job that it was running and leaves out is taken as failed by infrastructure. None
    says nothing about jobs."""


class LeaseState(Message):
    """What the engine knows of a lease in a heartbeat."""

    job_id: str
    held: bool
    """False: the lease is over. End the process and throw its results away."""
    stop_requested: bool = False
    pause_requested: bool = False
    expires_at: Time | None = None


class Device(Message):
    """A device as everybody may see it."""

    id: str
    session: str = ""
    facts: DeviceFacts
    queues: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    slots: int = 1
    status: DeviceStatus
    """As of the answer; it changes with time alone."""
    first_seen: Time
    last_heartbeat: Time
    clock_skew_seconds: float | None = None
    """Its clock minus the engine's."""
    active_jobs: tuple[str, ...] = ()
    """Ids of the jobs it holds."""
    held: Requirements = Requirements()
    """What these jobs asked for, together."""


class HeartbeatAnswer(Message):
    device: Device
    leases: tuple[LeaseState, ...] = ()
    heartbeat_seconds: float = 10
    """When to send the next one."""


class ListDevices(Message):
    status: DeviceStatus | None = None
    queue: Name | None = None


class Devices(Message):
    """By id."""

    devices: tuple[Device, ...]


class GetDevice(Message):
    id: str


class DeleteDevice(Message):
    """Only a disconnected device can be deleted; else Conflict."""

    id: str
    by: Label = "andon"


class DeviceDeleted(Message):
    id: str
    by: str = "andon"
    at: Time
