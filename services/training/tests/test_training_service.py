"""Fits and deployments over a real bus, a real database and a real object store."""

import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from andon.contracts import BadRequest, Message, NotFound, inspection, station, training
from andon.contracts.station import ListSamples, Region, Sample, Samples, SetModel, Station
from andon.contracts.training import (
    DeployModel,
    FitModel,
    FitProgress,
    FitState,
    GetFit,
    ListModels,
    ModelDeployed,
    ModelVersion,
)
from andon.messaging import BusSettings, Delivery, ParkedMessages, Service
from andon.runtime import serving
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.testing import build, eventually
from andon.training.app import SERVICE, TrainingSettings
from andon.training.store import Versions

from .training_parts import jpeg, part

M = TypeVar("M", bound=Message)

pytestmark = pytest.mark.timeout(180)


@dataclass
class Line:
    """The rest of Andon around training: stations, their samples, and ears on what training says."""

    bus: Service
    blobs: Blobs
    settings: TrainingSettings
    samples: tuple[Sample, ...] = ()
    heard: list[Message] = field(default_factory=list)
    switches: list[tuple[str, str]] = field(default_factory=list)
    """Stations and the versions they were given."""

    async def station(self, query: station.GetStation, _: Delivery) -> Station:
        if query.id != "line-1":
            raise NotFound(f"there is no station {query.id}")
        recipe = build.recipe(station_id="line-1", region=Region(x=0.1, y=0.1, width=0.8, height=0.8))
        return build.station(id="line-1", recipe=recipe)

    async def switched(self, wanted: SetModel, _: Delivery) -> Station:
        assert wanted.model is not None
        self.switches.append((wanted.station_id, wanted.model.version_id))
        return build.station(id=wanted.station_id)

    async def taught(self, _: ListSamples, __: Delivery) -> Samples:
        return Samples(samples=self.samples)

    async def counted(self, _: inspection.GetTallies, __: Delivery) -> inspection.Tallies:
        return inspection.Tallies(hours=())

    async def hear(self, message: Message, _: Delivery) -> None:
        self.heard.append(message)

    async def keep(self, count: int) -> tuple[str, ...]:
        keys = tuple(f"samples/line-1/{number}.jpg" for number in range(count))
        for number, key in enumerate(keys):
            await self.blobs.put(key, jpeg(part(number)), "image/jpeg")
        return keys

    async def version(self, version_id: str, **changes: Any) -> None:
        """One that was fitted earlier."""
        async with Mongo(self.settings.mongo) as mongo:
            await Versions(mongo).put(build.model_version(id=version_id, deployed_to=(), **changes))

    async def fit(self, **changes: Any) -> FitProgress:
        """Say it and wait for its end."""
        command = FitModel(**{"fit_id": "fit-1", "station_id": "line-1", "head": "knn", **changes})
        await self.bus.say(training.FIT, command)
        return await self.ended(command.fit_id)

    async def ended(self, fit_id: str) -> FitProgress:
        async def over() -> FitProgress | None:
            found = [one for one in self.of(FitProgress) if one.fit_id == fit_id]
            return found[-1] if found and found[-1].state in (FitState.SUCCEEDED, FitState.FAILED) else None

        progress = await eventually(over, within=120)
        assert progress is not None
        return progress

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]


@pytest.fixture
async def line(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> AsyncIterator[Line]:
    settings = TrainingSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path)
    bus = Service("inspection", bus_settings)
    async with Blobs(blob_settings) as blobs:
        line = Line(bus, blobs, settings)
        bus.answers(station.GET, line.station)
        bus.answers(station.SAMPLES, line.taught)
        bus.answers(station.SET_MODEL, line.switched)
        bus.answers(inspection.TALLIES, line.counted)

        async def new() -> int:
            return 0

        said = [training.FIT_PROGRESSED, training.MODEL_FITTED, training.MODEL_DEPLOYED]
        bus.follows(said, line.hear, after=new)
        async with bus, serving(SERVICE, settings):
            yield line


@pytest.mark.long
async def test_a_fit_from_named_images_is_kept_said_listed_and_deployed(line: Line) -> None:
    keys = await line.keep(12)

    ended = await line.fit(keys=keys, name="bores", deploy=True)

    assert (ended.state, ended.stage, ended.fraction) == (FitState.SUCCEEDED, "done", 1)
    assert "12 good images" in ended.message
    assert (await line.bus.ask(training.FIT_STATUS, GetFit(fit_id="fit-1"))).state is FitState.SUCCEEDED
    [version] = (await line.bus.ask(training.LIST, ListModels(station_id="line-1"))).models
    assert (version.name, version.id, version.deployed_to) == ("bores", ended.version_id, ("line-1",))
    assert len(version.source_sha256) == 12
    assert await line.blobs.get(version.model.fp32.key) != b""
    manifest = json.loads(await line.blobs.get(f"models/{version.model.digest}/manifest.json"))
    assert manifest["sources"] == list(keys)
    assert manifest["region"]["x"] == 0.1
    [fitted], [deployed] = line.of(ModelVersion), line.of(ModelDeployed)
    assert fitted.model == deployed.model == version.model
    assert deployed.thresholds == version.thresholds
    assert line.switches == [("line-1", version.id)]
    assert not list((line.settings.data / "fits").iterdir())


