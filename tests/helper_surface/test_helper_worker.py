"""A worker's whole life with its jobs, call by call as its own program makes them."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from helper_plant import CONFIG, data_of, refused

from andon.testing import eventually


@pytest.mark.long
async def test_a_job_from_submission_to_its_results(plant: Any):
    job = await plant.add(CONFIG, priority="high")
    uid = job["experiment_uid"]
    assert (job["status"], job["priority"], job["project"]) == ("queued", "high", "welds")
    worker = await plant.worker()
    assert refused(await worker.http.get("/api/queue/next_job", params={"host_id": "edge-1"}), 404)
    await worker.beat()
    got = await worker.ask(wait_seconds=10)
    assert got is not None
    assert (got["experiment_uid"], got["status"], got["meta"]["run_name"]) == (uid, "assigned", "resnet")
    assert await worker.ask() is None
    raw = await worker.http.get("/api/configs/raw", params={"path": got["config_path"]})
    assert raw.text == CONFIG
    assert (await worker.http.get(f"/api/queue/config/{uid}")).text == CONFIG
    started = data_of(await worker.confirm(uid))
    assert (started["status"], started["experiment_uid"]) == ("running", uid)
    told = await worker.beat(uid, progress={uid: {"progress": 0.5, "current_epoch": 2, "total_epochs": 4}})
    assert told["jobs"] == [
        {"experiment_uid": uid, "held": True, "stop_requested": False, "pause_requested": False}
    ]
    half = await plant.job(uid)
    assert (half["progress"], half["current_epoch"], half["total_epochs"]) == (0.5, 2, 4)
    assert half["assigned_device"] == "edge-1"
    assert data_of(await worker.complete(uid))["message"] == "Job completion recorded"
    assert data_of(await worker.complete(uid))
    done = await plant.job(uid)
    assert (done["status"], done["progress"], done["error_message"]) == ("completed", 1.0, None)
    for name in ("created_at", "queued_at", "started_at", "completed_at"):
        assert datetime.fromisoformat(done[name]).tzinfo is not None


@pytest.mark.long
async def test_a_worker_that_never_confirms_is_understood_by_its_heartbeat(plant: Any):
    uid = (await plant.add())["experiment_uid"]
    worker = await plant.worker()
    await worker.beat(code_version={"git_hash": "1a2b3c4", "git_dirty": True})
    assert await worker.ask(wait_seconds=10)
    await worker.beat()  # it fetches the configuration, and has no process yet
    assert (await plant.job(uid))["status"] == "assigned"
    await worker.beat(uid, code_version={"git_hash": "1a2b3c4", "git_dirty": True})
    assert (await plant.job(uid))["status"] == "running"
    assert (await worker.complete(uid)).status_code == 200
    run = await plant.get("runs/welds/resnet")
    assert run["reproducibility"] == {"git_hash": "1a2b3c4", "git_dirty": True}


@pytest.mark.long
async def test_a_failure_is_tried_again_and_then_is_one(plant: Any):
    await plant.set(retry_first_seconds=0)
    uid = (await plant.add(max_retries=1))["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    told = data_of(await worker.complete(uid, success=False, error_message="Exit code: 1"))
    assert "tried again" in told["message"]
    again = await worker.take()
    assert (again["experiment_uid"], again["attempt"], again["retry_count"]) == (uid, 2, 1)
    late = refused(await worker.complete(uid, attempt=1), 409)
    assert "attempt" in late
    await worker.complete(uid, success=False, error_message="Exit code: 1", exit_code=1)
    row = await plant.get(f"queue/experiments/{uid}")
    assert (row["status"], row["error_message"], row["exit_code"]) == ("failed", "Exit code: 1", 1)
    assert [each["status"] for each in row["attempts"]] == ["failed", "failed"]


@pytest.mark.long
async def test_what_a_worker_no_longer_names_has_crashed_and_is_not_completed(plant: Any):
    await plant.set(retry_first_seconds=0)
    uid = (await plant.add(max_retries=0))["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    await worker.beat(uid)
    plant.clock.pass_seconds(20)
    await worker.beat()
    row = await plant.get(f"queue/experiments/{uid}")
    assert row["status"] == "crashed"
    assert row["completed_at"] is not None
    assert (await plant.job(uid))["status"] == "failed"
    for status, count in (("crashed", 1), ("failed", 0), ("completed", 0)):
        found = await plant.get("queue/experiments", status=status)
        assert (found["total"], len(found["experiments"])) == (count, count)


@pytest.mark.long
async def test_what_is_assigned_and_never_begun_fails_everywhere_at_once(plant: Any):
    uid = (await plant.add(max_retries=0))["experiment_uid"]
    worker = await plant.worker()
    await worker.beat()
    assert await worker.ask(wait_seconds=10)
    plant.clock.pass_seconds(61)

    async def failed() -> bool:
        return (await plant.job(uid))["status"] == "failed"

    await eventually(failed)
    listed = (await plant.admin.get("/api/queue/list")).json()["jobs"]
    row = await plant.get(f"queue/experiments/{uid}")
    assert {each["status"] for each in (*listed, row)} == {"failed"}
    assert refused(await worker.confirm(uid), 400)
    assert refused(await worker.complete(uid), 409)


@pytest.mark.long
async def test_a_late_word_does_not_revive_a_cancelled_job(plant: Any):
    uid = (await plant.add(device="edge-1"))["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    told = data_of(await plant.post(f"queue/experiment/{uid}/cancel"))
    assert uid in told["message"]
    assert (await plant.job(uid))["status"] == "cancelled"
    answer = await worker.beat(uid)
    assert (answer["cancelled_jobs"], answer["jobs"][0]["held"]) == ([uid], False)
    assert refused(await worker.complete(uid), 409)
    assert refused(await worker.confirm(uid), 400)
    assert (await plant.job(uid))["status"] == "cancelled"
    assert refused(await plant.post(f"queue/job/{uid}/cancel"), 409)


async def test_of_many_workers_one_gets_the_job(plant: Any):
    workers = await asyncio.gather(*(plant.worker(f"edge-{number}") for number in range(4)))
    for worker in workers:
        await worker.beat()
    uid = (await plant.add())["experiment_uid"]
    answers = await asyncio.gather(*(worker.ask() for worker in workers))
    holders = [worker for worker, job in zip(workers, answers, strict=True) if job]
    assert len(holders) == 1
    stranger = next(worker for worker in workers if worker is not holders[0])
    assert refused(await stranger.confirm(uid), 400)
    assert refused(await stranger.complete(uid, host_id=stranger.host), 409)
    assert (await holders[0].confirm(uid)).status_code == 200


@pytest.mark.long
async def test_a_job_goes_only_to_a_worker_that_can_hold_it(plant: Any):
    need = {"gpu_count": 1, "gpu_memory_gb": 20, "memory_gb": 8}
    uid = (await plant.add(requirements=need))["experiment_uid"]
    gpu = {"id": 0, "name": "RTX", "util": 3, "vram_used": 1.0, "vram_total": 12.0}
    plain, small = await plant.worker("plain"), await plant.worker("small", gpus=[gpu])
    big = await plant.worker("big", gpus=[gpu, {**gpu, "id": 1, "vram_total": 24.0}])
    for worker in (plain, small):
        await worker.beat()
        assert await worker.ask() is None
    await big.beat()
    job = await big.ask(wait_seconds=10)
    assert (job["experiment_uid"], job["assigned_device"], job["gpus"]) == (uid, "big:1", [1])


async def test_a_running_job_is_held_and_goes_on(plant: Any):
    uid = (await plant.add())["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    assert "asked to pause" in data_of(await plant.post(f"queue/job/{uid}/pause"))["message"]
    assert (await worker.beat(uid))["jobs"][0]["pause_requested"] is True
    await worker.beat(uid, paused_jobs=[uid])
    assert (await plant.job(uid))["status"] == "paused"
    assert data_of(await plant.post(f"queue/job/{uid}/resume"))
    assert (await worker.beat(uid))["jobs"][0]["pause_requested"] is False
    assert (await plant.job(uid))["status"] == "running"


async def test_a_job_that_runs_or_waits_for_too_long_is_ended(plant: Any):
    uid = (await plant.add(timeout_hours=0.01))["experiment_uid"]
    worker = await plant.worker()
    await worker.take()
    waiting = (await plant.add(expire_hours=0.01))["experiment_uid"]
    plant.clock.pass_seconds(37)

    async def told() -> bool:
        stop = (await worker.beat(uid))["jobs"][0]["stop_requested"]
        return stop and (await plant.job(waiting))["status"] == "expired"

    await eventually(told)
    assert (await plant.get("queue/experiments", status="expired"))["total"] == 1
