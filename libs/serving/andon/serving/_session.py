"""A model file, opened by ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from andon.contracts import Invalid

ort: Any = onnxruntime  # it brings no types
_state = ort.capi.onnxruntime_pybind11_state
UNREADABLE: tuple[type[Exception], ...] = (
    _state.InvalidProtobuf,
    _state.InvalidGraph,
    _state.InvalidArgument,
    _state.Fail,
    _state.NotImplemented,
)
"""What it raises for a file that it can't read or run."""
ON_PROCESSOR = ("CPUExecutionProvider",)


def open_session(model: bytes | Path, threads: int, providers: Sequence[str] = ON_PROCESSOR) -> Any:
    """A session over a file, or its bytes. `threads` 0 means every core. Raises Invalid for no model."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Spinning threads would take the cores from decoding and from everything beside this process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    given = model if isinstance(model, bytes) else str(model)
    try:
        return ort.InferenceSession(given, options, list(providers))
    except UNREADABLE as error:
        raise Invalid("the file is not a model that ONNX Runtime reads") from error