@pytest.mark.long
async def test_without_named_images_the_stations_samples_are_taken(line: Line) -> None:
    keys = await line.keep(20)
    line.samples = tuple(
        Sample(frame_id=str(number), key=key, sha256="0" * 64, captured_at=build.NOON)
        for number, key in enumerate(keys)
    )

    ended = await line.fit(max_images=10)

    assert ended.state is FitState.SUCCEEDED, ended.message
    [version] = line.of(ModelVersion)
    assert version.metrics["images"] == 10
    assert not line.of(ModelDeployed)


async def test_a_process_that_is_killed_is_tried_once_more_and_then_told(line: Line) -> None:
    keys = await line.keep(10)
    await line.bus.say(training.FIT, FitModel(fit_id="fit-1", station_id="line-1", keys=keys))
    killed: set[int] = set()

    async def two_killed() -> bool:
        for child in psutil.Process().children():
            if child.pid not in killed and "andon.training.fitting" in child.cmdline():
                os.kill(child.pid, signal.SIGKILL)
                killed.add(child.pid)
        return len(killed) == 2

    await eventually(two_killed, within=60)
    ended = await line.ended("fit-1")

    assert ended.state is FitState.FAILED
    assert "killed by SIGKILL" in ended.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"station_id": "nowhere"}, "there is no station nowhere"),
        ({"keys": ()}, "at least 8 good images; there are 0"),
        ({"keys": tuple("abcdefg")}, "at least 8 good images; there are 7"),
        ({"keys": tuple("abcdefgh")}, "there is no such image"),
    ],
)
async def test_what_cannot_be_fitted_fails_with_its_reason_and_is_not_parked(
    line: Line, changes: dict[str, Any], reason: str
) -> None:
    ended = await line.fit(**changes)

    assert ended.state is FitState.FAILED
    assert reason in ended.message
    async with ParkedMessages(line.settings.bus) as parked:
        assert not await parked.list(10)


async def test_an_unreadable_image_is_named(line: Line) -> None:
    keys = await line.keep(9)
    await line.blobs.put(keys[4], b"\xff\xd8 cut short", "image/jpeg")

    ended = await line.fit(keys=keys)

    assert ended.state is FitState.FAILED
    assert "samples/line-1/4.jpg: the JPEG is damaged" in ended.message


async def test_deploying_moves_a_station_from_one_version_to_another(line: Line) -> None:
    for number in (1, 2):
        await line.version(f"model-{number}", created_at=build.NOON.replace(minute=number))
        query = DeployModel(version_id=f"model-{number}", station_ids=("line-1",), by="eve")
        deployed = await line.bus.ask(training.DEPLOY, query)
        assert deployed.by == "eve"

    newest, oldest = (await line.bus.ask(training.LIST, ListModels())).models

    assert (newest.id, newest.deployed_to) == ("model-2", ("line-1",))
    assert (oldest.id, oldest.deployed_to) == ("model-1", ())
    await eventually(lambda: [one.version_id for one in line.of(ModelDeployed)] == ["model-1", "model-2"])


async def test_a_repeated_command_fits_nothing_again(line: Line) -> None:
    await line.version("model-1")

    ended = await line.fit(fit_id="fit-1", deploy=True)

    assert (ended.state, ended.version_id, ended.message) == (FitState.SUCCEEDED, "model-1", "fitted before")
    assert len((await line.bus.ask(training.LIST, ListModels())).models) == 1


async def test_unknown_things_are_not_found(line: Line) -> None:
    with pytest.raises(NotFound, match="model version"):
        await line.bus.ask(training.DEPLOY, DeployModel(version_id="x", station_ids=("line-1",)))
    with pytest.raises(NotFound, match="fit"):
        await line.bus.ask(training.FIT_STATUS, GetFit(fit_id="x"))


async def test_a_deployment_names_stations_that_exist(line: Line) -> None:
    await line.version("model-1")

    with pytest.raises(NotFound, match="nowhere"):
        await line.bus.ask(training.DEPLOY, DeployModel(version_id="model-1", station_ids=("nowhere",)))
    with pytest.raises(BadRequest, match="at least one"):
        await line.bus.ask(training.DEPLOY, DeployModel(version_id="model-1", station_ids=()))
