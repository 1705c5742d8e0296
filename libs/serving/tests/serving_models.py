"""Small models whose answers a test can work out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from andon.serving import PROBE_KEY


def brightness_model(*, gain: float = 1.0, known: float | None = None) -> bytes:
    """ONNX: the heatmap is the brightness of each 8 x 8 cell times `gain`, the score its highest value."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["planes"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Mul", ["cells", "gain"], ["gained"]),
        helper.make_node("Reshape", ["gained", "shape"], ["heatmap"]),
        helper.make_node("ReduceMax", ["heatmap"], ["score"], axes=[1, 2], keepdims=0),
    ]
    model = _saved(nodes, {"gain": np.array(gain, np.float32), "shape": np.array([-1, 32, 32])})
    if known is not None:
        helper.set_model_props(model, {PROBE_KEY: repr(known)})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def network() -> bytes:
    """ONNX: two convolutions of random weights, as runtimes compute them each in their own way."""
    random = np.random.default_rng(7)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["features"], strides=[8, 8]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("Conv", ["active", "second"], ["cells"]),
        helper.make_node("Abs", ["cells"], ["distances"]),
        helper.make_node("Reshape", ["distances", "shape"], ["heatmap"]),
        helper.make_node("ReduceMax", ["heatmap"], ["score"], axes=[1, 2], keepdims=0),
    ]
    weights = {
        "first": random.normal(size=(32, 3, 8, 8)).astype(np.float32),
        "second": random.normal(size=(1, 32, 1, 1)).astype(np.float32),
        "shape": np.array([-1, 32, 32]),
    }
    return _saved(nodes, weights).SerializeToString()


def _saved(nodes: list[onnx.NodeProto], weights: dict[str, NDArray[Any]]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 256, 256, 3])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["n", 32, 32]),
        ],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def grey(value: int) -> NDArray[np.uint8]:
    """A plain picture whose score is `value` times the model's gain."""
    return np.full((256, 256, 3), value, np.uint8)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(data)
    return path
