"""A small real model: how far each 8 x 8 cell is from mid-grey, so that a test knows what it will find."""

from hashlib import sha256

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from andon.contracts.station import ModelFile, ModelRef, Thresholds
from andon.contracts.training import ModelDeployed
from andon.storage import Blobs
from andon.testing import build

LIMITS = Thresholds(uncertain_above=20.0, fail_above=60.0, calibration=(1.0, 2.0, 3.0, 4.0))


def model_bytes(grey: float = 128.0) -> bytes:
    """ONNX: `image` uint8 [n, 256, 256, 3] to `score` [n] and `heatmap` [n, 32, 32]."""
    constants = [
        numpy_helper.from_array(np.array(grey, np.float32), "grey"),
        numpy_helper.from_array(np.array([0, 32, 32], np.int64), "grid"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("ReduceMean", ["nchw"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["mean"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Sub", ["cells", "grey"], ["far"]),
        helper.make_node("Abs", ["far"], ["distance"]),
        helper.make_node("Reshape", ["distance", "grid"], ["heatmap"]),
        helper.make_node("ReduceMax", ["heatmap"], ["score"], axes=[1, 2], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 256, 256, 3])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["n", 32, 32]),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


async def stored(blobs: Blobs, grey: float = 128.0) -> ModelRef:
    """Put the model where the inspector looks for it."""
    data = model_bytes(grey)
    digest = sha256(data).hexdigest()
    key = f"models/{digest}/model.fp32.onnx"
    await blobs.put(key, data)
    file = ModelFile(key=key, sha256=digest, size=len(data))
    return ModelRef(version_id=f"v-{digest[:8]}", name="bright", digest=digest, fp32=file)


def deployed(ref: ModelRef, *stations: str, limits: Thresholds = LIMITS) -> ModelDeployed:
    return ModelDeployed(
        version_id=ref.version_id,
        station_ids=stations,
        model=ref,
        thresholds=limits,
        by="test",
        at=build.NOON,
    )
