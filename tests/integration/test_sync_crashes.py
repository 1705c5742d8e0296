"""Either side dies by SIGKILL amid a chunk; the next one goes on, and nothing is lost or doubled."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from andon.contracts.sync import SyncStatus
from andon.gateway.cvlab.sync import sending
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import UID, Plant, ended, environment, gateway, service

pytestmark = pytest.mark.long

MEBIBYTE = 1 << 20


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings, monkeypatch) -> AsyncIterator[Plant]:
    monkeypatch.setattr(sending, "CHUNK_SECONDS", 2.0)
    monkeypatch.setattr(sending, "SECONDS", 4.0)
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant:
        yield plant


async def worker(plant: Plant, folder: Path, *options: str) -> Process:
    main = "import sys; from andon.runtime.cli import main; sys.exit(main())"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", main, "--data", str(folder.parent / "data"), "sync", str(folder),
        "--url", plant.url, "--uid", UID, *options,
        env=environment(plant, ANDON_KEY=plant.token), stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip


def filled(folder: Path) -> dict[str, bytes]:
    dice = random.Random(7)
    files = {"train.log": dice.randbytes(16 * MEBIBYTE), "model.pt": dice.randbytes(16 * MEBIBYTE)}
    files |= {f"small/{number}.yaml": dice.randbytes(2000) for number in range(300)}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return files


@pytest.mark.timeout(120)
async def test_a_killed_service_loses_nothing(plant: Plant, tmp_path: Path):
    folder = tmp_path / "run"
    files = filled(folder)
    process = await service(plant)
    try:
        async with plant.syncing(folder) as work:
            going = asyncio.create_task(work.finish())
            for share in (0.2, 0.5):
                far = share * 32 * MEBIBYTE
                await eventually(lambda far=far: work.stats.read_bytes > far, within=40, every=0.002)
                await ended(process)
                process = await service(plant)
            assert await going is SyncStatus.SYNCED
        assert await plant.everything() == files
    finally:
        await ended(process)


@pytest.mark.timeout(120)
async def test_a_killed_worker_goes_on_where_it_was(plant: Plant, tmp_path: Path):
    folder = tmp_path / "run"
    files = filled(folder)

    async def kept() -> int:
        answer = await plant.http.get(f"/api/sync/files/{UID}")
        return sum(each["size"] for each in answer.json().get("files", ()))

    async with plant.sync():
        first = await worker(plant, folder)
        try:
            await eventually(lambda: reached(kept, 3 * MEBIBYTE), within=40, every=0.02)
        finally:
            await ended(first)
        second = await worker(plant, folder, "--once", "--patience", "30")
        try:
            assert second.stdout
            told = (await second.stdout.read()).decode()
            assert await second.wait() == 0
        finally:
            await ended(second)
        assert told.startswith("synced: ")
        assert int(told.split()[1]) < sum(map(len, files.values()))
        assert await plant.everything() == files
        idle = await worker(plant, folder, "--dry-run")
        try:
            assert idle.stdout
            assert (await idle.stdout.read()).startswith(b"0 files")
        finally:
            await ended(idle)


async def reached(kept, size: int) -> bool:
    return await kept() > size
