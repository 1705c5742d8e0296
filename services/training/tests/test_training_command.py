"""`andon fit` as an operator runs it, against a running training service."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from andon.contracts import NotFound, inspection, station
from andon.contracts.station import GetStation, SetModel, Station
from andon.messaging import BusSettings, Delivery, Service
from andon.runtime import serving
from andon.storage import MongoSettings, S3Settings
from andon.testing import build
from andon.training.app import SERVICE, TrainingSettings
from andon.training.command import app

from .training_parts import jpeg, part

pytestmark = pytest.mark.timeout(180)


async def known(query: GetStation, _: Delivery) -> Station:
    if query.id != "line-1":
        raise NotFound(f"there is no station {query.id}")
    return build.station(id="line-1")


async def switched(wanted: SetModel, _: Delivery) -> Station:
    return build.station(id=wanted.station_id)


async def counted(_: inspection.GetTallies, __: Delivery) -> inspection.Tallies:
    return inspection.Tallies(hours=())


@pytest.fixture
def environment(
    bus_settings: BusSettings, blob_settings: S3Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDON_BUS__URL", bus_settings.url)
    monkeypatch.setenv("ANDON_S3__ENDPOINT", blob_settings.endpoint)
    monkeypatch.setenv("ANDON_S3__BUCKET", blob_settings.bucket)
    monkeypatch.setenv("ANDON_S3__ACCESS_KEY", blob_settings.access_key)
    monkeypatch.setenv("ANDON_S3__SECRET_KEY", blob_settings.secret_key.get_secret_value())


@pytest.fixture
async def training(
    environment: None,
    bus_settings: BusSettings,
    mongo_settings: MongoSettings,
    blob_settings: S3Settings,
    tmp_path: Path,
) -> AsyncIterator[None]:
    settings = TrainingSettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path / "data"
    )
    stations = Service("inspection", bus_settings)
    stations.answers(station.GET, known)
    stations.answers(station.SET_MODEL, switched)
    stations.answers(inspection.TALLIES, counted)
    async with stations, serving(SERVICE, settings):
        yield


async def fit(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


def folder(path: Path, count: int) -> Path:
    path.mkdir(parents=True)
    for number in range(count):
        (path / f"{number}.jpg").write_bytes(jpeg(part(number)))
    (path / "readme.txt").write_text("not an image")
    return path


@pytest.mark.long
async def test_a_set_in_the_usual_layout_becomes_a_deployed_model(training: None, tmp_path: Path) -> None:
    folder(tmp_path / "set" / "train" / "good", 10)

    result = await fit(
        "--station", "line-1", "--images", str(tmp_path / "set"), "--head", "knn", "--name", "bores"
    )

    assert result.exit_code == 0, result.output
    assert "(bores): knn from 10 images" in result.output
    assert "uncertain above" in result.output
    assert "station line-1 judges by it" in result.output


async def test_a_failed_fit_ends_with_its_reason(training: None, tmp_path: Path) -> None:
    result = await fit("--station", "nowhere", "--images", str(folder(tmp_path / "good", 9)))

    assert result.exit_code == 1
    assert "there is no station nowhere" in result.output


async def test_a_folder_without_images_is_refused(training: None, tmp_path: Path) -> None:
    result = await fit("--station", "line-1", "--images", str(tmp_path))

    assert result.exit_code == 1
    assert "there are no images in" in result.output


@pytest.mark.long
@pytest.mark.usefixtures("environment")
async def test_without_a_training_service_the_reason_is_clear(tmp_path: Path) -> None:
    result = await fit("--station", "line-1", "--images", str(folder(tmp_path / "good", 9)))

    assert result.exit_code == 1
    assert "the training service does not answer" in result.output
