"""The running inspection service on a real bus, database and object store, with a real model."""

import asyncio
import io
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from andon.contracts import (
    Invalid,
    NotFound,
    Refused,
    TooLarge,
    UnsupportedMedia,
    inspection,
    station,
    training,
)
from andon.contracts.inspection import Decision
from andon.inspection.app import SERVICE, InspectingSettings, InspectionSettings
from andon.messaging import ParkedMessages, Service
from andon.runtime import serving
from andon.storage import Blobs
from andon.testing import build, eventually

sys.path.insert(0, str(Path(__file__).parent))
from bright_model import LIMITS, deployed, stored


def picture(level: int = 128, spot: int | None = None, size: tuple[int, int] = (640, 512)) -> bytes:
    pixels = np.full((size[1], size[0], 3), level, np.uint8)
    if spot is not None:
        pixels[100:200, 300:400] = spot
    return simplejpeg.encode_jpeg(pixels, quality=95)


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    return InspectionSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        s3=blob_settings,
        data=tmp_path,
        inspecting=InspectingSettings(refresh_seconds=0.2),
    )


@pytest.fixture
async def blobs(blob_settings):
    async with Blobs(blob_settings) as blobs:
        yield blobs


class Listener(Service):
    """The line's side of the bus, with what it heard."""

    def __init__(self, settings):
        super().__init__("integrations", settings)
        self.heard: list = []
        self.follows((inspection.PART_JUDGED, inspection.FRAME_REFUSED), self._hear, after=self._start)

    async def _hear(self, message, _):
        self.heard.append(message)

    async def _start(self):
        return 0


@pytest.fixture
async def bus(settings):
    async with Listener(settings.bus) as bus:
        yield bus


@pytest.fixture
async def line(settings, bus, blobs):
    """The service, with station `line` judging by the bright model at 0.5 x 0.2 mm a pixel."""
    async with serving(SERVICE, settings):
        wanted = station.PutStation(id="line", mm_per_pixel_x=0.5, mm_per_pixel_y=0.2)
        await bus.ask(station.PUT, wanted)
        ref = await stored(blobs)
        await bus.say(training.MODEL_DEPLOYED, deployed(ref, "line"))
        await eventually(lambda: judging(bus, "line"), within=30)
        yield ref


async def judging(bus, name):
    return (await bus.ask(station.GET, station.GetStation(id=name))).mode is station.Mode.JUDGE


def frame(number=1, **changes):
    return build.frame(
        **({"station_id": "line", "frame_id": f"f{number}", "part_id": f"p{number}"} | changes)
    )


async def show(bus, data, number=1, **changes):
    await bus.say(inspection.FRAME_CAPTURED, frame(number, **changes), once=f"f{number}", body=data)


async def heard(bus, count=1):
    await eventually(lambda: len(bus.heard) >= count, within=20)
    return bus.heard


async def test_a_frame_becomes_a_judged_part_with_its_evidence(line, bus, blobs):
    data = picture(spot=255)
    await show(bus, data)
    [part] = await heard(bus)
    assert (part.decision, part.part_id, part.station_id) == (Decision.FAIL, "p1", "line")
    assert part.anomaly_score == pytest.approx(127, abs=2)
    [found] = part.detections
    assert found.bbox == pytest.approx((300, 100, 400, 200), abs=20)  # a cell is 20 x 16 pixels
    assert found.area_px == pytest.approx(100 * 100, rel=0.02)
    assert found.area_mm2 == pytest.approx(found.area_px * 0.5 * 0.2)
    assert (part.width, part.height, part.model_digest) == (640, 512, line.digest)
    assert await blobs.get(part.image.key) == data
    drawn = simplejpeg.decode_jpeg(await blobs.get(part.annotated.key))
    assert drawn.shape[:2] == (part.annotated.height, part.annotated.width)
    assert not np.allclose(drawn, simplejpeg.decode_jpeg(data), atol=20)
    assert await bus.ask(inspection.GET, inspection.GetInspection(id=part.id)) == part


