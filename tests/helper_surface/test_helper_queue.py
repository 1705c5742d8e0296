"""What people do with jobs and devices, and how bad wishes are refused."""

import asyncio
from typing import Any

import pytest
from helper_plant import CONFIG, data_of, refused

from andon.testing import eventually


@pytest.mark.long
async def test_devices_are_shown_as_they_tell_and_go_when_they_are_gone(plant: Any):
    worker = await plant.worker("gnode-3")
    gpus = [
        {"id": 0, "name": "A", "util": 20, "vram_used": 2.0, "vram_total": 24.0, "temperature": 60},
        {"id": 1, "name": "B", "util": 40, "vram_used": 4.0, "vram_total": 24.0, "power_usage": 250.5},
    ]
    facts = {"cpu_util": 12.5, "memory_used": 8.0, "torch_version": "2.9", "cuda_version": "13.0"}
    uid = (await plant.add())["experiment_uid"]
    await worker.beat(gpus=gpus, **facts)
    assert await worker.ask(wait_seconds=10)
    await worker.beat(uid, gpus=gpus, **facts)
    (device,) = await plant.get("devices")
    assert {name: device[name] for name in facts} == facts
    shown = {name: device[name] for name in ("host_id", "status", "active_jobs", "memory_total", "disk_free")}
    assert shown == {
        "host_id": "gnode-3", "status": "healthy", "active_jobs": [uid], "memory_total": 32.0,
        "disk_free": 200.0,
    }  # fmt: skip
    assert (device["gpu_count"], device["gpu_util"], device["vram_used"], device["vram_total"]) == (
        2, 30.0, 6.0, 48.0,
    )  # fmt: skip
    assert device["gpus"] == device["gpus_detail"]
    assert device["gpus"][1]["power_usage"] == 250.5
    assert refused(await plant.admin.delete("/api/devices/gnode-3"), 400)
    for seconds, status in ((31, "stale"), (30, "disconnected")):
        plant.clock.pass_seconds(seconds)
        assert (await plant.get("devices"))[0]["status"] == status
    assert data_of(await plant.admin.delete("/api/devices/gnode-3"))
    assert await plant.get("devices") == []
    assert refused(await plant.admin.delete("/api/devices/gnode-3"), 404)


@pytest.mark.long
async def test_the_most_urgent_is_first_and_equals_go_as_they_came(plant: Any):
    names = ["normal", "low", "urgent", "high", "whatever", "normal"]
    jobs = [await plant.add(priority=each, name=f"{place} {each}") for place, each in enumerate(names)]
    assert jobs[4]["priority"] == "normal"
    last = jobs[5]["experiment_uid"]
    held, hurried, cancelled = (jobs[place]["experiment_uid"] for place in (0, 1, 4))
    assert data_of(await plant.post(f"queue/job/{hurried}/priority", priority="urgent"))
    assert refused(await plant.post(f"queue/job/{hurried}/priority", priority="soon"), 400)
    assert data_of(await plant.post(f"queue/job/{held}/pause"))
    assert data_of(await plant.post(f"queue/job/{cancelled}/cancel"))
    worker = await plant.worker()
    await worker.beat()
    got: list[str] = []
    for _ in range(4):
        job = await worker.ask(wait_seconds=5)
        assert job is not None
        got.append(job["name"])
    assert got == ["1 low", "2 urgent", "3 high", "5 normal"]
    assert await worker.ask() is None
    assert refused(await plant.post(f"queue/job/{last}/priority", priority="low"), 409)
    assert data_of(await plant.post(f"queue/job/{held}/resume"))
    assert refused(await plant.post(f"queue/job/{held}/resume"), 409)
    resumed = await worker.ask(wait_seconds=10)
    assert resumed is not None
    assert resumed["experiment_uid"] == held


