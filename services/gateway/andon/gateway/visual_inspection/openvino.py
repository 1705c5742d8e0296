"""The inference runtimes: what serves, and how it compares."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Name, NotFound, runtime, training
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/openvino", tags=["openvino"])

_PATIENCE = 60.0
_STORE = "/app/models/"
"""How clients may write the model store: the folder `models` of the product."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ALL = 500


class OpenVinoView(BaseModel):
    """Of the inspector that answered."""

    available: bool
    enabled: bool
    """Stations' models are served by OpenVINO."""
    device: str
    loaded_models: list[str]
    """Version ids of models that stations judge by, and keys of those loaded here."""
    ort_fallback: bool
    """ONNX Runtime serves instead."""
    available_devices: list[str]
    versions: dict[str, str]
    models: list[runtime.LoadedModel]
    host: str


class LoadBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model_key: Name = Field(examples=["encoder"])
    model_path: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        examples=["models/resnet18_image_encoder.onnx"]
    )
    """A file of the model store below models/, or a model version's id."""
    device: runtime.Device = "CPU"


class LoadedView(BaseModel):
    status: Literal["loaded"] = "loaded"
    model_key: str
    device: str
    """As it was asked for."""
    runs_on: str
    digest: str
    """sha256 of the file."""


class BenchmarkBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model_key: Annotated[str, Field(min_length=1, max_length=128)] = Field(examples=["encoder"])
    iterations: Annotated[int, Field(ge=1, le=1000)] = 50


@routes.get("/status")
async def status(_who: MayView, here: Here) -> OpenVinoView:
    """Whether OpenVINO serves, on which device and what."""
    found = await here.bus.ask(runtime.STATUS, runtime.GetStatus())
    return OpenVinoView(
        available=found.available,
        enabled=found.enabled,
        device=found.device,
        loaded_models=[each.key for each in found.loaded_models],
        ort_fallback=found.ort_fallback,
        available_devices=list(found.available_devices),
        versions=found.versions,
        models=list(found.loaded_models),
        host=found.host,
    )


@routes.post("/load", responses=may(404, 409, 413, 503))
async def load(body: LoadBody, _who: MayConfigure, here: Here) -> LoadedView:
    """Load an ONNX file of the model store into OpenVINO, beside what stations judge by.

    It is held in a process of its own at low priority. Admins and engineers only.
    """
    key = await _object_key(body.model_path, here)
    question = parsed(runtime.LoadModel, model_key=body.model_key, object_key=key, device=body.device)
    loaded = await here.bus.ask(runtime.LOAD, question, timeout=_PATIENCE)
    return LoadedView(model_key=loaded.key, device=body.device, runs_on=loaded.device, digest=loaded.digest)


@routes.post("/benchmark", responses=may(404, 409, 503))
async def benchmark(body: BenchmarkBody, _who: MayConfigure, here: Here) -> runtime.Benchmark:
    """Measure ONNX Runtime against OpenVINO on a loaded model, in turns, on the machine that serves.

    One at a time, on half of the cores, 20 seconds at most. Admins and engineers only.
    """
    question = runtime.BenchmarkModel(model_key=body.model_key, iterations=body.iterations)
    return await here.bus.ask(runtime.BENCHMARK, question, timeout=_PATIENCE)


async def _object_key(path: str, here: Gateway) -> str:
    """Where in the object store it is; what is no version is judged by who looks there."""
    if not _VERSION.fullmatch(path):
        return f"models/{path.removeprefix(_STORE)}" if path.startswith(_STORE) else path
    found = await here.bus.ask(training.LIST, training.ListModels(limit=_ALL))
    for version in found.models:
        if version.id == path:
            return version.model.fp32.key
    raise NotFound(f"model_path: there is no model version '{path}'.", {"model_path": "unknown version"})
