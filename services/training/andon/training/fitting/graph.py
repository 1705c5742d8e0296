"""A head as ONNX, merged with the backbone into one model: picture in, score and heatmap out."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from andon.serving import GRID
from andon.training.domain import heat
from andon.training.domain.heads import Fitted, Knn, Padim

OPSET = 17
CELLS = GRID * GRID


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def shape(self, name: str, *sizes: int) -> str:
        return self.constant(name, np.array(sizes, np.int64))

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def merge(backbone: onnx.ModelProto, head: Fitted) -> onnx.ModelProto:
    """`image` uint8 [n,256,256,3] RGB -> `score` float32 [n], `heatmap` float32 [n,32,32]; n is free."""
    graph = _Graph()
    distances = _padim(graph, head) if isinstance(head, Padim) else _knn(graph, head)
    _finish(graph, distances)
    body = helper.make_graph(
        graph.nodes,
        f"head-{head.kind}",
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["n", _channels(head), GRID, GRID])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["n", GRID, GRID]),
        ],
        graph.constants,
    )
    model = helper.make_model(body, producer_name="andon", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = backbone.ir_version
    merged = compose.merge_models(backbone, model, io_map=[("features", "seen")])
    merged.producer_name = "andon"
    onnx.checker.check_model(merged, full_check=True)
    return merged


def answer_known(model: onnx.ModelProto, key: str, score: float) -> bytes:
    """The model's bytes, with its own answer to the probe image written into its metadata."""
    helper.set_model_props(model, {key: repr(float(score))})
    return model.SerializeToString(deterministic=True)


def _channels(head: Fitted) -> int:
    return len(head.mean) if isinstance(head, Padim) else head.patches.shape[1]


def _padim(graph: _Graph, head: Padim) -> str:
    """[n, channels, 32, 32] -> `distances` [n, cells]: one matrix per cell, all images of a batch at once."""
    size = len(head.projection)
    kernel = graph.constant("projection", head.projection[:, :, None, None])
    shift = graph.constant("shift", -(head.projection @ head.mean))
    x = graph.node("Conv", ["seen", kernel, shift], "projected", kernel_shape=[1, 1])
    x = graph.node("Reshape", [x, graph.shape("places-shape", 0, size, CELLS)], "places")
    x = graph.node("Transpose", [x], "by-cell", perm=[2, 0, 1])
    whitening = graph.constant("whitening", head.whitening.transpose(0, 2, 1))
    x = graph.node("MatMul", [x, whitening], "turned")
    x = graph.node("Sub", [x, graph.constant("offset", head.offset[:, None])], "white")
    x = graph.node("Mul", [x, x], "squares")
    x = graph.node("ReduceMean", [x], "mean-square", axes=[2], keepdims=0)
    x = graph.node("Transpose", [x], "by-image", perm=[1, 0])
    return graph.node("Sqrt", [x], "distances")


def _knn(graph: _Graph, head: Knn) -> str:
    """[n, channels, 32, 32] -> `distances`: |f - p|² as |p|² - 2fp by a 1x1 convolution, plus |f|²."""
    kernel = graph.constant("patches", -2 * head.patches[:, :, None, None])
    lengths = graph.constant("lengths", np.square(head.patches).sum(axis=1))
    x = graph.node("Conv", ["seen", kernel, lengths], "to-patches", kernel_shape=[1, 1])
    nearest = graph.node("ReduceMin", [x], "nearest", axes=[1], keepdims=1)
    squares = graph.node("Mul", ["seen", "seen"], "squares")
    length = graph.node("ReduceSum", [squares, graph.shape("channel-axis", 1)], "length", keepdims=1)
    x = graph.node("Relu", [graph.node("Add", [nearest, length], "square-distance")], "not-below-zero")
    return graph.node("Sqrt", [x], "distances")


def _finish(graph: _Graph, distances: str) -> None:
    """Smooth with repeated edges, then the mean of the highest cells."""
    x = graph.node("Reshape", [distances, graph.shape("map-shape", -1, 1, GRID, GRID)], "map")
    pads = graph.shape("pads", *([0, 0, heat.RADIUS, heat.RADIUS] * 2))
    x = graph.node("Pad", [x, pads], "padded", mode="edge")
    line = heat.kernel()
    kernel = graph.constant("gaussian", np.outer(line, line)[None, None].astype(np.float32))
    x = graph.node("Conv", [x, kernel], "smooth", kernel_shape=[len(line), len(line)])
    heatmap = graph.node("Reshape", [x, graph.shape("heatmap-shape", -1, GRID, GRID)], "heatmap")
    flat = graph.node("Reshape", [heatmap, graph.shape("flat-shape", -1, CELLS)], "flat")
    count = graph.shape("peak-cells", heat.PEAK_CELLS)
    graph.nodes.append(helper.make_node("TopK", [flat, count], ["peaks", "peak-places"], axis=1))
    graph.node("ReduceMean", ["peaks"], "score", axes=[1], keepdims=0)