@pytest.mark.long
async def test_lists_are_paged_and_figures_are_whole(plant: Any):
    submitted = [plant.add(f"project: p{n % 2}\n") for n in range(30)]
    uids = {job["experiment_uid"] for job in await asyncio.gather(*submitted)}
    assert len(uids) == 30
    page = (await plant.admin.get("/api/queue/list?limit=10&offset=25")).json()
    assert (page["total"], len(page["jobs"])) == (30, 5)
    assert (await plant.admin.get("/api/queue/list?project=p1&status=queued")).json()["total"] == 15
    assert (await plant.admin.get("/api/queue/list?status=crashed")).json() == {"jobs": [], "total": 0}
    rows = await plant.get("queue/experiments", project="p0", limit=4)
    assert {name: rows[name] for name in ("total", "limit", "offset")} == {
        "total": 15, "limit": 4, "offset": 0,
    }  # fmt: skip
    gpu = {"id": 0, "vram_total": 24.0}
    worker = await plant.worker("edge-1", cpu_cores=16, gpus=[gpu, {**gpu, "id": 1}])
    need = {"cpu_cores": 4, "gpu_count": 1, "memory_gb": 2}
    first = (await plant.add(priority="urgent", requirements=need))["experiment_uid"]
    await worker.take()
    plant.clock.pass_seconds(30)
    await worker.beat(first)

    async def counted() -> bool:
        return (await plant.get("queue/stats"))["running_jobs"] == 1

    await eventually(counted)
    running = await plant.get("queue/stats")
    assert running["longest_running_job_minutes"] >= 0.5
    await worker.complete(first)
    uid = (await plant.add(priority="urgent", requirements=need))["experiment_uid"]
    assert (await worker.take())["experiment_uid"] == uid
    await plant.post(f"queue/job/{next(iter(uids))}/cancel")

    async def ended() -> bool:
        stats = await plant.get("queue/stats")
        return bool(stats["completed_jobs"] and stats["cancelled_jobs"])

    await eventually(ended)
    stats = await plant.get("queue/stats")
    told = {name: value for name, value in stats.items() if not name.startswith(("avg", "longest"))}
    assert told == {
        "total_jobs": 32, "pending_jobs": 0, "queued_jobs": 29, "running_jobs": 1, "completed_jobs": 1,
        "failed_jobs": 0, "cancelled_jobs": 1, "paused_jobs": 0, "expired_jobs": 0,
        "total_cpu_cores": 16.0, "used_cpu_cores": 4.0, "total_memory_gb": told["total_memory_gb"],
        "used_memory_gb": 2.0, "total_gpu_count": 2, "used_gpu_count": 1,
    }  # fmt: skip
    assert 32 <= told["total_memory_gb"] < 35
    assert stats["avg_execution_time_minutes"] >= 0.5
    assert stats["avg_queue_time_minutes"] >= 0


@pytest.mark.long
async def test_a_configuration_of_an_earlier_job_or_the_text_itself_can_be_submitted(plant: Any):
    first = (await plant.add())["experiment_uid"]
    body = {"name": "again", "project": "welds", "config_path": f"web_helper/queue_logs/{first}/config.yaml"}
    extra = {"tags": ["a", "b"], "environment_vars": {"SEED": "1"}, "metadata": {"from": "notebook"}}
    job = (await plant.admin.post("/api/queue/submit", json={**body, **extra})).json()["job"]
    assert (job["tags"], job["environment_vars"], job["max_retries"]) == (["a", "b"], {"SEED": "1"}, 3)
    assert job["metadata"]["from"] == "notebook"
    uid = job["experiment_uid"]
    assert (await plant.get(f"queue/job/{uid}/config"))["content"] == CONFIG
    assert (await plant.get(f"queue/experiments/{uid}/config"))["content"] == CONFIG
    absent = {**body, "config_path": "/etc/passwd"}
    assert "config_path" in refused(await plant.admin.post("/api/queue/submit", json=absent), 400)
    own = {**absent, "config": "lr: 1\n"}
    assert (await plant.admin.post("/api/queue/submit", json=own)).status_code == 200
    wild = {**own, "config_path": "x; rm -rf / $(id) `id`"}
    job = (await plant.admin.post("/api/queue/submit", json=wild)).json()["job"]
    assert job["command"] == "uv run main.py --config config.yaml --fast"


