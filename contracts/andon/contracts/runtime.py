"""The inference runtimes of an inspector: what they hold, and how fast they are."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name
from andon.contracts._subject import Query

Device = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_.:,\-]+$")]


class GetStatus(Message):
    pass


class LoadedModel(Message):
    """A model that is in memory and warm."""

    key: str
    """The version id of a model that stations judge by; else the key it was loaded under."""
    runtime: str
    """openvino, onnxruntime or triton."""
    device: str
    precision: str
    """fp32 or int8: the file in use; `as-stored` for a file that is used as it is."""
    digest: str
    """sha256 of the model: the FP32 file's."""
    station_ids: tuple[str, ...] = ()
    """Stations whose recipe names it."""


class RuntimeStatus(Message):
    """Of the inspector that answers; each has its own."""

    available: bool
    """OpenVINO works here."""
    enabled: bool
    """Stations' models are served by OpenVINO."""
    device: str
    """Where they are served."""
    ort_fallback: bool
    """ONNX Runtime serves instead."""
    loaded_models: tuple[LoadedModel, ...]
    available_devices: tuple[str, ...]
    versions: dict[str, str]
    """Of openvino and onnxruntime."""
    host: str
    """The machine."""


class LoadModel(Message):
    """Load a file of the model store into OpenVINO, beside what stations judge by."""

    model_key: Name
    """What it is called from now on; a repeat replaces it."""
    object_key: Annotated[str, Field(max_length=512)]
    """In the object store, below models/."""
    device: Device = "CPU"


class BenchmarkModel(Message):
    model_key: Annotated[str, Field(min_length=1, max_length=128)]
    iterations: Annotated[int, Field(ge=1, le=1000)] = 50


class Benchmark(Message):
    """Latency of one image at a time, both runtimes taking turns on the same file."""

    model_key: str
    ort_mean_ms: float
    ov_mean_ms: float
    ort_median_ms: float
    ov_median_ms: float
    speedup: float
    """ONNX Runtime's mean time divided by OpenVINO's."""
    iterations: int
    """Done by each; fewer than asked for when the time was up."""
    device: str
    """Of OpenVINO; ONNX Runtime's is in `ort_device`."""
    ort_device: str
    threads: int
    """For each runtime."""
    inputs: dict[str, tuple[int, ...]]
    """Shapes of what went in."""


STATUS = Query(
    "runtime.host.status.v1",
    GetStatus,
    "What the inference runtimes are and hold.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=RuntimeStatus,
)
LOAD = Query(
    "runtime.model.load.v1",
    LoadModel,
    "Load a file of the model store into OpenVINO.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=LoadedModel,
)
BENCHMARK = Query(
    "runtime.model.benchmark.v1",
    BenchmarkModel,
    "Measure ONNX Runtime against OpenVINO.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Benchmark,
)
