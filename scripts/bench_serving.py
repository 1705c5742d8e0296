"""The same model in the process and in a Triton server beside it, asked in turns."""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from andon.serving import OnnxRuntimePredictor, OpenVinoPredictor, Predictor
from andon.serving.triton import FolderRepository, TritonPredictor, TritonServer
from andon.testing import Servers

IN_FLIGHT = 16
Pictures = NDArray[np.uint8]


def small_network() -> bytes:
    """Two convolutions: what is left is what asking costs."""
    random = np.random.default_rng(7)
    weights = {
        "first": random.normal(size=(32, 3, 8, 8)).astype(np.float32),
        "second": random.normal(size=(1, 32, 1, 1)).astype(np.float32),
        "shape": np.array([-1, 32, 32]),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["features"], strides=[8, 8]),
        helper.make_node("Conv", ["features", "second"], ["cells"]),
        helper.make_node("Reshape", ["cells", "shape"], ["heatmap"]),
        helper.make_node("ReduceMax", ["heatmap"], ["score"], axes=[1, 2], keepdims=0),
    ]
    outputs = [
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("heatmap", TensorProto.FLOAT, ["n", 32, 32]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 256, 256, 3])
    constants = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "small", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


async def one_at_a_time(predictors: dict[str, Predictor], pictures: Pictures, rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in predictors}
    for number in range(rounds):
        for name, predictor in predictors.items():
            began = time.perf_counter()
            await predictor.predict(pictures[number % len(pictures)])
            taken[name].append((time.perf_counter() - began) * 1e3)
    for name, each in taken.items():
        p90 = statistics.quantiles(each, n=10)[-1]
        print(f"{name:12} one at a time: p50 {statistics.median(each):7.2f} ms, p90 {p90:7.2f} ms")


async def many_at_once(predictors: dict[str, Predictor], pictures: Pictures, rounds: int) -> None:
    taken = dict.fromkeys(predictors, 0.0)
    for _ in range(rounds // IN_FLIGHT):
        for name, predictor in predictors.items():
            began = time.perf_counter()
            asked = (predictor.predict(pictures[number % len(pictures)]) for number in range(IN_FLIGHT))
            await asyncio.gather(*asked)
            taken[name] += time.perf_counter() - began
    done = rounds // IN_FLIGHT * IN_FLIGHT
    for name, seconds in taken.items():
        print(f"{name:12} {IN_FLIGHT} at once: {done / seconds:.0f} pictures/s")


async def measure(model: bytes, rounds: int) -> None:
    servers = Servers()
    try:
        address = servers.triton()
        triton = TritonServer(address.url), FolderRepository(address.repository)
        predictors: dict[str, Predictor] = {
            "openvino": await OpenVinoPredictor.open(model, threads=1),
            "onnxruntime": await OnnxRuntimePredictor.open(model, threads=1),
            "triton": await TritonPredictor.open(model, triton[0], repository=triton[1]),
        }
        pictures = np.random.default_rng(0).integers(0, 256, (8, 256, 256, 3), np.uint8)
        await one_at_a_time(predictors, pictures, rounds)
        await many_at_once(predictors, pictures, rounds)
        for predictor in predictors.values():
            await predictor.close()
    finally:
        servers.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="an FP32 file; by default a network of two convolutions")
    parser.add_argument("--rounds", type=int, default=320)
    wanted = parser.parse_args()
    asyncio.run(measure(wanted.model.read_bytes() if wanted.model else small_network(), wanted.rounds))


if __name__ == "__main__":
    main()