async def test_old_jobs_are_cleared_away(plant: Any):
    old, live = [(await plant.add())["experiment_uid"] for _ in range(2)]
    await plant.post(f"queue/job/{old}/cancel")
    assert data_of(await plant.post("queue/cleanup"))["cleaned_count"] == 0
    assert "hours" in refused(await plant.post("queue/cleanup", hours=0.5), 400)
    plant.clock.pass_seconds(-7200)
    older = (await plant.add())["experiment_uid"]
    await plant.post(f"queue/job/{older}/cancel")
    plant.clock.pass_seconds(7200)
    assert data_of(await plant.post("queue/cleanup", hours=1))["cleaned_count"] == 1
    left = {job["experiment_uid"] for job in (await plant.admin.get("/api/queue/list")).json()["jobs"]}
    assert left == {old, live}
    assert refused(await plant.admin.get(f"/api/queue/experiment/{older}"), 404)


@pytest.mark.long
async def test_how_devices_are_shared_out_is_read_and_changed(plant: Any):
    before = await plant.get("queue/configuration")
    assert before["cleanup_completed_jobs_after_hours"] == 168
    body = {"max_concurrent_jobs": 1, "load_balancing_strategy": "least_loaded"}
    after = data_of(await plant.admin.put("/api/queue/configuration", json=body))
    assert after == {**before, **body}
    assert await plant.get("queue/configuration") == after
    worker = await plant.worker()
    await plant.add()
    await plant.add()
    await worker.take()
    assert await worker.ask(wait_seconds=1) is None
    for wrong in ({"max_concurrent_jobs": -1}, {"load_balancing_strategy": "luck"}):
        (name,) = wrong
        assert name in refused(await plant.admin.put("/api/queue/configuration", json=wrong), 400)


@pytest.mark.long
async def test_bad_input_is_refused_by_its_name_and_nothing_breaks(plant: Any):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for field, body in (
        ("config", {"config": "!!python/object/apply:os.system ['id']"}),
        ("config", {"config": bomb}),
        ("config", {"config": "a: &a\n  b: *a\n"}),
        ("config", {"config": "a: [1"}),
        ("config", {"config": "- 1\n"}),
        ("config", {"config": "x: " + "y" * 300_000}),
        ("config", {}),
        ("config.project", {"config": "project: ../../etc"}),
        ("project", {"config": "a: 1", "project": "../../etc"}),
        ("device", {"config": "a: 1", "device": "-rm"}),
        ("requirements.cpu_cores", {"config": "a: 1", "requirements": {"cpu_cores": -1}}),
        ("name", {"config": "a: 1", "name": "x\ny"}),
        ("max_retries", {"config": "a: 1", "max_retries": 1.5}),
        ("body", [1]),
    ):
        assert field in refused(await plant.admin.post("/api/queue/add", json=body), 400)
    worker = await plant.worker()
    for field, body in (
        ("host_id", {}),
        ("host_id", {"host_id": "a b"}),
        ("memory_total", {"host_id": "a", "memory_total": -1}),
        ("gpus.0.id", {"host_id": "a", "gpus": [{"name": "x"}]}),
        ("active_jobs", {"host_id": "a", "active_jobs": [""]}),
        ("cpu_util", {"host_id": "a", "cpu_util": "many"}),
    ):
        assert field in refused(await worker.http.post("/api/devices/heartbeat", json=body), 400)
    await worker.beat("no-such-job", "20261121_0000", "x" * 60)
    for path in (
        "queue/experiment/none", "queue/job/..%2f..%2fetc/log", "queue/experiments/%00/logs",
        "queue/job/20261121_ffff/config", "runs/welds/none", "runs/..%2f/x/metrics",
        "projects/none/experiments", "configs/raw?path=/etc/passwd", "queue/experiments/%F0%9F%92%A9/stderr",
    ):  # fmt: skip
        assert refused(await plant.admin.get(f"/api/{path}"), 404)
    for path in ("queue/list?limit=0", "queue/list?status=done", "queue/experiments?limit=10001",
                 "queue/next_job", "queue/next_job?host_id=a%20b", "queue/list?limit[$ne]=1"):  # fmt: skip
        assert refused(await plant.admin.get(f"/api/{path}"), 400)
    assert "experiment_uid" in refused(await worker.http.post("/api/queue/complete_job", json={}), 400)
