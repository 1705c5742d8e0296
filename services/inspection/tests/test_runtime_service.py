"""The runtimes of a running inspector: what they hold, other files beside them, both measured on one file."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from andon.contracts import BadRequest, Conflict, NotFound, Unavailable, runtime, station, training
from andon.inspection.app import SERVICE, InspectionSettings
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Blobs
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from bright_model import deployed, model_bytes, stored

pytestmark = pytest.mark.long


def encoder(*, external: bool = False) -> bytes:
    """A small network of floats with an open batch: `pixels` [n, 3, 64, 64] to `embedding` [n, 8]."""
    weights = numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "weights")
    if external:
        weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=(8, 3, 3, 3))
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../../../../etc/passwd")
    nodes = [
        helper.make_node("Conv", ["pixels", "weights"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 8])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


@pytest.fixture
async def blobs(blob_settings):
    async with Blobs(blob_settings) as blobs:
        yield blobs


@pytest.fixture
async def bus(bus_settings, mongo_settings, blob_settings, tmp_path, blobs):
    """The line's side of the bus; station `line` judges by the bright model."""
    settings = InspectionSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path)
    async with serving(SERVICE, settings), Service("gateway", bus_settings) as bus:
        await bus.ask(station.PUT, station.PutStation(id="line"))
        async with Service("training", bus_settings) as deploying:
            await deploying.say(training.MODEL_DEPLOYED, deployed(await stored(blobs), "line"))

        async def judging() -> bool:
            found = await bus.ask(station.GET, station.GetStation(id="line"))
            return found.mode is station.Mode.JUDGE

        await eventually(judging, within=30)
        yield bus


async def status(bus: Service) -> runtime.RuntimeStatus:
    return await bus.ask(runtime.STATUS, runtime.GetStatus())


async def load(bus: Service, path: str, key: str = "encoder", device: str = "CPU") -> runtime.LoadedModel:
    wanted = runtime.LoadModel(model_key=key, object_key=path, device=device)
    return await bus.ask(runtime.LOAD, wanted, timeout=60)


async def measure(bus: Service, key: str, iterations: int = 5) -> runtime.Benchmark:
    wanted = runtime.BenchmarkModel(model_key=key, iterations=iterations)
    return await bus.ask(runtime.BENCHMARK, wanted, timeout=60)


async def test_a_file_is_loaded_beside_what_serves_and_both_are_measured(bus, blobs):
    before = await status(bus)
    assert (before.available, before.enabled, before.device, before.ort_fallback) == (
        True,
        True,
        "CPU",
        False,
    )
    assert "CPU" in before.available_devices
    assert set(before.versions) == {"openvino", "onnxruntime"}
    [serving_model] = before.loaded_models
    assert (serving_model.runtime, serving_model.precision) == ("openvino", "fp32")
    assert serving_model.station_ids == ("line",)

    with pytest.raises(NotFound, match=f"'encoder' is not loaded; loaded are: {serving_model.key}"):
        await measure(bus, "encoder")
    await blobs.put("models/encoder.onnx", encoder())
    loaded = await load(bus, "models/encoder.onnx")
    assert (loaded.key, loaded.runtime, loaded.device) == ("encoder", "openvino", "CPU")
    assert [each.key for each in (await status(bus)).loaded_models] == [serving_model.key, "encoder"]

    found = await measure(bus, "encoder", 7)
    assert (found.iterations, found.inputs) == (7, {"pixels": (1, 3, 64, 64)})
    assert min(found.ort_mean_ms, found.ov_mean_ms, found.ort_median_ms, found.ov_median_ms) > 0
    assert found.speedup == pytest.approx(found.ort_mean_ms / found.ov_mean_ms, rel=0.01)
    own = await measure(bus, serving_model.key, 3)
    assert own.inputs == {"image": (1, 256, 256, 3)}
    with pytest.raises(Conflict, match="stations judge by"):
        await load(bus, "models/encoder.onnx", key=serving_model.key)


async def test_only_whole_onnx_files_of_the_store_are_loaded(bus, blobs):
    await blobs.put("models/text.onnx", b"not a model at all")
    await blobs.put("models/empty.onnx", b"")
    await blobs.put("models/ir.onnx", b'<?xml version="1.0"?><net name="x" version="11"></net>')
    await blobs.put("models/outside.onnx", encoder(external=True))
    await blobs.put("models/cut.onnx", encoder()[:200])
    await blobs.put("secret.onnx", encoder())
    for path in ("text", "empty", "ir", "cut"):
        with pytest.raises(BadRequest, match=r"model_path: .*(not an ONNX model|can't run)"):
            await load(bus, f"models/{path}.onnx")
    with pytest.raises(BadRequest, match="keeps data outside of its file"):
        await load(bus, "models/outside.onnx")
    for path in ("secret.onnx", "models/../secret.onnx", "/etc/passwd", "models//x.onnx", "models/./x.onnx",
                 "models/..\\x.onnx", "models/\x00.onnx", "models/x.bin", "", "models/"):  # fmt: skip
        with pytest.raises(BadRequest, match="model_path"):
            await load(bus, path)
    with pytest.raises(NotFound, match=r"the model store has no 'models/none.onnx'"):
        await load(bus, "models/none.onnx")
    with pytest.raises(BadRequest, match=r"device: 'GPU.7' is not here; there are CPU"):
        await load(bus, "models/outside.onnx", device="GPU.7")
    assert [each.key for each in (await status(bus)).loaded_models] != ["encoder"]


async def test_one_benchmark_at_a_time_and_answers_come_meanwhile(bus, blobs):
    await blobs.put("models/bright.onnx", model_bytes(50))
    await load(bus, "models/bright.onnx", key="bright")
    both = asyncio.gather(*(measure(bus, "bright", 1000) for _ in range(2)), return_exceptions=True)
    await asyncio.wait_for(status(bus), 2)
    done = await both
    assert sorted(type(each).__name__ for each in done) == ["Benchmark", "Conflict"]


async def test_a_runtime_that_breaks_down_takes_nothing_along_but_what_it_held(bus, blobs):
    await blobs.put("models/encoder.onnx", encoder())
    await load(bus, "models/encoder.onnx")
    measuring = asyncio.ensure_future(measure(bus, "encoder", 1000))
    [pid] = await eventually(workbenches)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises((Unavailable, NotFound), match=r"broke down|not loaded"):
        await measuring
    assert "encoder" not in [each.key for each in (await status(bus)).loaded_models]
    await load(bus, "models/encoder.onnx")
    assert (await measure(bus, "encoder", 1)).iterations == 1


def workbenches() -> list[int]:
    """Processes of this one that try models."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
    return [int(pid) for pid, line in lines.items() if b"andon.inspection.workbench" in line]
