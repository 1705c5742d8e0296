"""The training service dies by SIGKILL in the middle of a dataset build; the next one begins it again."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import cv2
import numpy as np
import pytest

from andon.contracts import NotFound, Unavailable, dataset, station
from andon.contracts.dataset import Build, BuildState, StartBuild
from andon.messaging import BusSettings, Service, declare_topology
from andon.runtime import serving
from andon.storage import Blobs, Mongo
from andon.testing import build, eventually
from andon.training.app import SERVICE, TrainingSettings
from andon.training.datasets.store import BuildRow, DatasetStore

IMAGES = 160
BUILD = "build-0123456789ab"
WANTED = StartBuild(dataset="plates", taught=True, stations=("line-1",), build_id=BUILD, by="carla")


def environment(settings: TrainingSettings) -> dict[str, str]:
    s3, mongo = settings.s3, settings.mongo
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return own | {
        "ANDON_BUS__URL": settings.bus.url,
        "ANDON_MONGO__URI": mongo.uri,
        "ANDON_MONGO__PREFIX": mongo.prefix,
        "ANDON_S3__ENDPOINT": s3.endpoint,
        "ANDON_S3__ACCESS_KEY": s3.access_key,
        "ANDON_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
        "ANDON_S3__BUCKET": s3.bucket,
        "ANDON_DATA": str(settings.data),
    }


async def started(settings: TrainingSettings) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "training",
        env=environment(settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.fixture
async def impatient(bus_settings: BusSettings) -> BusSettings:
    """A bus that gives up on a dead hearer within a second."""
    streams = bus_settings.streams.model_copy(update={"ack_seconds": 1})
    settings = bus_settings.model_copy(update={"streams": streams})
    await declare_topology(settings)
    return settings


@pytest.fixture
async def settings(impatient, mongo_settings, blob_settings, tmp_path) -> TrainingSettings:
    return TrainingSettings(bus=impatient, mongo=mongo_settings, s3=blob_settings, data=tmp_path)


@pytest.fixture
async def line(settings: TrainingSettings) -> AsyncIterator[None]:
    """Inspection as training sees it: a station with its good examples."""
    random = np.random.default_rng(1)
    taught: list[station.Sample] = []
    async with Blobs(settings.s3) as blobs:
        await blobs.prepare()
        for number in range(IMAGES):
            data = cv2.imencode(".png", random.integers(0, 255, (96, 128, 3), np.uint8))[1].tobytes()
            key, at = f"samples/line-1/{number}", build.NOON + timedelta(seconds=number)
            await blobs.put(key, data)
            digest = sha256(data).hexdigest()
            taught.append(station.Sample(frame_id=str(number), key=key, sha256=digest, captured_at=at))

        async def samples(*_: object) -> station.Samples:
            return station.Samples(samples=tuple(taught))

        async def stations(*_: object) -> station.Stations:
            return station.Stations(stations=())

        inspection = Service("inspection", settings.bus)
        inspection.answers(station.SAMPLES, samples)
        inspection.answers(station.LIST, stations)
        async with inspection:
            yield


async def the_build(gateway: Service) -> Build | None:
    try:
        return await gateway.ask(dataset.BUILD, dataset.GetBuild(id=BUILD), timeout=0.5)
    except (Unavailable, NotFound):
        return None


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.usefixtures("line")
async def test_a_build_whose_service_is_killed_begins_again_and_makes_one_version(
    settings: TrainingSettings,
) -> None:
    async def begun(share: float) -> bool:
        found = await the_build(gateway)
        assert found is None or found.ended_at is None
        return found is not None and found.samples > share * IMAGES

    async def over() -> Build | None:
        found = await the_build(gateway)
        return found if found and found.ended_at else None

    async def takes_orders() -> bool:
        try:
            return bool(await gateway.ask(dataset.START, WANTED, timeout=1))
        except Unavailable:
            return False

    async with Service("gateway", settings.bus) as gateway:
        process = await started(settings)
        try:
            await eventually(takes_orders, within=40)
            await eventually(lambda: begun(0.2), within=20, every=0.005)
            process.kill()
            await process.wait()
            process = await started(settings)
            found = await eventually(over, within=60)
        finally:
            await end(process)
    assert found is not None
    assert (found.state, found.samples) == (BuildState.SUCCEEDED, IMAGES)
    async with Mongo(settings.mongo) as mongo, Blobs(settings.s3) as blobs:
        store = DatasetStore(mongo.database("training"), blobs)
        (version,) = (await store.listed(dataset.ListVersions(dataset="plates"))).items
        assert (version.id, version.number, version.counts.samples) == (found.version_id, 1, IMAGES)
        assert len(await blobs.list("datasets/images/")) == IMAGES
        row = await store.build(BUILD)
        assert row is not None
        assert row.interrupted == 1


@pytest.mark.usefixtures("line")
async def test_a_build_that_ends_the_service_again_and_again_is_failed(settings: TrainingSettings) -> None:
    async with Mongo(settings.mongo) as mongo, Blobs(settings.s3) as blobs:
        row = BuildRow(
            id=BUILD, dataset="plates", state=BuildState.RUNNING, created_at=build.NOON, by="carla",
            wanted=WANTED, interrupted=4,
        )  # fmt: skip
        await DatasetStore(mongo.database("training"), blobs).add_build(row)
    left = settings.data / "archives" / "left.zip"
    left.parent.mkdir()
    left.touch()
    async with serving(SERVICE, settings), Service("gateway", settings.bus) as gateway:
        await gateway.ask(dataset.START, WANTED)

        async def failed() -> bool:
            found = await the_build(gateway)
            return found is not None and found.state is BuildState.FAILED

        await eventually(failed)
        found = await the_build(gateway)
        assert found is not None
        assert found.message.startswith("the service ended 5 times in the middle of this build")
        assert not left.exists()
