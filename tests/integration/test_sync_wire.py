"""The routes that workers of training clusters know, with the faults they used to have."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import xxhash

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import UID, Plant, gateway


@pytest.fixture
async def line(bus_settings, mongo_settings, blob_settings) -> AsyncIterator[Plant]:
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant, plant.sync():
        yield plant


async def send(
    line: Plant, where: str, data: bytes, *, digest: str | None = None, **form: Any
) -> httpx.Response:
    headers = {"X-Content-Hash": digest} if digest else {}
    files = {"delta": ("delta", data)}
    return await line.http.post(f"/api/sync/{where}", files=files, data=form, headers=headers)


async def registered(line: Plant) -> None:
    answer = await line.http.post("/api/sync/experiments", json={"uid": UID, "host": "edge-1"})
    assert answer.status_code == 200


async def test_an_unknown_experiment_is_404(line: Plant):
    for answer in (
        await send(line, f"experiment/{UID}/terminal.log", b"x"),
        await send(line, f"run/{UID}/config.yaml", b"x"),
        await line.http.get(f"/api/sync/status/{UID}"),
        await line.http.post(f"/api/sync/checkpoint/{UID}", json={"epoch": 1}),
    ):
        assert (answer.status_code, UID in answer.text) == (404, True)


async def test_logs_and_tables_are_appended_and_all_else_replaced(line: Plant):
    await registered(line)
    digest = xxhash.xxh3_64_hexdigest(b"one\n")
    first = await send(line, f"experiment/{UID}/terminal.log", b"one\n", digest=digest)
    assert first.json() == {"success": True, "message": "stored", "server_offset": 4, "server_hash": digest}
    await send(line, f"experiment/{UID}/terminal.log", b"two\n")
    assert await line.read("experiment/terminal.log") == b"one\ntwo\n"
    await send(line, f"run/{UID}/metrics.csv", b"a,b\n")
    await send(line, f"run/{UID}/metrics.csv", b"1,2\n")
    assert await line.read("run/metrics.csv") == b"a,b\n1,2\n"
    for content in (b"lr: 1", b"lr: 2", b""):
        assert (await send(line, f"run/{UID}/config.yaml", content)).json()["server_offset"] == len(content)
        assert await line.read("run/config.yaml") == content
    big = bytes(range(256)) * 40_000
    told = await send(line, f"run/{UID}/model.pt", big, digest=xxhash.xxh3_64_hexdigest(big))
    assert told.status_code == 200
    assert await line.read("run/model.pt") == big


async def test_a_delta_that_is_sent_twice_with_its_offset_is_kept_once(line: Plant):
    await registered(line)
    where = f"experiment/{UID}/terminal.log"
    for data, offset in ((b"one\n", 0), (b"one\n", 0), (b"two\n", 4), (b"two\n", 4)):
        assert (await send(line, where, data, offset=offset)).status_code == 200
    assert await line.read("experiment/terminal.log") == b"one\ntwo\n"
    gap = await send(line, where, b"five\n", offset=16)
    assert (gap.status_code, "server_offset 8" in gap.text) == (409, True)


async def test_bad_input_is_refused_with_its_reason(line: Plant):
    await registered(line)
    where = f"run/{UID}/config.yaml"
    assert (await send(line, where, b"lr: 1", digest="0" * 16)).status_code == 400
    assert (await send(line, f"run/{UID}/a.csv", b"1,2", digest="0" * 16)).status_code == 400
    assert (await line.http.post(f"/api/sync/{where}", files={"file": b"x"})).status_code == 400
    assert (await send(line, f"run/{UID}/..%2f..%2fetc%2fpasswd", b"x")).status_code == 422
    assert (await send(line, "run/bad%20uid/a.csv", b"x")).status_code == 400
    anyone = httpx.AsyncClient(base_url=line.url)
    async with anyone:
        assert (await anyone.post(f"/api/sync/{where}", files={"delta": b"x"})).status_code == 401
    assert (await line.http.get(f"/api/sync/status/{UID}")).json()["files"] == {}


@pytest.mark.long
async def test_a_worker_that_comes_back_asks_where_to_go_on(line: Plant):
    await registered(line)
    await send(line, f"experiment/{UID}/terminal.log", b"one\n")
    await send(line, f"run/{UID}/config.yaml", b"lr: 1")
    told = await line.http.post(f"/api/sync/checkpoint/{UID}", json={"epoch": 3, "step": 120})
    assert told.json()["checkpoint"] == {"epoch": 3, "step": 120}
    await line.http.post(f"/api/sync/checkpoint/{UID}", json={"epoch": 4})
    query = {"file": ["terminal.log", "config.yaml", "absent.pt"]}
    found = (await line.http.get(f"/api/sync/status/{UID}", params=query)).json()
    assert found["sync_status"] == "syncing"
    assert found["checkpoint"] == {"epoch": 4, "step": 120}
    assert found["needs_resync"] == ["absent.pt"]
    assert found["files"]["absent.pt"]["exists"] is False
    log = found["files"]["terminal.log"]
    assert (log["exists"], log["size"], log["hash"]) == (True, 4, xxhash.xxh3_64_hexdigest(b"one\n"))
    assert found["file_states"]["config.yaml"]["offset"] == 5


@pytest.mark.long
async def test_a_chunk_of_our_own_protocol_rewinds_its_sender(line: Plant):
    where = f"/api/sync/files/{UID}/logs/caf%C3%A9.log"

    async def put(data: bytes, offset: int, **headers: str) -> httpx.Response:
        given = {"X-Content-Hash": xxhash.xxh3_64_hexdigest(data), **headers}
        query = {"generation": 1, "offset": offset}
        return await line.http.put(where, params=query, content=data, headers=given)

    assert (await put(b"one\n", 0)).json()["server_offset"] == 4
    assert (await put(b"one\n", 0)).json()["outcome"] == "repeated"
    gap = await put(b"three\n", 9)
    assert (gap.status_code, gap.json()["server_offset"]) == (409, 4)
    other = await put(b"two\n", 4, **{"X-Writer": "edge-2"})
    assert (other.status_code, "being written" in other.text) == (409, True)
    assert (await put(b"two\n", 4, **{"X-Content-Hash": "0" * 16})).status_code == 400
    assert (await put(b"two\n", 4, **{"Content-Encoding": "br"})).status_code == 415
    assert (await put(bytes(6 << 20), 4)).status_code == 413
    assert await line.read("logs/café.log") == b"one\n"
