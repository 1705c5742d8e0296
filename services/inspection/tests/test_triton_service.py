"""The inspection service with its models in a real Triton server, which reads them from Andon's bucket."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from andon.contracts import Unavailable, inspection, runtime
from andon.inspection.app import SERVICE, InspectionSettings
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.serving import ServingSettings
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import Restartable, Servers, TritonAddress, build, eventually

sys.path.insert(0, str(Path(__file__).parent))
from line_service import Line, picture, taught

pytestmark = pytest.mark.long


@pytest.fixture
def settings(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> InspectionSettings:
    return InspectionSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path)


@pytest_asyncio.fixture
async def bucket(settings: InspectionSettings) -> AsyncIterator[Blobs]:
    async with Blobs(settings.s3) as blobs:
        await blobs.prepare()
        await blobs.put("triton/.keep", b"")  # the server looks for the folder when it starts
        yield blobs


@pytest.fixture
def server(
    servers: Servers, settings: InspectionSettings, bucket: Blobs
) -> Iterator[Restartable[TritonAddress]]:
    s3 = settings.s3
    keys = {
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key.get_secret_value(),
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server, address = servers.fresh_triton(
        repository=f"s3://http://{s3.endpoint}/{s3.bucket}/triton", env=keys
    )
    try:
        server.start()
        yield Restartable(server, address)
    finally:
        server.kill()


async def test_parts_are_judged_through_triton_and_wait_while_it_is_away(
    settings: InspectionSettings, bucket: Blobs, server: Restartable[TritonAddress]
) -> None:
    by_triton = ServingSettings(triton_url=server.address.url, triton_repository="s3:triton")
    settings = settings.model_copy(update={"serving": by_triton})
    async with serving(SERVICE, settings) as running, Line(settings.bus) as line:
        answers = running.application.checks["triton"]
        await answers()
        await taught(line, settings)
        await show(line, 1, picture(spot=255))
        await eventually(lambda: line.parts)
        assert (line.parts[0].decision, line.parts[0].anomaly_score) == ("fail", pytest.approx(127, abs=2))
        assert await models_in(bucket) == {"config.pbtxt", "1/model.onnx"}
        [loaded] = (await status(settings.bus)).loaded_models
        assert (loaded.runtime, loaded.device, loaded.precision) == ("triton", "CPU", "fp32")

        server.kill()
        with pytest.raises(Unavailable, match=f"Triton at {server.address.url} does not answer"):
            await answers()
        await show(line, 2, picture())
        await server.start()
        await eventually(lambda: len(line.parts) == 2, within=45)
        assert (line.parts[1].part_id, line.parts[1].decision) == ("p2", "pass")
    assert await models_in(bucket) == set()


async def show(line: Line, number: int, data: bytes) -> None:
    frame = build.frame(station_id="line", frame_id=f"f{number}", part_id=f"p{number}")
    await line.say(inspection.FRAME_CAPTURED, frame, once=f"f{number}", body=data)


async def status(bus_settings: BusSettings) -> runtime.RuntimeStatus:
    async with Service("gateway", bus_settings) as gateway:
        return await gateway.ask(runtime.STATUS, runtime.GetStatus())


async def models_in(bucket: Blobs) -> set[str]:
    """Paths below the folder of the one model that is there."""
    return {key.split("/", 2)[2] for key in await bucket.list("triton/andon-")}
