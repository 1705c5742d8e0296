"""Files of many gigabytes, and a store that is full or away for a minute: slower, and nothing else."""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from andon.contracts.sync import SyncStatus
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import UID, Plant, ended, gateway, service

GIBIBYTE, MEBIBYTE = 1 << 30, 1 << 20
MOST = 200 * MEBIBYTE
"""Resident, whatever the file."""
FULL = b"<?xml version='1.0'?><Error><Code>XMinioStorageFull</Code><Message>disk full</Message></Error>"


@dataclass
class Disk:
    """Stands before the object store, and refuses every write as a full one does while it is full."""

    endpoint: str
    full: bool = False
    refused: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            for writer in self._open:
                writer.close()

    def fill(self) -> None:
        self.full = True
        for writer in self._open:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await (self._refuse(reader, writer) if self.full else self._pass(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = self.endpoint.split(":")
        back, there = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(_carry(reader, there), _carry(back, writer))
        finally:
            there.close()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        self.refused += 1
        head = f"HTTP/1.1 507 Full\r\nConnection: close\r\nContent-Length: {len(FULL)}\r\n\r\n".encode()
        writer.write(head + FULL)
        await writer.drain()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(MEBIBYTE):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings) -> AsyncIterator[Plant]:
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant:
        yield plant


@pytest.mark.long
async def test_a_full_disk_of_the_server_costs_time_and_nothing_else(
    bus_settings, mongo_settings, blob_settings, tmp_path: Path
):
    disk = Disk(blob_settings.endpoint)
    waits: list[str] = []
    (tmp_path / "a.yaml").write_bytes(b"lr: 1")
    async with disk.listening() as port:
        through = blob_settings.model_copy(update={"endpoint": f"127.0.0.1:{port}"})
        async with (
            gateway(bus_settings, mongo_settings, through) as plant,
            plant.sync(),
            plant.syncing(tmp_path) as work,
        ):
            await work.pass_over()
            disk.fill()
            (tmp_path / "train.log").write_bytes(os.urandom(5 * MEBIBYTE))
            (tmp_path / "model.pt").write_bytes(os.urandom(MEBIBYTE))
            work.server.on_wait = lambda why, _seconds: waits.append(why)
            going = asyncio.create_task(work.finish())
            await eventually(lambda: disk.refused > 0 and len(waits) > 0, within=30)
            assert (await plant.http.get(f"/api/sync/files/{UID}/train.log")).status_code == 404
            disk.full = False
            assert await asyncio.wait_for(going, 45) is SyncStatus.SYNCED
            assert all("object store" in why for why in waits)
            found = await plant.everything()
            assert {name: (tmp_path / name).read_bytes() for name in found} == found
            assert found.keys() == {"a.yaml", "train.log", "model.pt"}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_store_may_be_away_for_a_minute(s3_process, plant: Plant, tmp_path: Path):
    data = os.urandom(6 * MEBIBYTE)
    (tmp_path / "train.log").write_bytes(data[: 5 * MEBIBYTE])
    async with plant.sync(), plant.syncing(tmp_path) as work:
        work.server.patience = type(work.server.patience)(total=120)
        await work.pass_over()
        s3_process.kill()
        (tmp_path / "train.log").write_bytes(data)
        going, end = asyncio.create_task(work.finish()), time.monotonic() + 60
        await eventually(lambda: time.monotonic() > end, within=70)
        assert not going.done()
        await s3_process.start()
        assert await asyncio.wait_for(going, 120) is SyncStatus.SYNCED
        assert await plant.read("train.log") == data


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ["model.pt", "train.log"])
async def test_a_file_of_five_gigabytes_comes_in_little_memory(plant: Plant, tmp_path: Path, name: str):
    piece, expected = os.urandom(64 * MEBIBYTE), hashlib.sha256()
    with (tmp_path / name).open("wb") as out:
        for number in range(80):
            part = number.to_bytes(4, "big") + piece[4:]
            out.write(part)
            expected.update(part)
    process = await service(plant)
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, psutil.Process(process.pid).memory_info().rss)
            await asyncio.sleep(0.2)

    try:
        looking = asyncio.create_task(look())
        async with plant.syncing(tmp_path) as work:
            assert await work.finish() is SyncStatus.SYNCED
        found = hashlib.sha256()
        async with plant.http.stream("GET", f"/api/sync/files/{UID}/{name}") as answer:
            async for data in answer.aiter_bytes():
                found.update(data)
        looking.cancel()
        assert found.hexdigest() == expected.hexdigest()
        assert most < MOST, f"{most >> 20} MiB"
    finally:
        await ended(process)


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_a_hundred_thousand_files_arrive_and_one_that_changes_is_found(plant: Plant, tmp_path: Path):
    for number in range(100_000):
        file = tmp_path / f"{number % 100:02d}/{number}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"lr: {number}")
    async with plant.sync(), plant.syncing(tmp_path) as work:
        work.server.patience = type(work.server.patience)(total=600)
        assert await work.finish() is SyncStatus.SYNCED
        (known,) = (await plant.http.get("/api/sync/experiments")).json()["experiments"]
        assert (known["uid"], known["files"], work.stats.problems) == (UID, 100_000, {})
        sent = work.stats.read_bytes
        (tmp_path / "77/77.yaml").write_text("lr: other")
        await work.pass_over()
        assert work.stats.read_bytes == sent + len("lr: other")
        assert await plant.read("77/77.yaml") == b"lr: other"
