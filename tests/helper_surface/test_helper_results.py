"""What a job leaves behind: its terminal, its runs, and what people note of them."""

import asyncio
from typing import Any

import pytest
from helper_plant import CONFIG, data_of, refused

from andon.contracts import queue
from andon.contracts.queue import LogRef, Report
from andon.storage import Blobs

STEPS = "step,loss,acc,note\n0,1.0,0.5,warm\n1,0.5,0.75,\n2,nan,1.0,done\n3,0.25,0.75,x\n"


async def lines_of(socket: Any) -> list[str]:
    async with asyncio.timeout(20):
        return [str(line) async for line in socket]


@pytest.mark.long
async def test_a_log_is_read_at_once_and_while_it_is_written(plant: Any):
    uid = (await plant.add())["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    assert refused(await plant.admin.get(f"/api/queue/job/{uid}/log"), 404)
    assert (await plant.get(f"queue/job/{uid}/logs"))["content"] == "No logs available yet."
    where = f"experiment/{uid}/terminal_log.log"
    await worker.send(where, "epoch 1\nepo")
    async with plant.socket(f"/api/queue/job/{uid}/ws/logs") as socket:
        async with asyncio.timeout(20):
            first = [await socket.recv(), await socket.recv()]
        assert first == [f"--- CONNECTED TO LOG STREAM FOR JOB {uid} ---", "epoch 1"]
        await worker.send(where, "ch 2 \u00e9\r\n")
        async with asyncio.timeout(20):
            assert await socket.recv() == "epoch 2 \u00e9"
        await worker.send(where, "the end")
        await worker.send(f"experiment/{uid}/terminal_err.log", "a warning\n")
        assert (await worker.complete(uid)).status_code == 200
        assert await lines_of(socket) == ["the end", "--- JOB COMPLETED ---"]
    text = "epoch 1\nepoch 2 \u00e9\r\nthe end"
    answer = await plant.admin.get(f"/api/queue/job/{uid}/log")
    assert (answer.content.decode(), answer.headers["content-type"]) == (text, "text/plain; charset=utf-8")
    both = {"content": f"=== STDOUT ===\n{text}\n=== STDERR ===\na warning\n", "truncated": False}
    assert await plant.get(f"queue/job/{uid}/logs") == both
    assert await plant.get(f"queue/experiments/{uid}/logs") == both
    assert (await plant.get(f"queue/experiments/{uid}/stderr"))["content"] == "a warning\n"
    async with plant.socket(f"/api/queue/job/{uid}/ws/logs?stream=stderr") as socket:
        assert (await lines_of(socket))[1:] == ["a warning", "--- JOB COMPLETED ---"]
    async with plant.socket("/api/queue/job/none/ws/logs") as socket:
        assert await lines_of(socket) == ["ERROR: Job not found: none"]


@pytest.mark.long
async def test_a_long_log_is_whole_as_text_and_cut_in_front_as_json(plant: Any):
    uid = (await plant.add())["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    text = "".join(f"line {number:07d}\n" for number in range(150_000))
    await worker.send(f"experiment/{uid}/terminal_log.log", text)
    assert (await plant.admin.get(f"/api/queue/job/{uid}/log")).text == text
    end = await plant.get(f"queue/job/{uid}/logs")
    assert end["truncated"]
    assert end["content"].startswith("=== STDOUT ===\nline ")
    assert text.endswith(end["content"].removeprefix("=== STDOUT ===\n"))
    assert 1_000_000 < len(end["content"]) < 1_100_000


async def test_an_agents_log_is_read_as_a_workers_is(plant: Any, blob_settings: Any):
    uid = (await plant.add())["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    async with Blobs(blob_settings) as blobs:
        for offset, text in ((0, "first\n"), (6, "second\n"), (113, "last\n")):
            await blobs.put(f"jobs/{uid}/1/stdout/{offset:020d}", text.encode(), "text/plain")
    ref = LogRef(key=f"jobs/{uid}/1/stdout/", size=118, truncated=True)
    await plant.bus.ask(queue.REPORT, Report(job_id=uid, device="edge-1", logs={"stdout": ref}))
    text = (await plant.admin.get(f"/api/queue/job/{uid}/log")).text
    assert text == "first\nsecond\n\n[... 100 bytes left out ...]\nlast\n"


@pytest.mark.long
async def test_a_run_is_summed_up_and_overwritten_by_the_next_of_its_name(plant: Any):
    worker = await plant.worker()
    uid = (await plant.add())["experiment_uid"]
    await worker.take()
    assert refused(await plant.admin.get("/api/runs/welds/resnet/metrics"), 404)
    await worker.send(f"run/{uid}/resnet.csv", STEPS + "4,9")
    await worker.send(f"run/{uid}/resnet.pt", "weights")
    await worker.http.post(f"/api/sync/checkpoint/{uid}", json={"epoch": 3, "step": 120})
    await worker.complete(uid)
    run = await plant.get("runs/welds/resnet")
    assert run["experiment_uid"] == uid
    assert (run["status"], run["total_steps"]) == ("completed", 4)
    assert run["hyperparameters"]["layers"] == [64, 128]
    assert run["final_metrics"] == {"loss": 0.25, "acc": 0.75}
    assert run["max_metrics"] == {"loss": 1.0, "acc": 1.0}
    assert run["min_metrics"] == {"loss": 0.25, "acc": 0.5}
    assert run["mean_metrics"]["acc"] == 0.75
    assert run["median_metrics"] == {"loss": 0.5, "acc": 0.75}
    assert (run["metrics_path"], run["checkpoint_path"]) == ("run/resnet.csv", "run/resnet.pt")
    assert run["file_fingerprint"].endswith(f"_{len(STEPS) + 3}")
    table = await plant.get("runs/welds/resnet/metrics")
    assert (table["columns"], table["total_steps"]) == (["step", "loss", "acc", "note"], 4)
    assert table["data"][2] == {"step": 2.0, "loss": None, "acc": 1.0, "note": "done"}
    thin = await plant.get("runs/welds/resnet/metrics", downsample=2)
    assert [row["step"] for row in thin["data"]] == [0.0, 3.0]
    assert (await plant.get("runs/welds/resnet/config"))["content"] == CONFIG
    row = await plant.get(f"queue/experiments/{uid}")
    assert (row["recovery_checkpoint"], row["sync_status"]) == ({"epoch": 3, "step": 120}, "syncing")
    assert (row["server_origin"], row["log_path"]) == ("remote-edge-1", f"queue_logs/{uid}/terminal_log.log")
    assert row["config_hash"] is not None
    assert row["metadata"]["has_config"] is True
    note = {"notes": "too hot"}
    assert data_of(await plant.admin.patch("/api/runs/welds/resnet/notes", json=note))["notes"] == "too hot"
    tags = {"tags": ["best", "best", "v2"]}
    assert data_of(await plant.admin.patch("/api/runs/welds/resnet/tags", json=tags))["tags"] == [
        "best",
        "v2",
    ]
    long = await plant.admin.patch("/api/runs/welds/resnet/notes", json={"notes": "x" * 2001})
    assert "notes" in refused(long, 400)
    again = (await plant.add())["experiment_uid"]
    run = await plant.get("runs/welds/resnet")
    assert (run["experiment_uid"], run["status"], run["final_metrics"]) == (again, "queued", {})
    assert (run["notes"], run["tags"]) == ("too hot", ["best", "v2"])
    other = (await plant.add("project: welds\n"))["experiment_uid"]
    runs = (await plant.get("projects/welds/experiments"))["experiments"]
    assert [each["run_name"] for each in runs] == [other, "resnet"]
    (project,) = await plant.get("projects")
    assert (project["name"], [each["run_name"] for each in project["runs"]]) == ("welds", [other, "resnet"])
    assert (await plant.get("runs/welds/tags"))["tags"] == ["best", "v2"]
    for path in ("queue/reindex", "queue/experiments/reindex", "projects/reindex", "projects/reindex/welds"):
        assert "up to date" in data_of(await plant.post(path))["message"]
    assert refused(await plant.post("projects/reindex/none"), 404)
