"""Inspection and training as they run, a station that judges by a bright model, and versions to try there."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import simplejpeg
from onnx import TensorProto, helper, numpy_helper

from andon.contracts import INTEGRATIONS, Message, inspection, rollout, station, training
from andon.contracts.inspection import Inspection
from andon.contracts.station import ModelFile, ModelRef, Station
from andon.contracts.training import ModelVersion
from andon.inspection.app import SERVICE as INSPECTION
from andon.inspection.app import InspectingSettings, InspectionSettings
from andon.messaging import Delivery, Service
from andon.runtime import serving
from andon.storage import Blobs, Mongo
from andon.testing import build, eventually
from andon.training.app import SERVICE as TRAINING
from andon.training.app import TrainingSettings
from andon.training.rollout.app import RolloutSettings
from andon.training.store import Versions

sys.path.insert(0, str(Path(__file__).parents[2] / "services/inspection/tests"))
from bright_model import LIMITS, model_bytes

_LEVELS = (120, 124, 128, 132, 136)


def picture(number: int, spot: int | None = None) -> bytes:
    """A part, a little lighter or darker each time; bad with a spot of 255."""
    pixels = np.full((128, 160, 3), _LEVELS[number % len(_LEVELS)], np.uint8)
    if spot is not None:
        pixels[32:64, 80:120] = spot
    return simplejpeg.encode_jpeg(pixels, quality=95)


def fragile_model() -> bytes:
    """Answers its probe well, and parts of even brightness with something that is not a number."""
    model = onnx.load_model_from_string(model_bytes())
    graph = model.graph
    for node in graph.node:
        if node.output[0] == "distance":
            node.output[0] = "plain"
    index = next(number for number, node in enumerate(graph.node) if node.input[0] == "distance")
    graph.initializer.append(numpy_helper.from_array(np.array(0, np.float32), "zero"))
    extra = [
        helper.make_node("ReduceMin", ["cells"], ["lowest"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("ReduceMax", ["cells"], ["highest"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Sub", ["highest", "lowest"], ["range"]),
        helper.make_node("Mul", ["plain", "range"], ["scaled"]),
        helper.make_node("Div", ["scaled", "range"], ["distance"]),
    ]
    for number, node in enumerate(extra):
        graph.node.insert(index + number, node)
    return model.SerializeToString()


def other_shape_model() -> bytes:
    """A model of something else."""
    node = helper.make_node("Relu", ["x"], ["y"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 224, 224]) for name in "xy"]
    graph = helper.make_graph([node], "relu", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def outside_model() -> bytes:
    """Names a file of the machine as its weights."""
    model = onnx.load_model_from_string(model_bytes())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    return model.SerializeToString()


class Plant(Service):
    """The line's side of the bus: what it shows, and what it heard."""

    def __init__(self, settings: InspectionSettings, blobs: Blobs, versions: Versions) -> None:
        super().__init__(INTEGRATIONS, settings.bus)
        self.blobs, self.versions = blobs, versions
        self.parts: dict[str, Inspection] = {}
        self.news: list[Message] = []
        self.shown = 0
        self.follows([inspection.PART_JUDGED], self._judged, after=_all)
        said = [rollout.CHANGED, rollout.ROLLED_BACK, rollout.DRIFT_STARTED, rollout.DRIFT_ENDED]
        self.follows(said, self._told, after=_all)

    async def version(self, name: str, data: bytes, **changes: Any) -> ModelVersion:
        """A fitted version whose file is `data`."""
        digest = sha256(data).hexdigest()
        file = ModelFile(key=f"models/{digest}/model.fp32.onnx", sha256=digest, size=len(data))
        await self.blobs.put(file.key, data)
        ref = ModelRef(version_id=name, name=name, digest=digest, fp32=file)
        known = build.model_version(
            id=name, name=name, station_id="line", model=ref, thresholds=LIMITS, deployed_to=(), **changes
        )
        await self.versions.put(known)
        return known

    async def show(self, count: int, spot: int | None = None, every: float = 0.0) -> list[Inspection]:
        """That many new parts, each judged."""
        names: list[str] = []
        for _ in range(count):
            self.shown += 1
            name = f"f{self.shown}"
            names.append(name)
            frame = build.frame(station_id="line", frame_id=name, part_id=f"p{self.shown}")
            await self.say(inspection.FRAME_CAPTURED, frame, once=name, body=picture(self.shown, spot))
            if every:
                await asyncio.sleep(every)
        await eventually(lambda: all(name in self.parts for name in names), within=30)
        return [self.parts[name] for name in names]

    async def deploy(self, version: ModelVersion, **changes: Any) -> None:
        wanted = training.DeployModel(version_id=version.id, station_ids=("line",), by="eve", **changes)
        await self.ask(training.DEPLOY, wanted, timeout=60)

    async def station(self) -> Station:
        return await self.ask(station.GET, station.GetStation(id="line"))

    async def judges_by(self) -> str:
        recipe = (await self.station()).recipe
        assert recipe is not None
        assert recipe.model is not None
        return recipe.model.version_id

    def heard(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.news if isinstance(each, kind)]

    async def _judged(self, message: Message, _: Delivery) -> None:
        assert isinstance(message, Inspection)
        self.parts[message.frame_id] = message

    async def _told(self, message: Message, _: Delivery) -> None:
        self.news.append(message)


@asynccontextmanager
async def running_plant(bus: Any, mongo: Any, s3: Any, data: Path) -> AsyncIterator[Plant]:
    """Both services, and the station `line` without a model."""
    inspecting = InspectionSettings(
        bus=bus,
        mongo=mongo,
        s3=s3,
        data=data / "inspection",
        inspecting=InspectingSettings(refresh_seconds=0.2),
    )
    fitting = TrainingSettings(
        bus=bus, mongo=mongo, s3=s3, data=data / "training", rollout=RolloutSettings(look_seconds=0.1)
    )
    async with (
        serving(INSPECTION, inspecting),
        serving(TRAINING, fitting),
        Blobs(s3) as blobs,
        Mongo(mongo) as database,
        Plant(inspecting, blobs, Versions(database)) as plant,
    ):
        await plant.ask(station.PUT, station.PutStation(id="line"))
        yield plant


async def _all() -> int:
    return 0
