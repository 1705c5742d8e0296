"""A folder and what the server has of it are the same, whatever happened on the way."""

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from andon.contracts.sync import SyncStatus
from andon.sync.domain import files
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import Plant, gateway

pytestmark = pytest.mark.long


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings) -> AsyncIterator[Plant]:
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant:
        yield plant


@pytest.fixture
async def line(plant: Plant) -> AsyncIterator[Plant]:
    async with plant.sync():
        yield plant


def written(root: Path, **files: bytes) -> None:
    for name, data in files.items():
        file = root / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def local(root: Path) -> dict[str, bytes]:
    files = (each for each in root.rglob("*") if each.is_file() and ".andon-sync" not in each.parts)
    return {str(each.relative_to(root)): each.read_bytes() for each in files if not each.is_symlink()}


async def test_a_folder_is_sent_and_sent_again_as_what_changed(line: Plant, tmp_path: Path):
    model = os.urandom(3_000_000)
    written(tmp_path, logs__train_dot_log=b"epoch 1\n", config_dot_yaml=b"lr: 1", model_dot_pt=model)
    written(tmp_path, empty_dot_txt=b"", empty_dot_log=b"")
    async with line.syncing(tmp_path) as work:
        assert await work.finish() is SyncStatus.SYNCED
        assert await line.everything() == local(tmp_path)
    with (tmp_path / "logs/train.log").open("ab") as log:
        log.write(b"epoch 2\nhalf a li")
    written(tmp_path, model_dot_pt=model[:1_000_000] + b"EDIT" + model[1_000_004:], config_dot_yaml=b"lr: 2")
    async with line.syncing(tmp_path) as work:
        assert await work.finish() is SyncStatus.SYNCED
        assert work.stats.read_bytes == 17 + 64 * 1024 + 5
    assert await line.everything() == local(tmp_path)
    async with line.syncing(tmp_path) as work:
        assert await work.finish() is SyncStatus.SYNCED
        assert work.stats.read_bytes == 0


async def test_what_was_lost_on_this_side_is_asked_for_and_not_sent_again(line: Plant, tmp_path: Path):
    written(tmp_path, train_dot_log=b"epoch\n" * 1000, a_dot_yaml=b"lr: 1", big_dot_bin=os.urandom(400_000))
    async with line.syncing(tmp_path) as work:
        await work.finish()
    for file in (tmp_path / ".andon-sync").glob("ledger*"):
        file.unlink()
    async with line.syncing(tmp_path) as work:
        assert await work.finish() is SyncStatus.SYNCED
        assert work.stats.read_bytes == 0


