"""The same file in OpenVINO and in ONNX Runtime, measured in turns."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from andon.contracts import Invalid
from andon.serving._session import UNREADABLE, open_session
from andon.serving.onnx_file import check_onnx

_WARM_UP = 3
_OPEN_SIDE = 256
"""Height and width that a model leaves open."""
_OPEN_LENGTH = 16
_MOST_VALUES = 1 << 26

Feed = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Comparison:
    """Milliseconds of one inference at a time."""

    ort_ms: tuple[float, ...]
    ov_ms: tuple[float, ...]


class OpenVinoFile:
    """Any ONNX model, compiled by OpenVINO for one question at a time, and tried once."""

    def __init__(self, data: bytes, device: str, threads: int) -> None:
        """`threads` bounds the inference pool. Raises Invalid for what is no whole model, or can't run."""
        check_onnx(data)
        self.data = data
        self.threads = threads
        core = ov.Core()
        try:
            read = core.read_model(model=data)  # pyright: ignore[reportUnknownMemberType]
            hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
            if device in ("CPU", "AUTO"):
                core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads})
            self._compiled = core.compile_model(read, device, hints)
            self._request = self._compiled.create_infer_request()
            self.feed: Feed = {each.any_name: _values(each) for each in self._compiled.inputs}
            self.infer()
        except RuntimeError as error:
            raise Invalid(f"OpenVINO can't run the model on {device}: {_first_line(error)}") from error
        self.device = _device_of(self._compiled, device)

    def infer(self) -> None:
        """One inference."""
        self._request.infer(dict(self.feed))

    def compare(self, iterations: int, seconds: float) -> Comparison:
        """Up to so many inferences by each runtime, in turns; it ends early when the time is up.

        Raises Invalid when ONNX Runtime can't run the file.
        """
        other = self._by_onnxruntime()
        for _ in range(_WARM_UP):
            other()
            self.infer()
        ends = time.perf_counter() + seconds
        ort_ms, ov_ms = list[float](), list[float]()
        while len(ort_ms) < iterations and (not ort_ms or time.perf_counter() < ends):
            ort_ms.append(_milliseconds(other))
            ov_ms.append(_milliseconds(self.infer))
        return Comparison(tuple(ort_ms), tuple(ov_ms))

    def _by_onnxruntime(self) -> Callable[[], None]:
        try:
            session = open_session(self.data, self.threads)
            names = [each.name for each in session.get_inputs()]
            feed = {name: self.feed[name] for name in names}
            session.run(None, feed)
        except (RuntimeError, ValueError, KeyError, Invalid, *UNREADABLE) as error:
            reason = _first_line(error.__cause__ or error)
            raise Invalid(f"ONNX Runtime can't run the model: {reason}") from error
        return lambda: session.run(None, feed)


def _milliseconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _values(port: Any) -> NDArray[Any]:
    """Something of the input's type and shape; what the model leaves open is one image of usual size."""
    shape: list[int] = []
    for place, size in enumerate(port.partial_shape):
        if size.is_static:
            shape.append(int(size.get_length()))
        elif place == 0:
            shape.append(1)
        else:
            image = len(port.partial_shape) == 4  # noqa: PLR2004 - batch, height, width, channels in some order
            shape.append(_OPEN_SIDE if image else _OPEN_LENGTH)
    if math.prod(shape) > _MOST_VALUES:
        raise Invalid(f"input '{port.any_name}' of shape {shape} is too large to be tried")
    kind = port.element_type.to_dtype()
    random = np.random.default_rng(0)
    if kind == np.uint8:
        return random.integers(0, 255, shape, dtype=np.uint8)
    if np.issubdtype(kind, np.floating):
        return random.random(shape, dtype=np.float32).astype(kind)
    return np.zeros(shape, kind)


def _device_of(compiled: Any, asked: str) -> str:
    try:
        return ",".join(compiled.get_property("EXECUTION_DEVICES"))
    except RuntimeError:
        return asked


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:200]
