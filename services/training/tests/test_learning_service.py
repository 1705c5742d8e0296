"""Runs, their versions and their evidence over a real bus, a real database and a real object store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from andon.contracts import (
    Message,
    NotFound,
    Refused,
    dataset,
    inspection,
    learning,
    review,
    station,
    training,
)
from andon.contracts.annotation import Annotation, PartImage, Shape, Verdict
from andon.contracts.learning import LabelledImage, Place, Run, RunKind, RunState, StartRun
from andon.contracts.station import ListSamples, ModelFile, Samples, Station
from andon.contracts.training import ListModels, ModelVersion
from andon.messaging import BusSettings, Delivery, Service
from andon.runtime import serving
from andon.serving import RegionClassifier, decode_full
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.testing import build, eventually
from andon.training.app import SERVICE, TrainingSettings
from andon.training.datasets.store import DatasetStore
from andon.training.store import Versions

from .learning_parts import anomaly_model, labelled, some

pytestmark = pytest.mark.timeout(180)


@dataclass
class Line:
    """The rest of Andon around training."""

    bus: Service
    gateway: Service
    blobs: Blobs
    settings: TrainingSettings
    place: Station
    used: list[station.SetModel] = field(default_factory=list)
    heard: list[Message] = field(default_factory=list)

    async def get(self, query: station.GetStation, _: Delivery) -> Station:
        if query.id != "line-1":
            raise NotFound(f"there is no station {query.id}")
        return self.place

    async def listed(self, _: station.ListStations, __: Delivery) -> station.Stations:
        return station.Stations(stations=(self.place,))

    async def taught(self, _: ListSamples, __: Delivery) -> Samples:
        return Samples(samples=())

    async def use(self, wanted: station.SetModel, _: Delivery) -> Station:
        self.used.append(wanted)
        recipe = build.recipe(station_id="line-1", model=wanted.model, thresholds=wanted.thresholds)
        self.place = self.place.model_copy(update={"recipe": recipe})
        return self.place

    async def counted(self, _: inspection.GetTallies, __: Delivery) -> inspection.Tallies:
        return inspection.Tallies(hours=())

    async def hear(self, message: Message, _: Delivery) -> None:
        self.heard.append(message)

    async def keep(self, parts: list[tuple[LabelledImage, bytes]]) -> tuple[LabelledImage, ...]:
        for image, data in parts:
            await self.blobs.put(image.key, data, "image/jpeg")
        return tuple(image for image, _ in parts)

    async def model(self) -> ModelVersion:
        """A version of good parts alone, which the station judges by."""
        data, limits = anomaly_model()
        digest = sha256(data).hexdigest()
        file = ModelFile(key=f"models/{digest}/model.fp32.onnx", sha256=digest, size=len(data))
        await self.blobs.put(file.key, data)
        ref = build.model_ref(version_id="model-1", digest=digest, fp32=file)
        version = build.model_version(
            id="model-1", station_id="line-1", model=ref, thresholds=limits, deployed_to=("line-1",)
        )
        async with Mongo(self.settings.mongo) as mongo:
            await Versions(mongo).put(version)
        recipe = build.recipe(station_id="line-1", model=ref, thresholds=limits)
        self.place = self.place.model_copy(update={"recipe": recipe})
        return version

    async def dataset(self, parts: list[tuple[LabelledImage, bytes]]) -> str:
        """A version of these parts; its id."""
        samples = tuple(_sample(image, data) for image, data in parts)
        manifest = dataset.Manifest(dataset="plates", samples=samples).model_dump_json().encode()
        digest = sha256(manifest).hexdigest()
        counts = dataset.Counts(
            samples=len(parts), groups=len(parts), bytes=1, verdicts={}, classes={}, splits={}, stations={}
        )
        async with Mongo(self.settings.mongo) as mongo:
            store = DatasetStore(mongo.database("training"), self.blobs)
            version = dataset.DatasetVersion(
                id=digest,
                dataset="plates",
                number=1,
                manifest_key=await store.put_manifest(digest, manifest),
                manifest_size=len(manifest),
                counts=counts,
                created_at=build.NOON,
                by="eve",
            )
            await store.add(version)
        return digest

    async def start(self, **wanted: Any) -> Run:
        wish = StartRun(**{"station_id": "line-1", "place": Place.HERE, "requested_by": "eve", **wanted})
        return await self.gateway.ask(learning.START, wish, timeout=20)

    async def ended(self, run_id: str) -> Run:
        async def over() -> Run | None:
            run = await self.gateway.ask(learning.GET, learning.GetRun(id=run_id))
            return run if run.ended_at else None

        found = await eventually(over, within=120)
        assert found is not None
        return found


def _sample(image: LabelledImage, data: bytes) -> dataset.Sample:
    digest = sha256(data).hexdigest()
    return dataset.Sample(
        sha256=digest,
        key=image.key,
        content_type="image/jpeg",
        size=len(data),
        width=256,
        height=256,
        verdict=image.verdict,
        shapes=image.shapes,
        split=dataset.Split.TEST if image.held_out else dataset.Split.TRAIN,
        group=image.key,
        look="0" * 64,
        source=dataset.Source.IMPORT,
        station_id="line-1",
    )


@pytest.fixture
async def line(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> AsyncIterator[Line]:
    settings = TrainingSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path)
    bus, gateway = Service("inspection", bus_settings), Service("gateway", bus_settings)
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
        line = Line(bus, gateway, blobs, settings, build.station(id="line-1", recipe=None))
        bus.answers(station.GET, line.get)
        bus.answers(station.LIST, line.listed)
        bus.answers(station.SAMPLES, line.taught)
        bus.answers(station.SET_MODEL, line.use)
        bus.answers(inspection.TALLIES, line.counted)

        async def new() -> int:
            return 0

        gateway.follows([learning.CHANGED], line.hear, after=new)
        async with bus, gateway, serving(SERVICE, settings):
            yield line


@pytest.mark.long
async def test_outlined_defects_become_names_on_the_line_with_evidence(line: Line) -> None:
    parent = await line.model()
    images = await line.keep(some(6, 9))

    began = await line.start(kind=RunKind.REGIONS, images=images, deploy=True, name="two classes")
    run = await line.ended(began.id)

    assert run.state is RunState.SUCCEEDED, run.message
    assert (run.images, run.held_out, run.fraction) == (24, 8, 1.0)
    assert run.repeat is not None
    assert len(run.repeat.environment) == 64
    [version] = (await line.gateway.ask(training.LIST, ListModels(limit=1))).models
    assert (version.id, version.parent, version.job_id) == (run.version_id, "model-1", run.id)
    assert version.model.digest == parent.model.digest
    assert version.model.regions is not None
    assert version.model.regions.classes == ("pit", "scratch")
    assert version.metrics["region_accuracy"] > 0.8
    assert line.place.recipe is not None
    assert line.place.recipe.model == version.model

    data = await line.blobs.get(version.model.regions.file.key)
    image, jpeg = labelled(900, "scratch")
    [named] = RegionClassifier.open(data).name(decode_full(jpeg).pixels, [image.shapes[0].bbox])
    assert named.class_name == "scratch"

    found = await line.gateway.ask(learning.EVALUATION, learning.GetEvaluation(version_id=version.id))
    assert found.held_out == version.held_out
    assert found.all.parts == 8
    assert found.all.image_auroc is not None
    assert found.all.false_accept is not None
    assert found.pixel_pro is not None
    assert sum(found.region_confusion["pit"].values()) == 3
    page = (await line.blobs.get(found.report_key)).decode()
    assert version.id in page
    assert "<script" not in page
    assert any(isinstance(one, Run) and one.state is RunState.SUCCEEDED for one in line.heard)


@pytest.mark.long
async def test_a_dataset_versions_test_split_is_held_out(line: Line) -> None:
    await line.model()
    parts = some(4, 6)
    await line.keep(parts)
    version = await line.dataset(parts)

    run = await line.ended((await line.start(kind=RunKind.REGIONS, dataset_version=version)).id)

    assert run.state is RunState.SUCCEEDED, run.message
    assert (run.images, run.held_out) == (16, sum(bool(image.held_out) for image, _ in parts))
    [made] = (await line.gateway.ask(training.LIST, ListModels(limit=1))).models
    assert made.dataset_version == version
    assert run.repeat is not None
    assert run.repeat.dataset_version == version


@pytest.mark.long
async def test_the_same_run_asked_for_twice_is_one_run(line: Line) -> None:
    await line.model()
    images = await line.keep(some(0, 4))

    first = await line.start(run_id="run-00000000000a", kind=RunKind.REGIONS, images=images)
    second = await line.start(run_id="run-00000000000a", kind=RunKind.REGIONS, images=images)

    assert first.id == second.id
    assert (await line.ended(first.id)).state is RunState.SUCCEEDED
    listed = await line.gateway.ask(learning.LIST, learning.ListRuns(station_id="line-1"))
    assert [run.id for run in listed.runs] == [first.id]


@pytest.mark.long
async def test_after_a_few_annotations_the_station_learns_by_itself(line: Line) -> None:
    await line.model()
    parts = [labelled(number, "scratch" if number % 2 else "pit") for number in range(14)]
    await line.keep(parts)
    speaker = Service("training", line.settings.bus)
    async with speaker:
        for number, (image, data) in enumerate(parts):
            annotation = Annotation(
                id=f"annotation-{number}",
                inspection_id=f"inspection-{number}",
                station_id="line-1",
                captured_at=build.NOON,
                image=PartImage(key=image.key, sha256=sha256(data).hexdigest(), width=256, height=256),
                verdict=Verdict.DEFECT,
                shapes=image.shapes,
                by="eve",
                at=build.NOON,
            )
            await speaker.say(review.ANNOTATION_MADE, annotation)

    async def learned() -> list[Run]:
        """Once after five; what was said meanwhile is enough for another when it ends."""
        runs = (await line.gateway.ask(learning.LIST, learning.ListRuns())).runs
        return [run for run in runs if run.ended_at] if len(runs) > 1 else []

    async def both() -> bool:
        return len(await learned()) == 2

    await eventually(both, within=120)
    latest, first = await learned()

    assert (first.state, first.requested_by) == (RunState.SUCCEEDED, "annotations"), first.message
    assert latest.images > first.images
    assert line.used, "the station judges by it"


async def test_a_stopped_run_ends_its_process_and_makes_no_version(line: Line) -> None:
    images = await line.keep(some(12, 0, held_out=100))
    began = await line.start(kind=RunKind.ANOMALY, images=images)

    def fitting() -> list[psutil.Process]:
        children = psutil.Process().children()
        return [child for child in children if "andon.training.fitting" in child.cmdline()]

    await eventually(lambda: bool(fitting()), within=60)
    stopped = await line.gateway.ask(learning.STOP, learning.StopRun(id=began.id, by="eve"), timeout=20)

    assert stopped.state is RunState.STOPPED
    assert not fitting()
    assert not (await line.gateway.ask(training.LIST, ListModels())).models


OUTSIDE = Shape(class_name="pit", bbox=(200, 200, 300, 300))


GOOD = LabelledImage(key="a", verdict=Verdict.GOOD)
REFUSED = [
    ({"station_id": "nowhere"}, "there is no station nowhere"),
    ({"parent": "model-9"}, "there is no model version model-9"),
    ({"dataset_version": "no-id"}, "dataset_version"),
    ({"dataset_version": "0" * 64}, "version"),
    ({"images": (GOOD,)}, "of 0 classes"),
    ({"kind": RunKind.ANOMALY, "images": (GOOD,)}, "at least 8"),
]


async def test_what_cannot_be_learned_is_refused_before_anything_is_fetched(line: Line) -> None:
    await line.model()

    for changes, reason in REFUSED:
        with pytest.raises(Refused, match=reason):
            await line.start(**{"kind": RunKind.REGIONS, **changes})
    assert not (await line.gateway.ask(learning.LIST, learning.ListRuns())).runs


@pytest.mark.long
async def test_a_bad_image_fails_its_run_and_is_named(line: Line) -> None:
    await line.model()
    images = await line.keep(some(0, 4, held_out=100))
    await line.blobs.put("parts/cut", b"\xff\xd8 cut short")
    bad = {
        "parts/3": images[3].model_copy(update={"shapes": (OUTSIDE,)}),
        "parts/cut": images[3].model_copy(update={"key": "parts/cut"}),
        "parts/gone": images[3].model_copy(update={"key": "parts/gone"}),
        "is another image now": images[3].model_copy(update={"sha256": "0" * 64}),
    }

    for name, image in bad.items():
        wanted = (*images[:3], image, *images[4:])
        run = await line.ended((await line.start(kind=RunKind.REGIONS, images=wanted)).id)
        assert run.state is RunState.FAILED
        assert name in run.message
