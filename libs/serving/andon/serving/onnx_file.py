"""What a file out of the model store is, told before any runtime opens it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from andon.contracts import Invalid
from andon.serving._decode import SIDE
from andon.serving._predictor import GRID

Shape = tuple[int, ...]
_FREE = -1
_INPUT: Shape = (_FREE, SIDE, SIDE, 3)
_OUTPUTS: dict[str, Shape] = {"score": (_FREE,), "heatmap": (_FREE, GRID, GRID)}


def check_model(data: bytes) -> None:
    """Raises Invalid unless the bytes are a model that can judge parts.

    It takes `image` uint8 [n, 256, 256, 3] alone, and gives at least `score` [n] and `heatmap` [n, 32, 32].
    """
    graph = check_onnx(data).graph
    known = {tensor.name for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in known]
    if [each.name for each in inputs] != ["image"]:
        raise Invalid(f"the model takes {_names(inputs)}; one that judges parts takes image alone")
    kind = inputs[0].type.tensor_type.elem_type
    if kind != onnx.TensorProto.UINT8:
        raise Invalid(f"the model's image is {_kind(kind)}, not uint8")
    _check_shape(inputs[0], _INPUT)
    outputs = {each.name: each for each in graph.output}
    for name, shape in _OUTPUTS.items():
        if name not in outputs:
            raise Invalid(f"the model gives {_names(graph.output)}; one that judges parts gives {name}, too")
        _check_shape(outputs[name], shape)


def _check_shape(value: Any, wanted: Shape) -> None:
    shape = value.type.tensor_type.shape
    found = [each.dim_value if each.HasField("dim_value") else _FREE for each in shape.dim]
    fits = len(found) == len(wanted) and all(
        _FREE in (is_, should) or is_ == should for is_, should in zip(found, wanted, strict=True)
    )
    if value.type.tensor_type.HasField("shape") and (not fits or found[0] not in (_FREE, 0)):
        shown = ", ".join("n" if each == _FREE else str(each) for each in found)
        should = ", ".join("n" if each == _FREE else str(each) for each in wanted)
        raise Invalid(f"the model's {value.name} is [{shown}], not [{should}]")


def _names(values: Any) -> str:
    return ", ".join(each.name for each in values) or "nothing"


def _kind(element: int) -> str:
    try:
        return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(element)))
    except (KeyError, TypeError):
        return "something else"


def check_onnx(data: bytes) -> Any:
    """The model in the bytes. Raises Invalid unless they are one whole ONNX model.

    Data outside of the file is refused: a runtime would read whatever path of this machine the file names.
    """
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise Invalid("the file is not an ONNX model") from error
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise Invalid("the file is not an ONNX model")
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise Invalid("the model keeps data outside of its file, which is not read; save it as one file")
    return model


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor, however deep: in graphs, in attributes, in functions."""
    waiting: list[Any] = [model]
    while waiting:
        part = waiting.pop()
        if isinstance(part, onnx.TensorProto):
            yield part
            continue
        for field, value in part.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else (value,))
