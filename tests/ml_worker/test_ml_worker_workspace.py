"""Experiments, the archives that tasks begin with, and what tasks print and leave behind."""

import hashlib
from typing import Any

import httpx
from ml_worker_api import Api, Worker, refused

from andon.contracts.queue import Artifact, LogRef, Stage


async def test_experiments_are_begun_listed_and_settled(client: httpx.AsyncClient):
    body = {"name": "Caps, autumn\n(matt)", "description": "d", "commit_id": "4f2c9d1"}
    answer = await client.post("/v1/experiments", json=body)
    assert answer.status_code == 201
    first = answer.json()
    assert {name: first[name] for name in body} == body
    assert first["status"] == "active"
    second = (await client.post("/v1/experiments", json={"name": "x" * 128})).json()
    assert "commit_id" not in second
    assert (await client.get("/v1/experiments")).json()[:2] == [second, first]
    assert (await client.get("/v1/experiments", params={"limit": 1, "offset": 1})).json() == [first]
    path = f"/v1/experiments/{first['id']}"
    assert (await client.patch(path, json={"status": "archived"})).json()["status"] == "archived"
    assert first["id"] in [each["id"] for each in (await client.get("/v1/experiments")).json()]
    await client.patch(path, json={"status": "deleted"})
    assert first["id"] not in [each["id"] for each in (await client.get("/v1/experiments")).json()]
    gone = (await client.get("/v1/experiments", params={"status": "deleted"})).json()
    assert [each["id"] for each in gone] == [first["id"]]


async def test_what_no_experiment_can_be_is_refused(client: httpx.AsyncClient):
    for body, field in (({}, "name"), ({"name": "x" * 129}, "name"), ({"name": 1}, "name")):
        assert field in refused(await client.post("/v1/experiments", json=body), 422, "VALIDATION_ERROR")
    for name in ("none", "x" * 100):
        answer = await client.patch(f"/v1/experiments/{name}", json={"status": "archived"})
        refused(answer, 404, "NOT_FOUND")
    made = (await client.post("/v1/experiments", json={"name": "n"})).json()
    answer = await client.patch(f"/v1/experiments/{made['id']}", json={"status": "burnt"})
    refused(answer, 422, "VALIDATION_ERROR")


async def test_a_task_begins_with_the_bytes_that_its_names_meant_when_it_was_submitted(
    api: Any, client: httpx.AsyncClient, worker: Any
):
    old, new, code = b"old" * 100, b"new" * 700_000, b"PK code"
    digests = [hashlib.sha256(each).hexdigest() for each in (old, new, code)]
    kept = (await client.put("/v1/datasets/caps", content=old)).json()
    assert (kept["name"], kept["sha256"], kept["size"]) == ("caps", digests[0], 300)
    answer = await client.put("/v1/snapshots/s-41", content=code, params={"entry": "python -m 'fit me'"})
    assert answer.status_code == 201
    assert answer.json()["entry"] == ["python", "-m", "fit me"]
    body = {"args": "--lr 0.1", "snapshot_id": "s-41", "datasets": ["caps"]}
    await client.post("/v1/tasks", json={"job_name": "before", **body})
    given = {"X-Content-Sha256": digests[1]}
    assert (await client.put("/v1/datasets/caps", content=new, headers=given)).status_code == 201
    await client.post("/v1/tasks", json={"job_name": "after", **body})
    before, after = [each.job.spec for each in await worker.lease(2)]
    assert before.command == ("python", "-m", "fit me", "--lr", "0.1")
    assert [each.sha256 for each in before.inputs] == [digests[2], digests[0]]
    assert [each.sha256 for each in after.inputs] == [digests[2], digests[1]]
    assert [await api.blobs.get(each.source) for each in before.inputs] == [code, old]
    assert await api.blobs.get(after.inputs[1].source) == new
    listed = (await client.get("/v1/datasets")).json()
    assert [(each["name"], each["sha256"]) for each in listed] == [("caps", digests[1])]
    assert [each["name"] for each in (await client.get("/v1/snapshots")).json()] == ["s-41"]


