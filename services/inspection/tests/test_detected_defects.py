"""Defects that a detector knows come into the record with box and class."""

import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from andon.contracts import Invalid, inspection, station
from andon.contracts.inspection import Decision
from andon.contracts.station import (
    Deployment,
    DeploymentKind,
    DetectorModel,
    DetectorUse,
    ModelFile,
    ModelRef,
    SetModel,
    Trial,
    TrialRole,
)
from andon.inspection.adapters.models import ModelShelf, NoModel
from andon.inspection.app import InspectionSettings
from andon.inspection.domain.rule import rule_of
from andon.inspection.domain.trials import Plan
from andon.inspection.handlers.opinions import Opinions
from andon.messaging import Service
from andon.serving import ModelHost
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


async def made(blobs, data: bytes, version: str, **about) -> ModelRef:
    """A version with this detector."""
    digest = sha256(data).hexdigest()
    file = ModelFile(key=f"models/{digest}/detector.onnx", sha256=digest, size=len(data))
    await blobs.put(file.key, data)
    detector = DetectorModel(file=file, classes=("spot",), **{"sure_above": 0.5, **about})
    return (await stored(blobs)).model_copy(update={"version_id": version, "detector": detector})


async def use(bus, blobs, data: bytes, version: str = "v-finds", **about):
    """Deploy, or with `kind` go back to, a version with this detector."""
    kind = about.pop("kind", DeploymentKind.DEPLOY)
    ref = await made(blobs, data, version, **about)
    entry = Deployment(version_id=ref.version_id, digest=ref.digest, kind=kind, by="eve", at=build.NOON)
    wish = SetModel(station_id="line", model=ref, thresholds=LIMITS, deployment=entry, at=build.NOON)
    return await bus.ask(station.SET_MODEL, wish, timeout=30)


def disc() -> bytes:
    """A part with a round white spot."""
    pixels = np.full((640, 640, 3), 100, np.uint8)
    cv2.circle(pixels, (160, 160), 60, (255, 255, 255), -1)
    return simplejpeg.encode_jpeg(pixels, quality=95)


async def recipe(line, **changes) -> station.Recipe:
    place = await line.ask(station.PUT, station.PutStation(id="line", **changes))
    assert place.recipe is not None
    return place.recipe


def faint() -> bytes:
    """A part whose spot is as far from grey as a good part may be; only a detector knows it for a defect."""
    return picture(128 + 12)


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


async def test_where_the_detector_decides_a_defect_above_its_limit_fails_a_part_that_would_pass(
    line, bus, blobs
):
    calibration = tuple(number / 1000 for number in range(49))
    await use(bus, blobs, detector_bytes(), sure_above=0.05, fails_above=0.07, calibration=calibration)
    named = await judged(line, faint(), "named")
    revision = (await recipe(line)).revision

    decides = await recipe(line, detector="decides")
    bad = await judged(line, faint(), "decided")
    good = await judged(line, picture(128), "good")
    worse = await judged(line, picture(250), "worse")

    assert (named.decision, named.defect_fail_above) == (Decision.PASS, None)
    assert (decides.detector, decides.revision) == (DetectorUse.DECIDES, revision + 1)
    assert (bad.decision, bad.decided_by, bad.defect_fail_above) == (Decision.FAIL, "detector", 0.07)
    assert bad.anomaly_score < bad.uncertain_above
    assert bad.confidence == pytest.approx(49 / 50)
    assert {each.class_name for each in bad.detections} == {"spot"}
    assert bad.annotated is not None
    assert (good.decision, good.decided_by, good.defect_fail_above) == (Decision.PASS, "anomaly", 0.07)
    assert (good.detections, good.annotated) == ((), None)
    assert (worse.decision, worse.decided_by) == (Decision.FAIL, "anomaly")
    assert (await recipe(line, detector="names")).detector is DetectorUse.NAMES
    assert (await judged(line, faint(), "named again")).decision is Decision.PASS


