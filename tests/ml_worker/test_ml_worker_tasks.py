"""Tasks of the ML worker API: submitted, run, listed, deleted, as a client with a key sees them."""

from typing import Any

import httpx
import pytest
from ml_worker_api import refused

from andon.contracts import Conflict, NotFound, queue
from andon.contracts.queue import Failure, Progress, Stage
from andon.testing import eventually


async def made(client: httpx.AsyncClient, name: str = "train", **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/tasks", json={"job_name": name, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def seen(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/tasks/{task_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/tasks", params=query)
    assert answer.status_code == 200, answer.text
    return [each["job_name"] for each in answer.json()["tasks"]]


async def test_a_task_goes_from_queued_to_completed(api: Any, client: httpx.AsyncClient, worker: Any):
    digest = "ab" * 32
    task = await made(
        client,
        args="--epochs 20 --name 'two words; rm -rf /'",
        cpu=2,
        memory_gb=4,
        datasets=["caps"],
        dataset_specs=[
            {"name": "labels", "source": "labels/1", "sha256": digest.upper(), "mount_path": "l/1"},
            {"source": "masks/night", "sha256": "", "mount_path": ""},
        ],
        metadata={"ticket": "A-7"},
        snapshot_id="snap-1",
        max_retries=2,
    )
    assert (task["status"], task["priority"], task["retry_count"], task["max_retries"]) == ("queued", 5, 0, 2)
    assert (task["cpu"], task["memory_gb"], task["gpu"]) == (2, 4, 0)
    assert (task["datasets"], task["snapshot_id"]) == (["caps", "labels", "night"], "snap-1")
    assert task["metadata"] == {"ticket": "A-7"}
    assert not {"started_at", "ended_at", "worker_id", "error", "output"} & set(task)
    (grant,) = await worker.lease()
    spec = grant.job.spec
    assert spec.snapshot_id == "snap-1"  # not registered: the worker looks for it in the store
    assert spec.command == ("python", "train.py", "--epochs", "20", "--name", "two words; rm -rf /")
    assert [(each.kind, each.name, each.source, each.sha256, each.mount_path) for each in spec.inputs] == [
        ("dataset", "caps", "", None, None),
        ("dataset", "labels", "labels/1", digest, "l/1"),
        ("dataset", "night", "masks/night", None, None),
    ]
    assert (await seen(client, task["id"]))["status"] == "preparing"
    await worker.report(grant, Stage.RUNNING, progress=Progress(fraction=0.25))
    running = await seen(client, task["id"])
    assert (running["status"], running["worker_id"], running["progress"]) == ("running", "edge-1", 0.25)
    await worker.report(grant, Stage.COLLECTING)
    assert (await seen(client, task["id"]))["status"] == "collecting"
    await worker.report(grant, Stage.SUCCEEDED, exit_code=0, message="accuracy 0.97")
    done = await seen(client, task["id"])
    assert (done["status"], done["output"]) == ("completed", "accuracy 0.97")
    assert done["created_at"] <= done["started_at"] <= done["ended_at"]
    assert "error" not in done


async def test_ten_is_the_most_urgent(client: httpx.AsyncClient, worker: Any):
    for name, priority in (("low", 1), ("high", 10), ("usual", 5), ("later", 5)):
        assert (await made(client, name, priority=priority))["priority"] == priority
    grants = await worker.lease(4)
    assert [each.job.name for each in grants] == ["high", "usual", "later", "low"]
    assert [each.job.priority for each in grants] == [100, 50, 50, 10]


async def test_a_failed_task_tells_why(client: httpx.AsyncClient, worker: Any):
    task = await made(client)
    (grant,) = await worker.lease()
    await worker.report(grant, Stage.RUNNING)
    await worker.report(grant, Stage.FAILED, exit_code=3, failure=Failure.FINAL, message="no such file")
    failed = await seen(client, task["id"])
    assert (failed["status"], failed["error"]) == ("failed", "no such file")
    stopped = await made(client, "stopped")
    await worker.bus.ask(queue.CANCEL, queue.CancelJob(id=stopped["id"]))
    ended = await seen(client, stopped["id"])
    assert (ended["status"], ended["error"]) == ("failed", "cancelled")


