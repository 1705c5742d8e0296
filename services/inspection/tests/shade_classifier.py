"""A small real classifier: dark regions are `scratch`, bright ones `chip`, in between it is not sure."""

import json
from hashlib import sha256

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from andon.contracts.station import ModelFile, RegionModel
from andon.serving import CLASSES_KEY
from andon.storage import Blobs

CLASSES = ("scratch", "chip")


def classifier_bytes(side: int = 128, classes: tuple[str, ...] = CLASSES) -> bytes:
    """ONNX: `image` uint8 [n, side, side, 3] to `probabilities` [n, 2], by the mean of the middle."""
    constants = [
        numpy_helper.from_array(np.array([side // 2 - 8] * 2, np.int64), "start"),
        numpy_helper.from_array(np.array([side // 2 + 8] * 2, np.int64), "end"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "along"),
        numpy_helper.from_array(np.array([[-0.1, 0.1]], np.float32), "weights"),
        numpy_helper.from_array(np.array([12.8, -12.8], np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Slice", ["image", "start", "end", "along"], ["middle"]),
        helper.make_node("Cast", ["middle"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        helper.make_node("Gemm", ["column", "weights", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    constants.append(numpy_helper.from_array(np.array([1], np.int64), "last"))
    graph = helper.make_graph(
        nodes,
        "shade",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", side, side, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    helper.set_model_props(model, {CLASSES_KEY: json.dumps(classes)})
    return model.SerializeToString()


async def stored_classifier(blobs: Blobs, data: bytes | None = None) -> RegionModel:
    """Put it where the inspector looks for it."""
    data = classifier_bytes() if data is None else data
    digest = sha256(data).hexdigest()
    key = f"models/{digest}/regions.onnx"
    await blobs.put(key, data)
    return RegionModel(file=ModelFile(key=key, sha256=digest, size=len(data)), classes=CLASSES)