@pytest.mark.parametrize(
    ("spot", "decision"), [(None, Decision.PASS), (170, Decision.UNCERTAIN), (250, Decision.FAIL)]
)
async def test_the_decision_follows_the_score(line, bus, spot, decision):
    part = await bus.ask(inspection.INSPECT, frame(), body=picture(spot=spot))
    assert part.decision is decision
    assert part.source == "http"
    assert part.objects_found == len(part.detections) == (0 if decision is Decision.PASS else 1)


async def test_a_defect_over_the_whole_picture_has_an_area_too(line, bus):
    pixels = np.full((512, 640, 3), 250, np.uint8)
    pixels[:, :200] = 5
    part = await bus.ask(inspection.INSPECT, frame(), body=simplejpeg.encode_jpeg(pixels, quality=95))
    [found] = part.detections
    assert found.area_px == pytest.approx(200 * 512, rel=0.02)


async def test_many_frames_are_each_judged_once_and_counted_once(line, bus):
    spots = [None, None, 170, 255]
    await asyncio.gather(*(show(bus, picture(spot=spots[n % 4]), n) for n in range(60)))
    await asyncio.gather(*(show(bus, picture(spot=spots[n % 4]), n) for n in range(60)))
    parts = await heard(bus, 60)
    assert Counter(part.decision for part in parts) == {"pass": 30, "uncertain": 15, "fail": 15}
    figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(station_id="line"))
    assert (figures.total_inspections, figures.passed, figures.failed, figures.uncertain) == (60, 30, 15, 15)
    assert figures.defect_breakdown == {"anomaly": 30}
    listed = await bus.ask(
        inspection.LIST, inspection.ListInspections(decision=Decision.FAIL, limit=10, offset=10)
    )
    assert listed.total == 15
    assert len(listed.items) == 5
    shown = await bus.ask(inspection.TRENDS, inspection.GetTrends(hours=3))
    assert sum(shown.total) == 60
    assert len(shown.labels) == 3


async def test_frames_wait_in_the_object_store_when_they_are_too_large_for_the_bus(line, bus, blobs):
    await blobs.put("incoming/1", picture(spot=255))
    await show(bus, b"", object_key="incoming/1")
    [part] = await heard(bus)
    assert part.decision is Decision.FAIL


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (20_000, 6_000)).save(out, "PNG")
    return out.getvalue()


BAD = [
    ("not an image", b"hello, I am text", UnsupportedMedia),
    ("truncated", picture()[:2000], Invalid),
    ("empty", b"", Invalid),
    ("bomb", bomb(), TooLarge),
    ("wrong type", b"GIF89a" + bytes(100), UnsupportedMedia),
]


@pytest.mark.parametrize("bad", BAD, ids=[name for name, *_ in BAD])
async def test_what_is_no_image_is_refused_clearly_and_never_called_uncertain(line, bus, settings, bad):
    _, data, error = bad
    with pytest.raises(error):
        await bus.ask(inspection.INSPECT, frame(9), body=data)
    await show(bus, data)
    [refused] = await heard(bus)
    assert isinstance(refused, inspection.FrameRefused)
    assert (refused.frame_id, refused.code) == ("f1", error.code)
    listed = await bus.ask(inspection.REFUSED, inspection.ListRefused(station_id="line"))
    assert listed.items == (refused,)
    async with ParkedMessages(settings.bus) as parked:
        [letter] = await eventually(lambda: parked.list(10))
    assert refused.reason in letter.reason
    figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics())
    assert figures.total_inspections == 0


async def test_an_unknown_station_and_one_without_a_model_are_said_so(line, bus):
    with pytest.raises(NotFound, match="nowhere"):
        await bus.ask(inspection.INSPECT, frame(station_id="nowhere"), body=picture())
    with pytest.raises(Refused, match="no model yet") as error:
        await bus.ask(inspection.INSPECT, frame(station_id="default"), body=picture())
    assert error.value.problem.status == 422
    await show(bus, picture(), station_id="nowhere")
    [refused] = await heard(bus)
    assert refused.code == "not_found"