async def test_a_defect_below_the_limit_or_too_small_fails_no_part(line, bus, blobs):
    await use(bus, blobs, detector_bytes(), sure_above=0.05, fails_above=0.5)
    await recipe(line, detector="decides", mm_per_pixel_x=0.1)
    assert (await judged(line, faint(), "below")).decision is Decision.PASS

    await use(bus, blobs, detector_bytes(), "v-strict", sure_above=0.05, fails_above=0.07)
    assert (await judged(line, faint(), "above")).decision is Decision.FAIL
    await recipe(line, min_area_mm2=1e6)
    assert (await judged(line, faint(), "small")).decision is Decision.PASS


async def test_a_shadow_weighs_its_own_detector_where_one_decides(line, bus, blobs):
    await use(bus, blobs, detector_bytes(), sure_above=0.05, fails_above=0.5)
    await recipe(line, detector="decides")
    strict = await made(blobs, detector_bytes(), "v-strict", sure_above=0.05, fails_above=0.07)
    shadow = Trial(rollout_id="r-1", role=TrialRole.SHADOW, model=strict, thresholds=LIMITS)
    await bus.ask(station.SET_MODEL, SetModel(station_id="line", trial=shadow, at=build.NOON), timeout=30)

    bad, good = await judged(line, faint(), "faint"), await judged(line, picture(128), "good")

    for part, silent in ((bad, Decision.FAIL), (good, Decision.PASS)):
        assert part.trial is not None
        assert (part.decision, part.trial.decision, part.trial.error) == (Decision.PASS, silent, None)


async def test_a_detector_decides_only_with_a_limit_of_its_own(line, bus, blobs):
    with pytest.raises(Invalid, match="has no detector") as refused:
        await recipe(line, detector="decides")
    assert "detector" in refused.value.problem.fields
    await use(bus, blobs, detector_bytes())
    with pytest.raises(Invalid, match="too few good parts were left out of its learning"):
        await recipe(line, detector="decides")

    await use(bus, blobs, detector_bytes(), "v-limit", fails_above=0.9)
    await recipe(line, detector="decides")
    with pytest.raises(Invalid, match="detector: 'decides'"):
        await use(bus, blobs, detector_bytes())
    assert (await judged(line, picture(128), "part")).model_version == "v-limit"

    back = await use(bus, blobs, detector_bytes(), kind=DeploymentKind.ROLLBACK)
    assert back.recipe.detector is DetectorUse.NAMES


async def test_a_part_is_not_judged_where_the_detector_that_decides_is_gone(line, bus, blobs, settings):
    await use(bus, blobs, detector_bytes(), fails_above=0.9)
    await recipe(line, detector="decides")
    rule = rule_of(await line.ask(station.GET, station.GetStation(id="line")))
    assert rule is not None
    assert rule.model.detector is not None
    await blobs.delete(rule.model.detector.file.key)
    host = ModelHost()
    # A replica on another machine, which never had the file.
    opinions = Opinions(ModelShelf(blobs, host, settings.serving, settings.data / "elsewhere"), seconds=5.0)
    try:
        with pytest.raises(NoModel, match="missing in the object store"):
            await opinions.answer(Plan(rule), np.zeros((256, 256, 3), np.uint8))
        named = replace(rule, detector=DetectorUse.NAMES)
        assert (await opinions.answer(Plan(named), np.zeros((256, 256, 3), np.uint8))).rule is named
    finally:
        await host.close()


async def test_an_outline_comes_into_the_record_with_its_area(line, bus, blobs):
    await use(bus, blobs, detector_bytes(masks=True), sure_above=0.9)

    found = [each for each in (await judged(line, disc(), "part")).detections if each.class_name == "spot"]

    assert found
    assert {each.area_method for each in found} == {"mask"}
    for each in found:
        drawn = np.zeros((640, 640), np.uint8)
        cv2.fillPoly(drawn, [np.array(ring) for ring in each.outline], (1,))
        assert drawn.sum() == pytest.approx(each.area_px, rel=0.1)