async def test_bytes_that_are_not_as_was_said_are_not_kept(client: httpx.AsyncClient):
    wrong = {"X-Content-Sha256": "ab" * 32}
    refused(await client.put("/v1/datasets/a", content=b"x", headers=wrong), 422, "VALIDATION_ERROR")
    refused(await client.put("/v1/datasets/a", content=b""), 422, "VALIDATION_ERROR")
    for name in ("..%2Fup", "a%20b", "x" * 65, ".hidden"):
        answer = await client.put(f"/v1/datasets/{name}", content=b"x")
        assert answer.status_code in (400, 404), answer.text
    quote = {"entry": "python 'open"}
    refused(await client.put("/v1/snapshots/a", content=b"x", params=quote), 400, "BAD_REQUEST")
    for path in ("/v1/datasets", "/v1/snapshots"):
        assert "a" not in [each["name"] for each in (await client.get(path)).json()]


async def test_a_log_is_read_on_from_where_one_was(api: Api, client: httpx.AsyncClient, worker: Worker):
    task = (await client.post("/v1/tasks", json={"job_name": "t"})).json()
    path, key = f"/v1/tasks/{task['id']}/logs", f"jobs/{task['id']}/1/stdout/"
    empty = {"stream": "stdout", "offset": 0, "next_offset": 0, "text": "", "complete": False}
    assert (await client.get(path)).json() == empty
    (grant,) = await worker.lease()
    for offset, text in ((0, "first "), (6, "zwölf "), (40, "after the gap")):
        await api.blobs.put(f"{key}{offset:020d}", text.encode())
    await worker.report(grant, Stage.RUNNING, logs={"stdout": LogRef(key=key, size=53, truncated=True)})

    async def read(**query: Any) -> tuple[int, str, int]:
        answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["offset"], answer.json()["text"], answer.json()["next_offset"]

    assert await read(offset=0, limit=6) == (0, "first ", 6)
    assert await read(offset=0, limit=9) == (0, "first zw", 8)  # half a letter is left for the next
    assert await read(offset=8, limit=3) == (8, "öl", 11)
    assert await read(offset=0) == (0, "first zwölf ", 13)
    assert await read(offset=13) == (40, "after the gap", 53)
    assert await read(limit=3) == (50, "gap", 53)
    assert await read(offset=53) == (53, "", 53)
    assert await read(offset=99) == (99, "", 99)
    await worker.report(grant, Stage.SUCCEEDED)
    assert not (await client.get(path, params={"offset": 40, "limit": 3})).json()["complete"]
    assert (await client.get(path, params={"offset": 40})).json()["complete"]
    assert (await client.get(path, params={"stream": "stderr"})).json()["complete"]
    for query in ({"stream": "x"}, {"offset": -1}, {"limit": 0}, {"limit": 1 << 30}):
        refused(await client.get(path, params=query), 400, "BAD_REQUEST")


async def test_what_a_notebook_server_printed_and_kept_is_its_owner_s(
    api: Api, client: httpx.AsyncClient, worker: Worker
):
    service = (await client.post("/v1/jupyter/services", json={"name": "lab"})).json()
    path = f"/v1/jupyter/services/{service['id']}"
    (grant,) = await worker.lease()
    await api.blobs.put("kept/a", b"notes")
    kept = (Artifact(name="workspace/a b.txt", key="kept/a", size=5), Artifact(name="lost", key="kept/b"))
    await worker.report(grant, Stage.SUCCEEDED, outputs=kept)
    assert [each["name"] for each in (await client.get(f"{path}/artifacts")).json()] == [
        "workspace/a b.txt",
        "lost",
    ]
    answer = await client.get(f"{path}/artifacts/workspace/a b.txt")
    assert (answer.content, answer.headers["content-length"]) == (b"notes", "5")
    refused(await client.get(f"{path}/artifacts/lost"), 404, "NOT_FOUND")
    assert (await client.get(f"{path}/logs")).status_code == 200
    for below in ("logs", "artifacts", "artifacts/lost"):
        refused(await api.admin.get(f"{path}/{below}"), 403, "FORBIDDEN")
        refused(await client.get(f"/v1/tasks/{service['id']}/{below}"), 404, "NOT_FOUND")
