"""A file that can't judge parts is told apart before a runtime opens it."""

from collections.abc import Callable
from typing import Any

import onnx
import pytest

from andon.contracts import Invalid
from andon.serving.onnx_file import check_model

from .serving_models import brightness_model

Change = Callable[[Any], object]


def changed(change: Change) -> bytes:
    model = onnx.load_model_from_string(brightness_model())
    change(model.graph)
    return model.SerializeToString()


def dim(value: Any, place: int, size: int) -> None:
    value.type.tensor_type.shape.dim[place].dim_value = size


def test_a_model_of_parts_may_give_more_than_it_must() -> None:
    check_model(brightness_model())
    check_model(changed(lambda graph: graph.output.append(onnx.ValueInfoProto(name="classes"))))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda graph: dim(graph.input[0], 1, 224), r"image is \[n, 224, 256, 3\], not \[n, 256, 256, 3\]"),
        (lambda graph: dim(graph.input[0], 0, 1), r"image is \[1, 256, 256, 3\]"),
        (lambda graph: dim(graph.output[1], 2, 16), r"heatmap is \[n, 32, 16\], not \[n, 32, 32\]"),
        (lambda graph: graph.output.pop(), "gives score; one that judges parts gives heatmap, too"),
        (lambda graph: graph.input.pop(), "takes nothing"),
        (lambda graph: setattr(graph.input[0], "name", "x"), "takes x;"),
        (
            lambda graph: setattr(graph.input[0].type.tensor_type, "elem_type", onnx.TensorProto.FLOAT),
            "image is float32, not uint8",
        ),
    ],
)
def test_another_shape_type_or_name_is_refused(change: Change, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        check_model(changed(change))


@pytest.mark.parametrize("data", [b"", b"no model", brightness_model()[:300]])
def test_what_is_no_onnx_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="not an ONNX model"):
        check_model(data)
