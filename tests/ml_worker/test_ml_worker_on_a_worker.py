"""Tasks that really run: on an agent, from the archives they begin with to the files they leave behind."""

import hashlib
import io
import sys
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from ml_worker_api import Api, Place, agent_of, end_all_in

from andon.agent.app import AgentBlock, AgentSettings
from andon.contracts import queue
from andon.testing import eventually

pytestmark = pytest.mark.timeout(120)

PROGRAM = """
import os, pathlib, sys, time
print("args", sys.argv[1:])
print("data", pathlib.Path("inputs/caps").read_text(), flush=True)
print("größer", file=sys.stderr, flush=True)
match sys.argv[1]:
    case "sleep":
        print("pid", os.getpid(), flush=True)
        time.sleep(600)
    case "once" if os.environ["ANDON_ATTEMPT"] == "1":
        sys.exit(3)
    case "fail":
        sys.exit(4)
folder = pathlib.Path("outputs/weights")
folder.mkdir(parents=True)
(folder / "model é.bin").write_bytes(b"weights " * 1000)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(api: Api, place: Place, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """An agent, and the archives of a snapshot `s-1` and a dataset `caps`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("train.py")
        entry.size = len(PROGRAM.encode())
        archive.addfile(entry, io.BytesIO(PROGRAM.encode()))
    for path, content in (("/v1/snapshots/s-1", packed.getvalue()), ("/v1/datasets/caps", b"grey and round")):
        answer = await api.admin.put(path, content=content, params={"entry": f"{sys.executable} train.py"})
        assert answer.status_code == 201, answer.text
    now = await api.bus.ask(queue.SETTINGS_GET, queue.GetSettings())
    quick = queue.QueueSettings(**{**now.model_dump(), "retry_first_seconds": 0.1})
    await api.bus.ask(queue.SETTINGS_PUT, queue.PutSettings(settings=quick))
    folder = tmp_path_factory.mktemp("edge")
    block = AgentBlock(name="edge-9", slots=4, nice=0, reserve_gb=0.01)
    try:
        async with agent_of(AgentSettings(bus=place.bus, s3=place.s3, data=folder, agent=block)):
            yield
    finally:
        end_all_in(folder)


async def begun(client: httpx.AsyncClient, args: str, **fields: Any) -> str:
    body = {
        "job_name": args.split(maxsplit=1)[0],
        "args": args,
        "snapshot_id": "s-1",
        "datasets": ["caps"],
        **fields,
    }
    answer = await client.post("/v1/tasks", json=body)
    assert answer.status_code == 201, answer.text
    return f"/v1/tasks/{answer.json()['id']}"


async def until(client: httpx.AsyncClient, task: str, *statuses: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        found = (await client.get(task)).json()
        assert found["status"] in statuses, found
        return found

    return await eventually(there, 40, every=0.1)


@pytest.mark.long
async def test_a_task_runs_its_snapshot_on_its_data(client: httpx.AsyncClient, edge: None):
    task = await begun(client, "go '$(id); a > b' --n=1")
    done = await until(client, task, "completed", "failed")
    assert (done["status"], done["worker_id"]) == ("completed", "edge-9"), done
    log = (await client.get(f"{task}/logs")).json()
    assert log["text"] == "args ['go', '$(id); a > b', '--n=1']\ndata grey and round\n"
    assert (log["complete"], log["next_offset"]) == (True, len(log["text"]))
    errors = (await client.get(f"{task}/logs", params={"stream": "stderr"})).json()
    assert errors["text"] == "größer\n"
    (kept,) = (await client.get(f"{task}/artifacts")).json()
    assert kept["size"] == 8000
    answer = await client.get(f"{task}/artifacts/{kept['name']}")
    assert hashlib.sha256(answer.content).hexdigest() == kept["sha256"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await client.get(f"{task}/artifacts/none")).status_code == 404


async def test_data_of_another_digest_fails_a_task_before_it_runs(client: httpx.AsyncClient, edge: None):
    other = {"name": "caps", "sha256": "ab" * 32, "source": ""}
    task = await begun(client, "mixed", dataset_specs=[other], max_retries=3)
    failed = await until(client, task, "failed")
    assert "sha256" in failed["error"]
    assert failed["retry_count"] == 0
    log = (await client.get(f"{task}/logs")).json()
    assert (log["text"], log["complete"]) == ("", True)


async def test_a_task_is_tried_again_as_often_as_it_asked_for(client: httpx.AsyncClient, edge: None):
    once, fail = await begun(client, "once", max_retries=2), await begun(client, "fail", max_retries=1)
    assert (await until(client, once, "completed"))["retry_count"] == 1
    failed = await until(client, fail, "failed")
    assert (failed["retry_count"], failed["max_retries"]) == (1, 1)
    assert "4" in failed["error"]


async def test_a_task_runs_again_from_its_record(client: httpx.AsyncClient, edge: None):
    task = await begun(client, "noted --n=1")
    await until(client, task, "completed")
    record = (await client.get(f"{task}/record")).json()
    assert record["command"][1:] == ["train.py", "noted", "--n=1"]
    assert [each["name"] for each in record["inputs"]] == ["s-1", "caps"]
    assert record["inputs"][1]["sha256"] == hashlib.sha256(b"grey and round").hexdigest()
    assert record["environment"]["python"].endswith(sys.version.split()[0])
    answer = await client.post(f"{task}/again")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["differences"], answer.json()["notes"]) == ([], [])
    again = f"/v1/tasks/{answer.json()['task']['id']}"
    await until(client, again, "completed")
    assert (await client.get(f"{again}/record")).json() == record | {"attempt": 1}
    assert (await client.get(f"{again}/artifacts")).json()[0]["size"] == 8000


async def test_what_never_began_has_no_record_and_what_lives_is_not_repeated(
    client: httpx.AsyncClient, edge: None
):
    other = {"name": "caps", "sha256": "cd" * 32, "source": ""}
    broken = await begun(client, "broken", dataset_specs=[other])
    await until(client, broken, "failed")
    live = await begun(client, "sleep")
    await until(client, live, "running")
    codes = [(await client.post(f"{each}/again")).status_code for each in (broken, live, "/v1/tasks/none")]
    assert codes == [404, 409, 404]
    assert (await client.get(f"{broken}/record")).status_code == 404
    await client.delete(live)


@pytest.mark.long
async def test_delete_ends_the_process_within_seconds(client: httpx.AsyncClient, edge: None):
    task = await begun(client, "sleep")

    async def pid() -> int:
        log = (await client.get(f"{task}/logs")).json()
        assert log["text"].endswith("\n")
        assert not log["complete"]
        return int(log["text"].rpartition("pid ")[2])

    running = await eventually(pid, 30, every=0.2)
    assert psutil.pid_exists(running)
    assert (await client.delete(task)).status_code == 204
    await eventually(lambda: _is_over(running), 10)
    assert (await client.get(f"{task}/logs")).status_code == 404


def _is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
