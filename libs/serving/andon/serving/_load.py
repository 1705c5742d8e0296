"""Which runtime serves, and which of a model's files it wants."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from andon.serving._onnxruntime import OnnxRuntimePredictor
from andon.serving._openvino import OpenVinoPredictor
from andon.serving._predictor import Predictor


class Runtime(StrEnum):
    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


class ServingSettings(BaseModel):
    """The block of settings for whoever predicts."""

    runtime: Runtime = Runtime.OPENVINO
    threads: Annotated[int, Field(ge=0)] = 0
    """Of the inference pool; 0 means every core."""
    max_batch: Annotated[int, Field(ge=1, le=64)] = 8
    keep_models: Annotated[int, Field(ge=1)] = 4
    """Models held in memory; the one unused for longest is closed first."""


@dataclass(frozen=True)
class ModelFiles:
    """One model in its forms, as bytes or paths."""

    fp32: bytes | Path
    int8: bytes | Path | None = None


def wanted(settings: ServingSettings, *, has_int8: bool) -> str:
    """`fp32` or `int8`: quantised files pay on OpenVINO alone and are slower elsewhere."""
    return "int8" if has_int8 and settings.runtime is Runtime.OPENVINO else "fp32"


async def load(files: ModelFiles, settings: ServingSettings) -> Predictor:
    """A warm, probed predictor. Raises Invalid for no model, ProbeFailed for one that says nonsense."""
    kind = OpenVinoPredictor if settings.runtime is Runtime.OPENVINO else OnnxRuntimePredictor
    int8 = files.int8 if wanted(settings, has_int8=files.int8 is not None) == "int8" else None
    return await kind.open(int8 or files.fp32, threads=settings.threads, max_batch=settings.max_batch)
