"""`andon sync` on a machine that sleeps and whose clock jumps, before a server that has enough to do."""

import asyncio
import json
import os
import pty
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from andon.contracts import Event
from andon.contracts.sync import EXPERIMENT_CHANGED, FILE_CHANGED, SyncStatus
from andon.runtime import serving
from andon.sync import app
from andon.sync.app import SERVICE, EngineSettings, SyncSettings
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import UID, Plant, ended, environment, gateway

pytestmark = pytest.mark.long

MEBIBYTE = 1 << 20


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings) -> AsyncIterator[Plant]:
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant:
        yield plant


@asynccontextmanager
async def worker(plant: Plant, folder: Path, *options: str, screen: int = DEVNULL) -> AsyncIterator[Process]:
    main = "import sys; from andon.runtime.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", main, "--data", str(folder.parent / "data"), "sync", str(folder),
        "--url", plant.url, "--uid", UID, *options,
        env=environment(plant, ANDON_KEY=plant.token, TERM="xterm"), stdout=PIPE, stderr=screen,
    )  # fmt: skip
    try:
        yield process
    finally:
        await ended(process)


async def test_a_worker_that_slept_goes_on_and_compares_all_at_its_end(plant: Plant, tmp_path: Path):
    log = tmp_path / "run/train.log"
    log.parent.mkdir()
    log.write_bytes(b"epoch 1\n")

    async def arrived() -> bool:
        return (await plant.everything() if await known() else {}) == {"train.log": log.read_bytes()}

    async def known() -> bool:
        return (await plant.http.get(f"/api/sync/files/{UID}")).status_code == 200

    async with worker(plant, log.parent) as process:
        async with plant.sync():
            await eventually(arrived, within=40)
            process.send_signal(signal.SIGSTOP)
            log.write_bytes(b"epoch 1\nepoch 2\nhalf a li")
        async with plant.sync():
            process.send_signal(signal.SIGCONT)
            await eventually(arrived, within=40)
            process.send_signal(signal.SIGINT)
            assert process.stdout
            told = await asyncio.wait_for(process.stdout.read(), 40)
            assert (told.startswith(b"synced: "), await process.wait()) == (True, 0)


async def test_a_person_sees_how_far_it_is(plant: Plant, tmp_path: Path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "train.log").write_bytes(b"epoch 1\n")
    eye, screen = pty.openpty()
    shown = bytearray()
    asyncio.get_running_loop().add_reader(eye, lambda: shown.extend(os.read(eye, 4096)))
    try:
        async with plant.sync(), worker(plant, folder, "--once", screen=screen) as process:
            assert await asyncio.wait_for(process.wait(), 40) == 0
            await eventually(lambda: b"files looked at" in shown)
    finally:
        asyncio.get_running_loop().remove_reader(eye)
        os.close(eye)
        os.close(screen)


async def test_no_clock_is_relied_on(plant: Plant, tmp_path: Path, monkeypatch):
    jump = timedelta()
    monkeypatch.setattr(app, "_now", lambda: datetime.now(UTC) + jump)
    log, table = tmp_path / "train.log", tmp_path / "a.yaml"
    log.write_bytes(b"epoch 1\n")
    table.write_bytes(b"lr: 1")
    for file, year in ((log, 2099), (table, 1971)):
        moment = datetime(year, 1, 1, tzinfo=UTC).timestamp()
        os.utime(file, (moment, moment))
    async with plant.sync(), plant.syncing(tmp_path) as work:
        await work.pass_over()
        for jump in (timedelta(hours=-3), timedelta(days=400)):
            before = table.stat()
            with log.open("ab") as out:
                out.write(b"epoch more\n")
            table.write_bytes(b"lr: 2" if before.st_size and jump < timedelta() else b"lr: 3")
            os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert await work.finish() is SyncStatus.SYNCED
            assert await plant.read("train.log") == log.read_bytes()
            assert await plant.read("a.yaml") == table.read_bytes()


async def test_a_server_with_enough_in_work_is_waited_for(plant: Plant, tmp_path: Path):
    files = {f"{number}.log": os.urandom(6 * MEBIBYTE) for number in range(4)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    waits: list[str] = []
    engine = EngineSettings(bytes_in_work=8 * MEBIBYTE)
    settings = SyncSettings(bus=plant.bus, mongo=plant.mongo, s3=plant.s3, engine=engine)
    async with serving(SERVICE, settings), plant.syncing(tmp_path) as work:
        work.server.on_wait = lambda why, _seconds: waits.append(why)
        assert await work.finish() is SyncStatus.SYNCED
    assert any("as many uploads in work as it takes" in why for why in waits)
    async with plant.sync():
        assert await plant.everything() == files


async def test_dashboards_hear_a_log_s_new_lines_and_how_the_experiment_stands(plant: Plant, tmp_path: Path):
    told: list[tuple[str, dict[str, Any]]] = []

    async def listen() -> None:
        start, name = {"Last-Event-ID": "0"}, ""
        async with plant.http.stream("GET", "/api/v1/events", headers=start, timeout=None) as answer:
            async for line in answer.aiter_lines():
                key, _, value = line.partition(": ")
                name = value if key == "event" else name
                if key == "data":
                    told.append((name, json.loads(value)))

    def heard(subject: Event[Any], **fields: Any) -> bool:
        return any(name == subject.address and fields.items() <= data.items() for name, data in told)

    listening = asyncio.create_task(listen())
    try:
        async with plant.sync(), plant.syncing(tmp_path) as work:
            await eventually(lambda: heard(EXPERIMENT_CHANGED, uid=UID, status="pending"), within=20)
            with (tmp_path / "train.log").open("ab", buffering=0) as log:
                for line in ("epoch 1\n", "epoch 2\n"):
                    log.write(line.encode())
                    await work.pass_over()
                    await eventually(lambda line=line: heard(FILE_CHANGED, path="train.log", text=line), 20)
            await work.finish()
            await eventually(lambda: heard(EXPERIMENT_CHANGED, uid=UID, status="synced"), within=20)
    finally:
        listening.cancel()
        await asyncio.wait({listening})