async def test_a_live_name_is_taken_until_its_task_has_ended(client: httpx.AsyncClient):
    task = await made(client, "only")
    error = refused(await client.post("/v1/tasks", json={"job_name": "only"}), 409, "CONFLICT")
    assert "only" in error
    assert (await client.delete(f"/v1/tasks/{task['id']}")).status_code == 204
    assert (await made(client, "only"))["id"] != task["id"]


async def test_an_idempotency_key_makes_one_task_of_many_requests(client: httpx.AsyncClient):
    once = {"Idempotency-Key": "night-7"}
    answers = [await client.post("/v1/tasks", json={"job_name": "n"}, headers=once) for _ in range(3)]
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["id"] for each in answers}) == 1
    refused(await client.post("/v1/tasks", json={"job_name": "other"}, headers=once), 409, "CONFLICT")
    empty = {"Idempotency-Key": ""}
    refused(await client.post("/v1/tasks", json={"job_name": "x"}, headers=empty), 400, "BAD_REQUEST")


async def test_delete_cancels_what_is_live_and_removes_what_has_ended(client: httpx.AsyncClient, worker: Any):
    waiting, running, done = [await made(client, name) for name in ("w", "r", "d")]
    await client.delete(f"/v1/tasks/{waiting['id']}")
    first, second = await worker.lease(2)
    await worker.report(first, Stage.RUNNING)
    await worker.report(second, Stage.SUCCEEDED)
    for task in (running, done):
        answer = await client.delete(f"/v1/tasks/{task['id']}")
        assert (answer.status_code, answer.content) == (204, b"")
    for task in (waiting, running, done):
        for method in ("GET", "DELETE"):
            refused(await client.request(method, f"/v1/tasks/{task['id']}"), 404, "NOT_FOUND")
    assert (await client.get("/v1/tasks")).json() == {"tasks": [], "total": 0, "limit": 50, "offset": 0}
    with pytest.raises((Conflict, NotFound)):  # a late word of its worker changes nothing
        await worker.report(first, Stage.SUCCEEDED)


async def test_lists_turn_pages_and_filter_by_what_a_client_sees(client: httpx.AsyncClient, worker: Any):
    for name in ("a", "b", "c", "d", "e", "f"):
        await made(client, name)
    _, b, c, d = await worker.lease(4)
    await worker.report(b, Stage.RUNNING)
    await worker.report(c, Stage.SUCCEEDED)
    await worker.report(d, Stage.FAILED, exit_code=1)
    assert await names(client) == ["f", "e", "d", "c", "b", "a"]
    assert await names(client, status="queued") == ["f", "e"]
    assert await names(client, status="running") == ["b", "a"]
    assert await names(client, status="preparing") == ["a"]
    assert await names(client, status="completed") == ["c"]
    assert await names(client, status="failed") == ["d"]
    page = (await client.get("/v1/tasks", params={"limit": 2, "offset": 3})).json()
    assert [each["job_name"] for each in page["tasks"]] == ["c", "b"]
    assert (page["total"], page["limit"], page["offset"]) == (6, 2, 3)
    assert await names(client, offset=6) == []


async def test_a_long_list_is_whole(client: httpx.AsyncClient, worker: Any):
    jobs = tuple(queue.NewJob(name=f"t{n}", project="ml-worker") for n in range(115))
    await worker.bus.ask(queue.SUBMIT_MANY, queue.SubmitMany(jobs=jobs), timeout=30)
    found = (await client.get("/v1/tasks", params={"limit": 1000, "offset": 5})).json()
    assert len({each["id"] for each in found["tasks"]}) == 110
    assert found["total"] == 115


async def test_jobs_of_other_surfaces_are_none_of_its_tasks(client: httpx.AsyncClient, worker: Any):
    job = await worker.bus.ask(queue.SUBMIT, queue.NewJob(name="a name: with words"))
    assert await names(client) == []
    refused(await client.get(f"/v1/tasks/{job.id}"), 404, "NOT_FOUND")
    refused(await client.delete(f"/v1/tasks/{job.id}"), 404, "NOT_FOUND")


