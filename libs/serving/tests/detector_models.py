"""A small real detector: the brighter a tile of 32 x 32 pixels, the surer it is of a `spot` there."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from andon.serving import CLASSES_KEY, FAILS_KEY, SURE_KEY

SIDE, TILE = 320, 32


def detector_bytes(
    side: int = SIDE,
    classes: tuple[str, ...] = ("spot",),
    sure: str = "0.5",
    fails: str | None = None,
    *,
    masks: bool = False,
) -> bytes:
    """ONNX: `image` uint8 [n, side, side, 3] to 100 tiles; a white one scores 1, one half as bright 0.

    With masks, what is white is the defect.
    """
    across = side // TILE
    constants = {
        "across": np.array([across], np.int64),
        "flat": np.array([0, across * across], np.int64),
        "most": np.array([100], np.int64),
        "last": np.array([2], np.int64),
        "no-class": np.array(0, np.int64),
        "half": np.array(127.5, np.float32),
        "none": np.array(0, np.float32),
        "one": np.array(1, np.float32),
        "corners": np.array([0, 0, 1, 1], np.float32),
        "size": np.array(TILE, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["grey"], axes=[3], keepdims=0),
        helper.make_node("Unsqueeze", ["grey", "channel"], ["map"]),
        helper.make_node("AveragePool", ["map"], ["tiles"], kernel_shape=[TILE] * 2, strides=[TILE] * 2),
        helper.make_node("Reshape", ["tiles", "flat"], ["row"]),
        helper.make_node("Sub", ["row", "half"], ["above"]),
        helper.make_node("Div", ["above", "half"], ["share"]),
        helper.make_node("Clip", ["share", "none", "one"], ["sure"]),
        helper.make_node("TopK", ["sure", "most"], ["scores", "places"], axis=1),
        helper.make_node("Mul", ["places", "no-class"], ["classes"]),
        helper.make_node("Unsqueeze", ["places", "last"], ["place"]),
        helper.make_node("Mod", ["place", "across"], ["column"]),
        helper.make_node("Div", ["place", "across"], ["line"]),
        helper.make_node("Concat", ["column", "line", "column", "line"], ["tile-corners"], axis=2),
        helper.make_node("Cast", ["tile-corners"], ["from"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["from", "corners"], ["to"]),
        helper.make_node("Mul", ["to", "size"], ["boxes"]),
    ]
    constants["channel"] = np.array([1], np.int64)
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 100, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 100]),
        helper.make_tensor_value_info("classes", TensorProto.INT64, ["n", 100]),
    ]
    if masks:
        half = side // 2
        constants["mask-shape"] = np.array([0, half, half], np.int64)
        constants["white"] = np.array(255, np.float32)
        nodes += [
            helper.make_node("AveragePool", ["map"], ["pairs"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Reshape", ["pairs", "mask-shape"], ["levels"]),
            helper.make_node("Div", ["levels", "white"], ["mask"]),
        ]
        outputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", half, half]))
    graph = helper.make_graph(
        nodes,
        "tiles",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", side, side, 3])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    about = {CLASSES_KEY: json.dumps(list(classes)), SURE_KEY: sure}
    helper.set_model_props(model, about | ({} if fails is None else {FAILS_KEY: fails}))
    return model.SerializeToString()
