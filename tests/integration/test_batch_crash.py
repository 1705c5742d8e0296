"""The inspection service dies by SIGKILL in the middle of a batch job; the next one ends it, file by file."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from andon.contracts import INTEGRATIONS, Unavailable, batch, inspection
from andon.contracts.batch import JobState
from andon.inspection.app import InspectionSettings
from andon.messaging import Service
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "inspection" / "tests"))
from line_service import Line, picture, taught

pytestmark = pytest.mark.long

FILES = 120


def environment(settings: InspectionSettings, roots: Path) -> dict[str, str]:
    s3, bus, mongo = settings.s3, settings.bus, settings.mongo
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return own | {
        "ANDON_BUS__URL": bus.url,
        "ANDON_MONGO__URI": mongo.uri,
        "ANDON_MONGO__PREFIX": mongo.prefix,
        "ANDON_S3__ENDPOINT": s3.endpoint,
        "ANDON_S3__ACCESS_KEY": s3.access_key,
        "ANDON_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
        "ANDON_S3__BUCKET": s3.bucket,
        "ANDON_DATA": str(settings.data),
        "ANDON_BATCH__ROOTS": f'["{roots}"]',
        "ANDON_BATCH__LEASE_SECONDS": "1",
        "ANDON_BATCH__POLL_SECONDS": "0.2",
    }


async def started(variables: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "inspection",
        env=variables, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.mark.timeout(120)
async def test_a_killed_service_neither_loses_nor_doubles_a_file(
    bus_settings, mongo_settings, blob_settings, tmp_path
):
    folder = tmp_path / "shift"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:03}.jpg").write_bytes(picture([None, 255][number % 2]))
    settings = InspectionSettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path / "d"
    )
    variables = environment(settings, tmp_path)
    async with Line(bus_settings) as line:
        process = await started(variables)
        try:
            await eventually(lambda: answers(line), within=40)
            await taught(line, settings)
            wanted = batch.CreateJob(name="night", input_dir=str(folder), station_id="line")
            job = await line.ask(batch.CREATE, wanted)
            await line.ask(batch.START, batch.StartJob(id=job.id))
            for share in (0.2, 0.5):
                await eventually(lambda share=share: len(line.parts) > share * FILES, within=40, every=0.005)
                process.kill()
                await process.wait()
                assert ended(line) is None
                process = await started(variables)
            done = await eventually(lambda: ended(line), within=60)
        finally:
            await end(process)
    assert done is not None
    assert len(line.parts) < FILES * 1.2
    frames = {part.frame_id for part in line.parts}
    assert frames == {f"batch/{job.id}/{number:03}.jpg" for number in range(FILES)}
    assert (done.status, done.processed_files, done.failed_files) == (JobState.COMPLETED, FILES, 0)
    assert (done.passed, done.failed) == (FILES // 2, FILES // 2)
    async with Service(INTEGRATIONS, bus_settings) as bus:
        process = await started(variables)
        try:
            await eventually(lambda: answers(bus), within=40)
            listed = await bus.ask(inspection.LIST, inspection.ListInspections(station_id="line", limit=500))
            counted = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(station_id="line"))
            files = await bus.ask(batch.RESULTS, batch.ListResults(id=job.id, limit=500))
        finally:
            await end(process)
    assert listed.total == len(listed.items) == counted.total_inspections == FILES
    assert {one.inspection_id for one in files.items} == {part.id for part in listed.items}


async def answers(bus: Service) -> bool:
    try:
        await bus.ask(batch.LIST, batch.ListJobs(), timeout=0.5)
    except Unavailable:
        return False
    return True


def ended(line: Line) -> batch.BatchJob | None:
    over = [job for job in line.jobs if job.status in (JobState.COMPLETED, JobState.FAILED)]
    return over[0] if over else None
