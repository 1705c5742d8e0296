"""Pictures taken on demand by the running service: of a folder, the rendered plate, a stream, a snapshot."""

import asyncio
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from andon.contracts import Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable, camera, inspection
from andon.contracts.camera import CameraState, FolderSource, HttpSource, PlateSource, RtspSource, UsbSource
from andon.inspection.app import InspectionSettings
from andon.inspection.handlers.capture import CameraSettings
from andon.inspection.store.cameras import CameraStore
from andon.security import Safe
from andon.storage import Blobs, Mongo

sys.path.insert(0, str(Path(__file__).parent))
from camera_server import CameraServer, ok
from line_service import judging_line, picture


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    return InspectionSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        s3=blob_settings,
        data=tmp_path / "data",
        camera=CameraSettings(roots=(tmp_path,), seconds=2),
    )


@pytest.fixture
async def line(settings):
    async with judging_line(settings) as line:
        yield line


async def looks_through(line, source, station_id="line"):
    return await line.ask(camera.PUT, camera.PutCamera(station_id=station_id, source=source, by="eve"))


async def capture(line, **changes):
    return await line.ask(camera.CAPTURE, camera.CaptureFrame(station_id="line", **changes), timeout=15)


async def state(line):
    return await line.ask(camera.GET, camera.GetCamera(station_id="line"))


@pytest.mark.long
async def test_a_folder_shows_its_images_in_turn_also_when_many_ask_at_once(line, tmp_path, settings):
    for name, spot in (("1.jpg", None), ("2.jpg", 255), ("3.JPG", 170)):
        (tmp_path / name).write_bytes(picture(spot))
    (tmp_path / "notes.txt").write_text("no image")
    await looks_through(line, FolderSource(folder=str(tmp_path)))
    parts = [await capture(line, part_id=f"P {n}") for n in range(4)]
    assert [part.decision for part in parts] == ["pass", "fail", "uncertain", "pass"]
    assert (parts[1].part_id, parts[1].station_id, parts[1].source) == ("P 1", "line", "camera")
    assert await line.ask(inspection.GET, inspection.GetInspection(id=parts[1].id)) == parts[1]
    async with Blobs(settings.s3) as blobs:
        assert await blobs.get(parts[1].image.key) == picture(255)
    at_once = await asyncio.gather(*(capture(line) for _ in range(6)))
    decisions = [part.decision for part in at_once]
    assert all(decisions.count(each) == 2 for each in ("pass", "fail", "uncertain"))
    seen = await state(line)
    assert (seen.state, seen.captured, seen.failures, seen.changed_by) == (CameraState.OK, 10, 0, "eve")
    assert seen.last_frame_at == max(part.captured_at for part in [*parts, *at_once])


async def test_an_address_lies_sealed_and_only_the_same_secret_looks_through_it(settings):
    sealing = settings.camera.model_copy(update={"seal": SecretStr("a long secret of the operator")})
    async with CameraServer(picture=picture()) as server:
        source = HttpSource(url=server.url("/a.jpg?token=s3cret"))
        async with judging_line(settings.model_copy(update={"camera": sealing})) as line:
            shown = await looks_through(line, source)
            assert (await capture(line)).decision == "pass"
            assert await looks_through(line, shown.source) == shown.model_copy(
                update={"changed_at": (await state(line)).changed_at}
            )
            assert (await capture(line)).decision == "pass"
        async with Mongo(settings.mongo) as mongo:
            kept = await CameraStore(mongo.database("inspection"), Safe(SecretStr(""))).get("line")
            assert "s3cret" not in kept.model_dump_json()
        async with judging_line(settings) as line:
            with pytest.raises(Unavailable, match="sealed with another secret"):
                await capture(line)
            with pytest.raises(Invalid, match=r"source\.url"):
                await looks_through(line, shown.source)
            await looks_through(line, source)
            assert (await capture(line)).decision == "pass"