async def test_a_model_whose_file_is_gone_is_said_so_and_the_station_goes_on_with_the_old(line, bus, blobs):
    other = await stored(blobs, grey=100)
    await blobs.delete(other.fp32.key)
    await bus.say(training.MODEL_DEPLOYED, deployed(other, "line"))
    await show(bus, picture())
    [part] = await heard(bus)
    assert part.model_digest == line.digest


async def test_a_teaching_station_keeps_good_examples_and_judges_nothing(line, bus, blobs):
    await asyncio.gather(*(show(bus, picture(100 + n), n, station_id="default") for n in range(5)))
    await show(bus, b"no image", 9, station_id="default")

    async def five():
        return (await bus.ask(station.GET, station.GetStation(id="default"))).samples == 5

    await eventually(five)
    taught = await bus.ask(station.SAMPLES, station.ListSamples(station_id="default"))
    assert [sample.frame_id for sample in taught.samples] != []
    assert await blobs.get(taught.samples[0].key)
    [refused] = await heard(bus)
    assert refused.code == "unsupported_media"


async def test_a_swap_drops_nothing_and_every_part_names_the_model_that_judged_it(line, bus, blobs):
    new = await stored(blobs, grey=60)

    async def feed():
        for n in range(80):
            await show(bus, picture(128), n)

    feeding = asyncio.create_task(feed())
    await heard(bus, 10)
    await bus.say(training.MODEL_DEPLOYED, deployed(new, "line"))
    await feeding
    parts = await heard(bus, 80)
    assert len({part.id for part in parts}) == 80
    for part in parts:
        expected = 0 if part.model_digest == line.digest else 68
        assert part.anomaly_score == pytest.approx(expected, abs=2)
    numbers = count(1000)  # a frame that was judged keeps its first judgement

    async def swapped():
        part = await bus.ask(inspection.INSPECT, frame(next(numbers)), body=picture())
        return part.model_digest == new.digest

    await eventually(swapped)


async def test_the_recipes_sampling_leaves_out_passed_parts_alone(line, bus):
    await bus.ask(station.PUT, station.PutStation(id="line", evidence=station.Evidence(keep_passed=0)))
    good = await bus.ask(inspection.INSPECT, frame(1), body=picture())
    bad = await bus.ask(inspection.INSPECT, frame(2), body=picture(spot=255))
    assert good.image is None
    assert good.annotated is None
    assert bad.image is not None
    assert bad.annotated is not None


async def test_a_deleted_record_takes_its_evidence_along(line, bus, blobs):
    part = await bus.ask(inspection.INSPECT, frame(), body=picture(spot=255))
    await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=part.id, by="me"))
    with pytest.raises(NotFound):
        await bus.ask(inspection.GET, inspection.GetInspection(id=part.id))
    with pytest.raises(NotFound):
        await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=part.id, by="me"))
    assert not await blobs.exists(part.image.key)
    assert not await blobs.exists(part.annotated.key)
    figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics())
    assert figures.total_inspections == 0


async def test_only_the_region_of_the_recipe_is_looked_at(line, bus):
    region = station.Region(x=0, y=0.5, width=1, height=0.5)
    await bus.ask(station.PUT, station.PutStation(id="line", region=region))
    outside = await bus.ask(inspection.INSPECT, frame(1), body=picture(spot=255))
    assert outside.decision is Decision.PASS
    pixels = np.full((512, 640, 3), 128, np.uint8)
    pixels[400:480, 100:200] = 255
    inside = await bus.ask(inspection.INSPECT, frame(2), body=simplejpeg.encode_jpeg(pixels, quality=95))
    assert inside.decision is Decision.FAIL
    assert inside.detections[0].bbox == pytest.approx((100, 400, 200, 480), abs=20)
    assert LIMITS.fail_above < inside.anomaly_score