async def test_queue_statistics_tell_of_today_and_of_workers(client: httpx.AsyncClient, worker: Any):
    await worker.beat()

    async def idle() -> dict[str, int]:
        found = (await client.get("/v1/queue")).json()
        assert (found["queued"], found["running"], found["workers"]) == (0, 0, 1)
        return found

    before = await eventually(idle)
    for name in ("a", "b", "c", "d"):
        await made(client, name)
    first, second, _ = await worker.lease(3)
    await worker.report(first, Stage.SUCCEEDED)
    await worker.report(second, Stage.FAILED, exit_code=1)

    async def counted() -> bool:
        found = (await client.get("/v1/queue")).json()
        done = {each: before[each] + 1 for each in ("completed", "failed")}
        assert found == {"queued": 1, "running": 1, **done, "workers": 1}
        return True

    await eventually(counted)


MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"job_name": "two words"}, "job_name"),
    ({"job_name": "x" * 65}, "job_name"),
    ({"job_name": ""}, "job_name"),
    ({"job_name": "n\n"}, "job_name"),
    ({"job_name": None}, "job_name"),
    ({"priority": 0}, "priority"),
    ({"priority": 11}, "priority"),
    ({"priority": "urgent"}, "priority"),
    ({"args": "--name 'open"}, "args"),
    ({"args": "a\x00b"}, "args"),
    ({"args": "x " * 2000}, "args"),
    ({"cpu": -1}, "cpu"),
    ({"memory_gb": 1e12}, "memory_gb"),
    ({"gpu": 1.5}, "gpu"),
    ({"datasets": ["../etc"]}, "datasets.0"),
    ({"datasets": "caps"}, "datasets"),
    ({"priority": "7"}, "priority"),
    ({"cpu": True}, "cpu"),
    ({"dataset_specs": [{}]}, "dataset_specs.0: name or source"),
    ({"dataset_specs": [{"name": "a"}, {"source": "x/a"}]}, "dataset_specs: 'a'"),
    ({"dataset_specs": [{"name": "a", "sha256": "12"}]}, "dataset_specs.0.sha256"),
    ({"dataset_specs": [{"name": "a", "mount_path": "../up"}]}, "dataset_specs.0.mount_path"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"metadata": {"a": "x" * 300_000}}, "metadata"),
    ({"snapshot_id": "a/b"}, "snapshot_id"),
]


async def test_odd_words_are_kept_as_they_are(client: httpx.AsyncClient):
    odd = {
        "$where": "1",
        "a.b": "x\x00y",
        "a\x00b": "",
        "": "z",
        "é" * 300: "",
        "__proto__": "{}",
        "'; drop": "\u202e",
    }
    task = await made(client, metadata=odd, args=" ".join(f"-{n}" for n in range(900)))
    assert (await seen(client, task["id"]))["metadata"] == odd
    assert (await client.get("/v1/tasks")).json()["tasks"][0]["metadata"] == odd


@pytest.mark.long
async def test_what_does_not_fit_is_named(client: httpx.AsyncClient, subtests: Any):
    for changes, field in MISFITS:
        with subtests.test(f"{field} {str(changes)[:60]}"):
            answer = await client.post("/v1/tasks", json={"job_name": "n", **changes})
            assert field in refused(answer, 422, "VALIDATION_ERROR")
    for body in (b"{", b"", b"[]", b"null", b'"text"', b"\xff"):
        with subtests.test(repr(body)):
            refused(await client.post("/v1/tasks", content=body, headers=JSON), 400, "BAD_REQUEST")
    for query in ("limit=0", "limit=1001", "offset=-1", "status=done", "limit=x", "status[$ne]=x"):
        with subtests.test(query):
            error = refused(await client.get(f"/v1/tasks?{query}"), 400, "BAD_REQUEST")
            assert query.split("=")[0].split("[")[0] in error
    for name in ("none", "x" * 200, "0" * 32, "%00", "..%2Ftasks"):
        with subtests.test(name):
            refused(await client.get(f"/v1/tasks/{name}"), 404, "NOT_FOUND")
            refused(await client.delete(f"/v1/tasks/{name}"), 404, "NOT_FOUND")
    assert await names(client) == []


JSON = {"Content-Type": "application/json"}
