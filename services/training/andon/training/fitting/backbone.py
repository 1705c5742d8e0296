"""The frozen backbone: read, quantised on a station's own images, and asked for features."""

import logging
import os
from importlib import resources

import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray

from andon.training.domain.order import evenly

os.environ.setdefault("NNCF_CI", "1")  # NNCF reports its use to its makers otherwise

Pixels = NDArray[np.uint8]
Half = NDArray[np.float16]

QUANTISE_IMAGES = 100
BATCH = 8
KEPT_FULL = ["AveragePool", "Concat", "Resize"]
"""Never quantised: on some processors OpenVINO's INT8 AvgPool turned features to noise (5 dB measured)."""


def full() -> onnx.ModelProto:
    """The FP32 backbone: `image` uint8 [n,256,256,3] RGB -> `features` float32 [n,176,32,32]."""
    packaged = resources.files("andon.training") / "backbone" / "efficientnet-lite0.onnx"
    return onnx.load_from_string(packaged.read_bytes())


def quantised(images: Pixels, kept_full: list[str] = KEPT_FULL) -> onnx.ModelProto:
    """The backbone with INT8 convolutions, their ranges measured on these images."""
    import nncf  # noqa: PLC0415 - takes seconds, and a classifier of regions has no use for it

    logging.getLogger("nncf").setLevel(logging.ERROR)
    chosen = evenly(range(len(images)), QUANTISE_IMAGES)
    seen = nncf.Dataset([{"image": images[index][None]} for index in chosen])
    ignored = nncf.IgnoredScope(types=kept_full, validate=False)
    return nncf.quantize(full(), seen, ignored_scope=ignored, subset_size=len(chosen))


class Runner:
    """A model compiled for batches, with the batch as the only parallelism."""

    def __init__(self, model: onnx.ModelProto | bytes, threads: int) -> None:
        data = model if isinstance(model, bytes) else model.SerializeToString()
        hints = {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"
        }  # fmt: skip
        core = ov.Core()
        self._compiled = core.compile_model(core.read_model(model=data), "CPU", hints)

    def features(self, images: Pixels) -> Half:
        """float16 [n, 176, 32, 32]; half the memory, and far finer than what INT8 leaves."""
        return np.concatenate([self._run(images, start)["features"].astype(np.float16)
                               for start in range(0, len(images), BATCH)])  # fmt: skip

    def descriptions(self, images: Pixels) -> NDArray[np.float32]:
        """float32 [n, 880]"""
        return np.concatenate([self._run(images, start)["description"]
                               for start in range(0, len(images), BATCH)])  # fmt: skip

    def scores(self, images: Pixels) -> NDArray[np.float32]:
        """float32 [n]"""
        return np.concatenate([self._run(images, start)["score"] for start in range(0, len(images), BATCH)])

    def _run(self, images: Pixels, start: int) -> dict[str, NDArray[np.float32]]:
        answer = self._compiled(images[start : start + BATCH])
        return {port.any_name: value for port, value in answer.items()}
