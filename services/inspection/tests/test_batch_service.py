"""Batch jobs in the running service, over folders and archives, good and bad."""

import asyncio
import io
import sys
import zipfile
from pathlib import Path

import pytest

from andon.contracts import BadRequest, Conflict, Forbidden, Invalid, NotFound, Refused, batch, inspection
from andon.contracts.batch import FileState, JobState
from andon.inspection.app import InspectionSettings
from andon.inspection.handlers.batch_run import BatchSettings
from andon.storage import Blobs
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from line_service import judging_line, picture

ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "shift a"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    return InspectionSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        s3=blob_settings,
        data=tmp_path / "data",
        batch=BatchSettings(roots=(tmp_path,), files=3000, concurrent=2),
    )


@pytest.fixture
async def line(settings):
    async with judging_line(settings) as line:
        yield line


def fill(folder, count, start=0):
    for number in range(start, start + count):
        (folder / f"{number:04}.jpg").write_bytes(picture([None, 255, 170][number % 3]))


async def created(line, folder, **changes):
    wanted = {"name": "Shift A", "input_dir": str(folder), "station_id": "line", "by": "eve"} | changes
    return await line.ask(batch.CREATE, batch.CreateJob.model_validate(wanted))


async def read(line, job):
    return await line.ask(batch.GET, batch.GetJob(id=job.id))


async def ended(line, job, within=10):
    async def look():
        found = await read(line, job)
        assert found.status in ENDED, found
        return found

    return await eventually(look, within)


async def run(line, job):
    await line.ask(batch.START, batch.StartJob(id=job.id))
    return await ended(line, job)


async def results(line, job, **page):
    return await line.ask(batch.RESULTS, batch.ListResults(id=job.id, **page))


@pytest.mark.long
async def test_a_folder_is_judged_file_by_file_and_a_bad_file_stops_nothing(line, folder):
    fill(folder, 12)
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("hello")
    (folder / "other.png").write_bytes(b"not looked at")
    job = await created(line, folder)
    assert (job.status, job.total_files, job.file_pattern) == (JobState.PENDING, 14, "*.jpg")
    assert (job.created_by, job.input_directory) == ("eve", str(folder))
    done = await run(line, job)
    assert done.status is JobState.COMPLETED
    assert (done.processed_files, done.failed_files, done.progress_percent) == (14, 2, 100)
    assert (done.passed, done.failed, done.uncertain) == (4, 4, 4)
    assert done.created_at <= done.queued_at <= done.started_at <= done.completed_at
    found = await results(line, job)
    assert found.total == 14
    assert [one.name for one in found.items][-3:] == ["0011.jpg", "empty.jpg", "text.jpg"]
    first, *_, empty, text = found.items
    assert (first.status, first.decision, first.objects_found) == (FileState.JUDGED, "pass", 0)
    assert (empty.status, empty.error, text.status) == (
        FileState.FAILED,
        "the file is empty",
        FileState.FAILED,
    )
    assert text.error
    part = await line.ask(inspection.GET, inspection.GetInspection(id=first.inspection_id))
    assert (part.part_id, part.source, part.station_id) == ("0000.jpg", "batch", "line")
    assert part.frame_id == f"batch/{job.id}/0000.jpg"
    figures = await line.ask(inspection.STATISTICS, inspection.GetStatistics(station_id="line"))
    assert figures.total_inspections == 12
    page = await results(line, job, limit=3, offset=12)
    assert [one.index for one in page.items] == [12, 13]
    last = await eventually(lambda: [one for one in line.jobs if one.status is JobState.COMPLETED])
    assert last[-1] == done


@pytest.mark.long
async def test_an_archive_is_judged_as_a_folder_is_and_let_go_after(line, settings):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/1.jpg", picture())
        archive.writestr("b/1.jpg", picture(spot=255))
        archive.writestr("a/2.bmp", b"BM no bitmap")
        archive.writestr("readme.txt", "no image")
    async with Blobs(settings.s3) as blobs:
        await blobs.put("batches/one", out.getvalue())
        upload = batch.Archive(key="batches/one", name="shift.zip", size=len(out.getvalue()))
        job = await created(line, None, input_dir=None, archive=upload)
        assert (job.total_files, job.input_directory, job.file_pattern) == (3, None, "*")
        waiting = await results(line, job)
        assert {one.status for one in waiting.items} == {FileState.WAITING}
        done = await run(line, job)
        assert (done.status, done.passed, done.failed, done.failed_files) == (JobState.COMPLETED, 1, 1, 1)
        found = await results(line, job)
        assert [one.name for one in found.items] == ["a/1.jpg", "b/1.jpg", "a/2.bmp"]
        assert len({one.inspection_id for one in found.items}) == 3
        assert found.items[1].decision == "fail"
        await eventually(lambda: gone(blobs))
    assert list((settings.data / "batches").iterdir()) == []


async def gone(blobs):
    return not await blobs.exists("batches/one")


async def test_a_bad_archive_makes_no_job_and_only_uploads_are_read(line, settings):
    async with Blobs(settings.s3) as blobs:
        await blobs.put("batches/bad", b"no archive")
        await blobs.put("models/secret", b"PK")
        for key, error in (
            ("batches/bad", Refused),
            ("models/secret", BadRequest),
            ("batches/none", Invalid),
        ):
            upload = batch.Archive(key=key, name="a.zip", size=10)
            with pytest.raises(error, match="archive"):
                await created(line, None, input_dir=None, archive=upload)
    assert (await line.ask(batch.LIST, batch.ListJobs())).total == 0


