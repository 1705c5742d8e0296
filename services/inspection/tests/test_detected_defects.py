"""Defects that a detector knows come into the record with box and class."""

import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from andon.contracts import Invalid, inspection, station
from andon.contracts.station import Deployment, DetectorModel, ModelFile, SetModel
from andon.inspection.app import InspectionSettings
from andon.messaging import Service
from andon.storage import Blobs
from andon.testing import build

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "libs" / "serving" / "tests"))
from bright_model import LIMITS, stored
from detector_models import detector_bytes
from line_service import judging_line


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


def picture(shade: int, dark: int = 128) -> bytes:
    """A part with a spot of one shade at the left, and of another at the right."""
    pixels = np.full((640, 640, 3), 128, np.uint8)
    pixels[128:256, 128:256] = shade
    pixels[384:512, 384:512] = dark
    return simplejpeg.encode_jpeg(pixels, quality=95)


async def judged(line, jpeg: bytes, part: str) -> inspection.Inspection:
    frame = build.frame(station_id="line", frame_id=part, part_id=part)
    return await line.ask(inspection.INSPECT, frame, body=jpeg, timeout=20)


async def use(bus, blobs, data: bytes, sure_above: float = 0.5) -> None:
    digest = sha256(data).hexdigest()
    file = ModelFile(key=f"models/{digest}/detector.onnx", sha256=digest, size=len(data))
    await blobs.put(file.key, data)
    detector = DetectorModel(file=file, classes=("spot",), sure_above=sure_above)
    ref = (await stored(blobs)).model_copy(update={"version_id": "v-finds", "detector": detector})
    entry = Deployment(version_id=ref.version_id, digest=ref.digest, by="eve", at=build.NOON)
    wish = SetModel(station_id="line", model=ref, thresholds=LIMITS, deployment=entry, at=build.NOON)
    await bus.ask(station.SET_MODEL, wish, timeout=30)


@pytest.mark.long
async def test_the_detectors_boxes_come_into_the_record_beside_what_else_stands_out(line, bus, blobs):
    before = await judged(line, picture(250), "before")
    await use(bus, blobs, detector_bytes())
    after = await judged(line, picture(250, dark=5), "after")

    assert [each.class_name for each in before.detections] == ["anomaly"]
    known = [each for each in after.detections if each.class_name == "spot"]
    corners = {each.bbox for each in known}
    assert (128, 128, 192, 192) in corners
    assert {box[2] - box[0] for box in corners} == {64}
    assert all(each.confidence == each.class_confidence and each.confidence > 0.9 for each in known)
    assert all(each.peak_score > 0 and each.area_px > 0 for each in known)
    [other] = [each for each in after.detections if each.class_name == "anomaly"]
    assert other.bbox[0] >= 256
    assert after.decision is before.decision


async def test_what_it_is_less_sure_of_stays_an_anomaly(line, bus, blobs):
    await use(bus, blobs, detector_bytes(), sure_above=1.0)

    assert [each.class_name for each in (await judged(line, picture(250), "part")).detections] == ["anomaly"]


async def test_a_part_that_passes_has_no_defects(line, bus, blobs):
    await use(bus, blobs, detector_bytes())

    passed = await judged(line, picture(128), "good")

    assert passed.decision is inspection.Decision.PASS
    assert passed.detections == ()


async def test_a_detector_that_is_none_is_refused_and_the_old_model_goes_on(line, bus, blobs):
    for data in (b"no model", detector_bytes(side=330), detector_bytes(classes=())):
        with pytest.raises(Invalid, match="refused"):
            await use(bus, blobs, data)

    assert (await judged(line, picture(250), "part")).model_version != "v-finds"