async def test_a_worker_whose_disk_is_new_takes_over_when_the_former_one_is_gone(
    line: Plant, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(files, "LEASE", timedelta(seconds=8))
    written(tmp_path, train_dot_log=b"epoch 1\n", a_dot_yaml=b"lr: 1")
    async with line.syncing(tmp_path) as work:
        await work.finish()
    shutil.rmtree(tmp_path / ".andon-sync")
    written(tmp_path, train_dot_log=b"epoch 1\nepoch 2\n", a_dot_yaml=b"lr: 2")
    waits: list[str] = []
    async with line.syncing(tmp_path) as work:
        work.server.on_wait = lambda why, _seconds: waits.append(why)
        assert await work.finish() is SyncStatus.SYNCED
    assert any("being written by" in why for why in waits)
    assert await line.everything() == local(tmp_path)


async def test_truncated_and_rotated_logs_start_a_new_generation(line: Plant, tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_bytes(b"first life\n" * 100)
    async with line.syncing(tmp_path) as work:
        await work.pass_over()
        log.write_bytes(b"second\n")
        await work.pass_over()
        assert await line.read("train.log") == b"second\n"
        log.rename(tmp_path / "train.log.1")
        log.write_bytes(b"third life, longer than the second\n")
        assert await work.finish() is SyncStatus.SYNCED
    assert await line.everything() == local(tmp_path)


async def test_a_watched_folder_arrives_while_it_is_written(line: Plant, tmp_path: Path):
    stop = asyncio.Event()
    async with line.syncing(tmp_path) as work:
        watching = asyncio.create_task(work.watch(stop))
        (tmp_path / "later").mkdir()
        for number in range(5):
            with (tmp_path / "later/train.log").open("ab") as log:
                log.write(f"epoch {number}\n".encode())

            async def arrived():
                return await line.everything() == local(tmp_path)

            await eventually(arrived, within=15)
        stop.set()
        await watching
        assert await work.finish() is SyncStatus.SYNCED


async def test_what_can_not_be_sent_is_reported_and_the_others_go_on(line: Plant, tmp_path: Path):
    written(tmp_path, good_dot_txt=b"good")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "cafe\u0301.txt").write_bytes(b"one spelling")
    (tmp_path / "caf\u00e9.txt").write_bytes(b"another")
    os.mkfifo(tmp_path / "pipe")
    written(tmp_path, **{os.fsdecode(b"bad-\xff.txt"): b"x"})
    (tmp_path / "back\\slash").write_bytes(b"x")
    if os.geteuid():  # root reads everything
        written(tmp_path, locked_dot_txt=b"x")
        (tmp_path / "locked.txt").chmod(0)
    async with line.syncing(tmp_path) as work:
        status = await asyncio.wait_for(work.finish(), 20)
        problems = work.stats.problems
    assert status is SyncStatus.SYNCED
    assert problems.keys() >= {"loop", "pipe", "bad-\\xff.txt", "back\\slash"}
    assert ("locked.txt" in problems) == bool(os.geteuid())
    assert "spelled differently" in problems["caf\u00e9.txt"]
    assert (await line.everything()).keys() == {"good.txt", "caf\u00e9.txt"}


async def test_a_store_that_is_away_costs_time_and_nothing_else(s3_process, line: Plant, tmp_path: Path):
    written(tmp_path, train_dot_log=os.urandom(600_000), a_dot_yaml=b"lr: 1", b_dot_bin=os.urandom(500_000))
    waits: list[str] = []

    async def waited():
        return any("object store" in why for why in waits)

    async with line.syncing(tmp_path) as work:
        work.server.on_wait = lambda why, _seconds: waits.append(why)
        await work.pass_over(["a.yaml"])
        s3_process.kill()
        going = asyncio.create_task(work.finish())
        await eventually(waited, within=20)
        await s3_process.start()
        assert await asyncio.wait_for(going, 30) is SyncStatus.SYNCED
        assert await line.everything() == local(tmp_path)


async def test_a_log_of_text_is_packed_and_what_can_not_be_packed_comes_too(line: Plant, tmp_path: Path):
    text = "".join(f"step {number} loss {number % 97 / 7:.3f}\n" for number in range(700_000)).encode()
    data = text + os.urandom(9 << 20) + text
    written(tmp_path, train_dot_log=data)
    async with line.syncing(tmp_path) as work:
        assert await work.finish() is SyncStatus.SYNCED
        assert work.stats.read_bytes == len(data)
        assert work.server.sent < len(text) + (9 << 20)
    assert await line.read("train.log") == data
    where, part = "/api/sync/files/20261121_4f2a/train.log", "bytes=3000000-12000000"
    assert (await line.http.get(where, headers={"Range": part})).content == data[3_000_000:12_000_001]
    assert await line.read("train.log", tail=99) == data[-99:]


async def test_files_are_read_in_parts_and_as_they_are_now(line: Plant, tmp_path: Path):
    data = os.urandom(300_000)
    written(tmp_path, big_dot_bin=data)
    async with line.syncing(tmp_path) as work:
        await work.finish()
    where = "/api/sync/files/20261121_4f2a/big.bin"
    part = await line.http.get(where, headers={"Range": "bytes=1000-250000"})
    assert (part.status_code, part.content) == (206, data[1000:250_001])
    assert part.headers["content-range"] == "bytes 1000-250000/300000"
    assert (await line.http.get(where, headers={"Range": "bytes=-7"})).content == data[-7:]
    assert await line.read("big.bin", tail=9) == data[-9:]
    assert await line.read("big.bin", offset=299_990) == data[299_990:]
    assert (await line.http.get(where, headers={"Range": "bytes=9-2"})).status_code == 400
    assert (await line.http.get(where, params={"generation": 9})).status_code == 409
    assert (await line.http.get(where, params={"offset": 300_001})).status_code == 422
    assert (await line.http.get(f"{where}x")).status_code == 404
    assert (await line.http.get("/api/sync/files/nobody")).status_code == 404
    listed = (await line.http.get("/api/sync/experiments")).json()["experiments"]
    assert [(each["uid"], each["status"]) for each in listed] == [("20261121_4f2a", "synced")]
    assert hashlib.sha256(await line.read("big.bin")).hexdigest() == hashlib.sha256(data).hexdigest()
