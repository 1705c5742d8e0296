"""A machine in the words and units of its worker: gigabytes of 2^30 bytes throughout, shares in percent."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, Field, StringConstraints

from andon.contracts import Label, Name
from andon.contracts.queue import Device, DeviceFacts, DeviceStatus, Gpu, Progress

_GIGA = 1 << 30
_SHORT = 64

Percent = Annotated[float, Field(ge=0, le=100)]
Gigabytes = Annotated[float, Field(ge=0, le=1_000_000)]
VideoGigabytes = Annotated[float, Field(ge=0, le=20_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(max_length=128)]
Uids = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=64)]], Field(max_length=1024)]


class GpuBody(BaseModel):
    id: Annotated[int, Field(ge=0, le=255, validation_alias=AliasChoices("id", "index"))]
    name: Text = ""
    util: Percent | None = None
    vram_used: VideoGigabytes | None = None
    vram_total: VideoGigabytes | None = None
    temperature: Number | None = None
    """Degrees Celsius."""
    power_usage: Number | None = None
    """Watts."""


class CodeVersionBody(BaseModel):
    """What a worker's checkout is made of."""

    model_config = {"extra": "allow"}

    git_hash: Text | None = None
    git_dirty: bool | None = None
    files_hash: Text | None = None
    """XXH3-64 over its files."""
    uv_lock_hash: Text | None = None
    branch: Text | None = None
    python_version: Text | None = None
    pytorch_version: Text | None = None
    cuda_version: Text | None = None
    component_versions: Annotated[dict[str, Text], Field(max_length=2000)] | None = None
    """Hash by path."""


class ProgressBody(BaseModel):
    progress: Annotated[float, Field(ge=0, le=1)] | None = None
    current_epoch: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    total_epochs: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    metrics: Annotated[dict[Label, Number], Field(max_length=200)] = {}


class HeartbeatBody(BaseModel):
    """What is not known is left out or null."""

    host_id: Name
    cpu_util: Percent | None = None
    cpu_cores: Annotated[float, Field(ge=0, le=4096)] | None = None
    memory_used: Gigabytes | None = None
    memory_total: Gigabytes | None = None
    disk_free: Gigabytes | None = None
    gpu_util: Percent | None = None
    """Mean over the GPUs."""
    vram_used: VideoGigabytes | None = None
    """Sum over the GPUs, as is the next."""
    vram_total: VideoGigabytes | None = None
    gpu_temperature: Number | None = None
    gpu_power_usage: Number | None = None
    gpu_count: Annotated[int, Field(ge=0, le=64)] | None = None
    gpus: Annotated[list[GpuBody], Field(max_length=64)] | None = None
    torch_version: Text | None = None
    cuda_version: Text | None = None
    code_version: CodeVersionBody | None = None
    active_jobs: Uids | None = None
    """Uids of all that it runs; none is nothing."""
    paused_jobs: Uids | None = None
    """Those of them whose processes are stopped for a while."""
    progress: Annotated[dict[str, ProgressBody], Field(max_length=1024)] = {}
    """By uid."""
    labels: Annotated[list[Name], Field(max_length=32)] = []
    max_jobs: Annotated[int, Field(ge=0, le=256)] = 256
    """Jobs it runs at once; 0 while it wants no more. Who does not tell asks for as many as it can run."""


class HeldView(BaseModel):
    experiment_uid: str
    held: bool
    """False: the job is no longer this worker's. End its process and throw its results away."""
    stop_requested: bool
    pause_requested: bool
    """Stop its process for a while, and name it in `paused_jobs`; let it go on once this is false."""


class HeartbeatView(BaseModel):
    message: str
    host_id: str
    status: DeviceStatus
    heartbeat_seconds: float
    """When to send the next one."""
    jobs: list[HeldView]
    cancelled_jobs: list[str]
    """Those that are not held, once more."""


class GpuView(BaseModel):
    id: int
    name: str
    util: float | None
    vram_used: float
    vram_total: float
    temperature: float | None
    power_usage: float | None


