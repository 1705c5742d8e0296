"""Run by the Triton server of the tests in place of its ONNX Runtime backend, which no package index has.

Of the same name and for the same models; it reads the same `config.pbtxt` and `model.onnx`.
"""

import json
from pathlib import Path
from typing import Any

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
import triton_python_backend_utils as triton  # pyright: ignore[reportMissingImports]

_ort: Any = onnxruntime
_triton: Any = triton


class TritonPythonModel:
    """The name and the methods that the server looks for."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        options = _ort.SessionOptions()
        options.intra_op_num_threads = 1
        file = str(folder / (config["default_model_filename"] or "model.onnx"))
        self._session: Any = _ort.InferenceSession(file, options, ["CPUExecutionProvider"])
        self._inputs = [each["name"] for each in config["input"]]
        self._outputs = [each["name"] for each in config["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        given = {name: _triton.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}
        values = self._session.run(self._outputs, given)
        tensors = [_triton.Tensor(name, value) for name, value in zip(self._outputs, values, strict=True)]
        return _triton.InferenceResponse(tensors)