async def test_a_bad_image_in_a_folder_is_said_and_passed_over(line, tmp_path):
    (tmp_path / "1.jpg").touch()
    (tmp_path / "2.jpg").write_bytes(b"no image")
    (tmp_path / "3.jpg").write_bytes(picture())
    await looks_through(line, FolderSource(folder=str(tmp_path)))
    for why in ("empty", "no picture"):
        with pytest.raises(Unavailable, match=why):
            await capture(line)
    seen = await state(line)
    assert (seen.state, seen.failures, seen.captured) == (CameraState.AWAY, 2, 0)
    assert "no picture" in seen.last_failure
    assert (await capture(line)).decision == "pass"
    assert (await state(line)).failures == 0


@pytest.mark.long
async def test_the_rendered_plate_is_a_camera_of_its_own(line):
    await looks_through(line, PlateSource(seed=3))
    first, second = await capture(line), await capture(line)
    assert (first.width, first.height) == (1280, 1024)
    assert first.image.sha256 != second.image.sha256
    await looks_through(line, PlateSource(seed=3))
    assert (await capture(line)).image.sha256 == first.image.sha256


@pytest.mark.long
async def test_a_trigger_that_comes_twice_is_one_part(line):
    await looks_through(line, PlateSource())
    first, second = await capture(line, frame_id="plc-1"), await capture(line, frame_id="plc-1")
    assert first == second


@pytest.mark.long
async def test_a_stream_and_a_snapshot_are_judged_too_and_an_outage_is_said(line):
    async with CameraServer(picture=picture(255)) as server:
        await looks_through(line, RtspSource(url=server.url("/stream", user="eve:s3cret")))
        assert (await capture(line)).decision == "fail"
        server.picture = picture()
        assert (await capture(line)).decision == "pass"
        await looks_through(line, HttpSource(url=server.url("/a.jpg?token=s3cret")))
        assert (await capture(line)).image.size == len(server.picture)
        server.answers["/a.jpg"] = ok(b"<html>sign in</html>")
        with pytest.raises(Unavailable, match="no picture"):
            await capture(line)
    with pytest.raises(Unavailable, match="does not answer") as error:
        await capture(line)
    seen = await state(line)
    listed = await line.ask(camera.LIST, camera.ListCameras())
    assert listed.cameras == (seen,)
    assert (seen.state, seen.failures) == (CameraState.AWAY, 2)
    assert "s3cret" not in f"{error.value}{listed.model_dump_json()}"
    assert seen.source.url.endswith("token=***")
    assert await looks_through(line, seen.source)


@pytest.mark.long
async def test_a_usb_camera_that_is_not_there_is_away(line):
    await looks_through(line, UsbSource(device=63))
    with pytest.raises(Unavailable, match="can't be opened"):
        await capture(line)


async def test_without_camera_station_or_model_it_is_said_which(line, tmp_path):
    with pytest.raises(Conflict, match="no camera"):
        await capture(line)
    with pytest.raises(NotFound, match="nowhere"):
        await line.ask(camera.CAPTURE, camera.CaptureFrame(station_id="nowhere"))
    await looks_through(line, PlateSource(), station_id="default")
    with pytest.raises(Refused, match="no model yet") as error:
        await line.ask(camera.CAPTURE, camera.CaptureFrame(station_id="default"), timeout=15)
    assert error.value.problem.status == 422


@pytest.mark.long
async def test_what_can_not_be_a_camera_is_refused_by_its_field(line, subtests):
    cases = [
        (FolderSource(folder="/etc"), Forbidden, r"source\.folder"),
        (FolderSource(folder="../etc"), Refused, r"source\.folder"),
        (RtspSource(url="file:///etc/passwd"), Invalid, r"source\.url"),
        (HttpSource(url="rtsp://cam/"), Invalid, r"source\.url"),
    ]
    for source, error, field in cases:
        with subtests.test(str(source)), pytest.raises(error, match=field):
            await looks_through(line, source)
    with pytest.raises(NotFound, match="nowhere"):
        await looks_through(line, PlateSource(), station_id="nowhere")
    assert (await line.ask(camera.LIST, camera.ListCameras())).cameras == ()


async def test_a_camera_that_was_taken_away_is_gone(line):
    await looks_through(line, PlateSource())
    await line.ask(camera.REMOVE, camera.RemoveCamera(station_id="line"), timeout=5)
    for query, question in ((camera.GET, camera.GetCamera), (camera.REMOVE, camera.RemoveCamera)):
        with pytest.raises(NotFound, match="no camera"):
            await line.ask(query, question(station_id="line"))