class DeviceView(BaseModel):
    host_id: str
    status: DeviceStatus
    last_heartbeat: datetime
    cpu_util: float | None
    cpu_cores: float
    """0 where it tells none."""
    memory_used: float
    """GB of 2^30 bytes, as are all the sizes here."""
    memory_total: float
    disk_free: float
    gpu_util: float | None
    vram_used: float
    vram_total: float
    gpu_temperature: float | None
    gpu_power_usage: float | None
    gpu_count: int
    gpus: list[GpuView]
    gpus_detail: list[GpuView]
    """The same under the name that the model has."""
    torch_version: str | None
    cuda_version: str | None
    code_version: dict[str, Any]
    active_jobs: list[str]
    """Uids of the jobs that it has."""
    max_jobs: int


def facts_of(body: HeartbeatBody) -> DeviceFacts:
    """In bytes; sums and means over the GPUs where only those are told."""
    gpus = tuple(_gpu(each) for each in body.gpus or ())
    utils = [gpu.util for gpu in gpus if gpu.util is not None]
    return DeviceFacts(
        hostname=body.host_id,
        cpu_cores=body.cpu_cores or 0,
        cpu_util=body.cpu_util,
        memory_used=_bytes(body.memory_used),
        memory_total=_bytes(body.memory_total),
        disk_free=_bytes(body.disk_free),
        gpu_count=body.gpu_count if body.gpu_count is not None else len(gpus),
        gpu_util=body.gpu_util if body.gpu_util is not None or not utils else sum(utils) / len(utils),
        vram_used=_bytes(body.vram_used) or sum(gpu.vram_used for gpu in gpus),
        vram_total=_bytes(body.vram_total) or sum(gpu.vram_total for gpu in gpus),
        gpu_temperature=body.gpu_temperature,
        gpu_power_usage=body.gpu_power_usage,
        gpus=gpus,
        torch_version=body.torch_version,
        cuda_version=body.cuda_version,
        code_version=_code(body.code_version),
    )


def progress_of(body: ProgressBody | None) -> Progress | None:
    if body is None:
        return None
    return Progress(
        fraction=body.progress, step=body.current_epoch, total_steps=body.total_epochs, metrics=body.metrics
    )


def device_view(device: Device, active_jobs: list[str]) -> DeviceView:
    facts = device.facts
    told = facts.model_dump(include=set(DeviceView.model_fields) - {"gpus"})
    sizes = ("memory_used", "memory_total", "disk_free", "vram_used", "vram_total")
    gpus = [_gpu_view(each) for each in facts.gpus]
    return DeviceView(
        **{**told, **{name: _gigabytes(getattr(facts, name)) for name in sizes}},
        host_id=device.id,
        status=device.status,
        last_heartbeat=device.last_heartbeat,
        gpus=gpus,
        gpus_detail=gpus,
        active_jobs=sorted(active_jobs),
        max_jobs=device.slots,
    )


def _gpu(body: GpuBody) -> Gpu:
    return Gpu(
        **body.model_dump(include={"id", "name", "util", "temperature", "power_usage"}),
        vram_used=_bytes(body.vram_used),
        vram_total=_bytes(body.vram_total),
    )


def _gpu_view(gpu: Gpu) -> GpuView:
    sizes = {name: _gigabytes(getattr(gpu, name)) for name in ("vram_used", "vram_total")}
    return GpuView(**{**gpu.model_dump(), **sizes})


def _code(body: CodeVersionBody | None) -> dict[str, Any]:
    """What is known of it; more than a worker ever has is not kept."""
    if body is None:
        return {}
    told = body.model_dump(exclude_none=True)
    known = {name: value for name, value in told.items() if name in CodeVersionBody.model_fields}
    more = {name[:_SHORT]: str(value)[:_SHORT] for name, value in told.items() if name not in known}
    return {**known, **dict(list(more.items())[:_SHORT])}


def _bytes(gigabytes: float | None) -> int:
    return round((gigabytes or 0) * _GIGA)


def _gigabytes(count: int) -> float:
    return round(count / _GIGA, 4)