async def test_what_can_not_be_a_job_is_refused_by_its_field(line, folder, tmp_path, subtests):
    fill(folder, 1)
    (tmp_path / "empty").mkdir()
    cases = [
        ({"input_dir": str(tmp_path / "empty")}, BadRequest, "input_dir"),
        ({"file_pattern": "*.tiff"}, BadRequest, "input_dir"),
        ({"file_pattern": "../*.jpg"}, BadRequest, "file_pattern"),
        ({"input_dir": f"{folder}/../../etc"}, BadRequest, "input_dir"),
        ({"input_dir": "shift a"}, BadRequest, "input_dir"),
        ({"input_dir": "/etc"}, Forbidden, "input_dir"),
        ({"input_dir": str(tmp_path / "nowhere")}, Invalid, "input_dir"),
        ({"station_id": "nowhere"}, NotFound, "station_id"),
        ({"input_dir": None}, BadRequest, "input_dir"),
    ]
    for changes, error, field in cases:
        with subtests.test(str(changes)), pytest.raises(error, match=field):
            await created(line, folder, **changes)


@pytest.mark.long
async def test_only_what_is_allowed_in_a_state_can_be_done(line, folder):
    fill(folder, 2)
    job = await created(line, folder)
    done = await run(line, job)
    for query, question in ((batch.START, batch.StartJob), (batch.CANCEL, batch.CancelJob)):
        with pytest.raises(Conflict, match="completed"):
            await line.ask(query, question(id=done.id))
    fresh = await created(line, folder)
    starts = [line.ask(batch.START, batch.StartJob(id=fresh.id)) for _ in range(5)]
    outcomes = await asyncio.gather(*starts, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["BatchJob"] + ["Conflict"] * 4
    await ended(line, fresh)
    pending = await created(line, folder)
    cancelled = await line.ask(batch.CANCEL, batch.CancelJob(id=pending.id))
    assert cancelled.status is JobState.CANCELLED
    with pytest.raises(Conflict, match="cancelled"):
        await line.ask(batch.START, batch.StartJob(id=pending.id))
    await line.ask(batch.DELETE, batch.DeleteJob(id=pending.id))
    for query, question in ((batch.GET, batch.GetJob), (batch.DELETE, batch.DeleteJob)):
        with pytest.raises(NotFound):
            await line.ask(query, question(id=pending.id))
    listed = await line.ask(batch.LIST, batch.ListJobs())
    assert listed.total == 2
    assert [one.id for one in listed.items] == [fresh.id, job.id]
    only = await line.ask(batch.LIST, batch.ListJobs(status=JobState.COMPLETED, limit=1, offset=1))
    assert (only.total, [one.id for one in only.items]) == (2, [job.id])


@pytest.mark.long
async def test_a_cancel_reaches_a_running_job_within_a_second(line, folder):
    fill(folder, 400)
    job = await created(line, folder)
    await line.ask(batch.START, batch.StartJob(id=job.id))
    await eventually(lambda: any(one.processed_files > 5 for one in line.jobs if one.id == job.id))
    with pytest.raises(Conflict, match="cancel it first"):
        await line.ask(batch.DELETE, batch.DeleteJob(id=job.id))
    cancelled = await line.ask(batch.CANCEL, batch.CancelJob(id=job.id))
    assert cancelled.status is JobState.CANCELLED
    await asyncio.sleep(1)
    then = len(line.parts)
    assert then < 400
    await asyncio.sleep(1)  # would be a hundred parts more
    assert len(line.parts) == then
    left = await read(line, job)
    assert (left.status, left.passed + left.failed + left.uncertain) == (JobState.CANCELLED, then)
    said = [one.processed_files for one in line.jobs if one.id == job.id]
    assert said == sorted(said)


@pytest.mark.long
async def test_no_more_jobs_run_at_once_than_allowed_and_each_gets_its_turn(line, folder):
    fill(folder, 40)
    jobs = [await created(line, folder) for _ in range(5)]
    for job in jobs:
        await line.ask(batch.START, batch.StartJob(id=job.id))
    most = 0
    while True:
        listed = (await line.ask(batch.LIST, batch.ListJobs())).items
        most = max(most, sum(one.status is JobState.RUNNING for one in listed))
        if all(one.status is JobState.COMPLETED for one in listed):
            break
        await asyncio.sleep(0.02)
    assert most == 2
    began = [(await read(line, job)).started_at for job in jobs]
    assert began == sorted(began)
    assert len({part.id for part in line.parts}) == 200


async def test_a_station_without_a_model_fails_the_job_not_its_files(line, folder):
    fill(folder, 5)
    done = await run(line, await created(line, folder, station_id="default"))
    assert (done.status, done.processed_files) == (JobState.FAILED, 0)
    assert "no model yet" in done.error_message


async def test_a_folder_that_is_emptied_after_the_job_was_described_fails_it_clearly(line, folder):
    fill(folder, 1)
    job = await created(line, folder)
    (folder / "0000.jpg").unlink()
    done = await run(line, job)
    assert done.status is JobState.FAILED
    assert "no file" in done.error_message


@pytest.mark.long
async def test_a_job_goes_on_where_a_stopped_service_left_it(settings, folder):
    fill(folder, 150)
    async with judging_line(settings) as line:
        job = await created(line, folder)
        await line.ask(batch.START, batch.StartJob(id=job.id))
        await eventually(lambda: len(line.parts) > 20)
    async with judging_line(settings) as line:
        half = await read(line, job)
        assert half.status is JobState.RUNNING
        done = await ended(line, job)
        assert (done.status, done.processed_files, done.passed) == (JobState.COMPLETED, 150, 50)
        listed = await line.ask(inspection.LIST, inspection.ListInspections(station_id="line", limit=500))
        assert listed.total == len({part.frame_id for part in listed.items}) == 150
