"""What stands out on a part gets the class that people gave its like."""

import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from andon.contracts import Invalid, Refused, inspection, station
from andon.contracts.station import Deployment, SetModel
from andon.inspection.app import InspectionSettings
from andon.messaging import Service
from andon.storage import Blobs
from andon.testing import build

sys.path.insert(0, str(Path(__file__).parent))
from bright_model import LIMITS, stored
from line_service import judging_line
from shade_classifier import classifier_bytes, stored_classifier


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    return InspectionSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path)


@pytest.fixture
async def blobs(blob_settings):
    async with Blobs(blob_settings) as blobs:
        yield blobs


@pytest.fixture
async def line(settings):
    async with judging_line(settings) as line:
        yield line


@pytest.fixture
async def bus(line, bus_settings):
    async with Service("training", bus_settings) as bus:
        yield bus


def picture(*spots: int) -> bytes:
    """A part with spots of these shades, from left to right."""
    pixels = np.full((512, 640, 3), 128, np.uint8)
    for number, shade in enumerate(spots):
        pixels[160:320, 40 + 200 * number : 200 + 200 * number] = shade
    return simplejpeg.encode_jpeg(pixels, quality=95)


async def judged(line, jpeg: bytes, part: str) -> inspection.Inspection:
    frame = build.frame(station_id="line", frame_id=part, part_id=part)
    return await line.ask(inspection.INSPECT, frame, body=jpeg, timeout=20)


async def use(bus, blobs, regions) -> None:
    ref = (await stored(blobs)).model_copy(update={"version_id": "v-named", "regions": regions})
    entry = Deployment(version_id=ref.version_id, digest=ref.digest, by="eve", at=build.NOON)
    wish = SetModel(station_id="line", model=ref, thresholds=LIMITS, deployment=entry, at=build.NOON)
    await bus.ask(station.SET_MODEL, wish, timeout=30)


async def test_a_new_classifier_names_defects_from_the_next_part_on(line, bus, blobs):
    before = await judged(line, picture(250), "before")
    await use(bus, blobs, await stored_classifier(blobs))
    after = await judged(line, picture(250, 5), "after")

    assert [each.class_name for each in before.detections] == ["anomaly"]
    assert before.detections[0].class_confidence is None
    named = {each.class_name: each for each in after.detections}
    assert set(named) == {"chip", "scratch"}
    assert named["chip"].bbox[0] < named["scratch"].bbox[0]
    assert named["chip"].class_confidence == pytest.approx(1.0, abs=0.01)
    assert after.decision is before.decision


async def test_what_the_classifier_is_not_sure_of_stays_an_anomaly(line, bus, blobs):
    regions = (await stored_classifier(blobs)).model_copy(update={"sure_above": 1.0})
    await use(bus, blobs, regions)

    found = (await judged(line, picture(180), "part")).detections

    assert [each.class_name for each in found] == ["anomaly"]


async def test_a_classifier_that_is_none_is_refused_and_the_old_model_goes_on(line, bus, blobs):
    for data in (b"no model", classifier_bytes(side=64), classifier_bytes(classes=("one",))):
        with pytest.raises(Invalid, match="refused"):
            await use(bus, blobs, await stored_classifier(blobs, data))

    assert (await judged(line, picture(250), "part")).model_version != "v-named"


async def test_a_part_is_judged_even_when_the_classifiers_file_is_gone(line, bus, blobs, settings):
    regions = await stored_classifier(blobs)
    await use(bus, blobs, regions)
    await blobs.delete(regions.file.key)
    (settings.data / "models" / f"{regions.file.sha256}.onnx").unlink()

    gone = regions.file.model_copy(update={"key": "models/gone.onnx", "sha256": "0" * 64})
    with pytest.raises(Refused, match="missing"):
        await use(bus, blobs, regions.model_copy(update={"file": gone}))
    assert (await judged(line, picture(250), "part")).decision is inspection.Decision.FAIL
