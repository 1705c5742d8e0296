"""Small models whose answers a test can work out by hand."""

from pathlib import Path

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
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 256, 256, 3])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["n", 32, 32]),
        ],
        [
            numpy_helper.from_array(np.array(gain, np.float32), "gain"),
            numpy_helper.from_array(np.array([-1, 32, 32]), "shape"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    if known is not None:
        helper.set_model_props(model, {PROBE_KEY: repr(known)})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def grey(value: int) -> NDArray[np.uint8]:
    """A plain picture whose score is `value` times the model's gain."""
    return np.full((256, 256, 3), value, np.uint8)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(data)
    return path
