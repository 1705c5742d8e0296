"""Which runtime serves, and which of a model's files it wants."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, Field, model_validator

from andon.serving._onnxruntime import OnnxRuntimePredictor
from andon.serving._openvino import OpenVinoPredictor
from andon.serving._predictor import Predictor

if TYPE_CHECKING:
    from andon.serving.triton import Repository, TritonServer

_BUCKET = "s3:"


class Runtime(StrEnum):
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    TRITON = "triton"


class ServingSettings(BaseModel):
    """The block of settings for whoever predicts."""

    runtime: Runtime = Runtime.OPENVINO
    threads: Annotated[int, Field(ge=0)] = 0
    """Of the inference pool; 0 means every core."""
    max_batch: Annotated[int, Field(ge=1, le=64)] = 8
    keep_models: Annotated[int, Field(ge=1)] = 4
    """Models held in memory; the one unused for longest is closed first."""
    triton_url: Annotated[str, Field(pattern=r"^(https?://[^/?#@\s]+(/[^?#\s]*)?)?$")] = ""
    """Of the HTTP port of a Triton server, such as http://triton:8000; where there is one, it serves."""
    triton_repository: str = ""
    """Where that server reads its models: a folder that both see, or s3: and a prefix of Andon's bucket.

    Without one, each model travels with the request to load it.
    """
    triton_seconds: Annotated[float, Field(gt=0)] = 10.0
    """For a batch of pictures; an answer that takes longer counts as an outage."""
    triton_in_flight: Annotated[int, Field(ge=1, le=64)] = 4
    """Batches asked for at once."""
    triton_idle_hours: Annotated[float, Field(gt=0)] = 12.0
    """What nobody asked for so long is unloaded there with the next load: whoever loaded it may be gone."""

    @property
    def served_by(self) -> Runtime:
        return Runtime.TRITON if self.triton_url else self.runtime

    @property
    def triton_prefix(self) -> str | None:
        """Of the bucket, where that is the repository."""
        within = self.triton_repository.removeprefix(_BUCKET)
        return within.strip("/") if self.triton_repository.startswith(_BUCKET) else None

    @model_validator(mode="after")
    def _has_its_server(self) -> Self:
        if self.served_by is Runtime.TRITON and not self.triton_url:
            raise ValueError("runtime triton needs triton_url")
        if self.triton_repository and not self.triton_url:
            raise ValueError("triton_repository needs triton_url")
        return self


@dataclass(frozen=True)
class ModelFiles:
    """One model in its forms, as bytes or paths."""

    fp32: bytes | Path
    int8: bytes | Path | None = None


def wanted(settings: ServingSettings, *, has_int8: bool) -> str:
    """`fp32` or `int8`: quantised files pay on OpenVINO alone and are slower elsewhere."""
    return "int8" if has_int8 and settings.served_by is Runtime.OPENVINO else "fp32"


async def load(
    files: ModelFiles, settings: ServingSettings, repository: "Repository | None" = None
) -> Predictor:
    """A warm, probed predictor. Raises Invalid for no model, ProbeFailed for one that says nonsense.

    `repository` is Triton's where it is not a folder.
    """
    if settings.served_by is Runtime.TRITON:
        return await _load_into_triton(files.fp32, settings, repository)
    kind = OpenVinoPredictor if settings.served_by is Runtime.OPENVINO else OnnxRuntimePredictor
    int8 = files.int8 if wanted(settings, has_int8=files.int8 is not None) == "int8" else None
    return await kind.open(int8 or files.fp32, threads=settings.threads, max_batch=settings.max_batch)


def serving_checks(settings: ServingSettings) -> dict[str, Callable[[], Awaitable[None]]]:
    """Of what serves outside of this process, by name; each raises Unavailable while that is away."""
    if settings.served_by is not Runtime.TRITON:
        return {}
    from andon.serving.triton import ping  # noqa: PLC0415 - as below

    return {"triton": partial(ping, _server(settings))}


async def _load_into_triton(
    fp32: bytes | Path, settings: ServingSettings, repository: "Repository | None"
) -> Predictor:
    from andon.serving.triton import FolderRepository, TritonPredictor  # noqa: PLC0415 - as below

    server = _server(settings)
    if repository is None and settings.triton_repository:
        repository = FolderRepository(Path(settings.triton_repository))
    return await TritonPredictor.open(fp32, server, max_batch=settings.max_batch, repository=repository)


def _server(settings: ServingSettings) -> "TritonServer":
    from andon.serving.triton import TritonServer  # noqa: PLC0415 - its client takes memory: who has it pays

    return TritonServer(
        settings.triton_url,
        settings.triton_seconds,
        settings.triton_in_flight,
        settings.triton_idle_hours,
    )
