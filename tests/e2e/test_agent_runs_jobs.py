"""A task over HTTP, its code and data with it, run by `andon agent`, which is killed in the middle of it."""

import io
import os
import signal
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.agent.adapters.keepers import living_keeper

pytestmark = pytest.mark.long

ANDON = Path(sys.executable).parent / "andon"
TRAIN = """
import hashlib, os, sys, time
from andon import report

plates = open("inputs/plates", "rb").read()
report.progress(0.5, epoch=1, epochs=2, loss=0.25, message="half way")
print("seen", hashlib.sha256(plates).hexdigest(), flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
os.mkdir("outputs")
with open("outputs/model.txt", "w") as out:
    out.write(f"{len(plates)} bytes, attempt {os.environ['ANDON_ATTEMPT']}")
report.progress(1.0, epoch=2)
print("done")
"""


def snapshot() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        info = tarfile.TarInfo("train.py")
        info.size = len(TRAIN.encode())
        tar.addfile(info, io.BytesIO(TRAIN.encode()))
    return packed.getvalue()


@pytest.fixture
def api(product: Any) -> Iterator[httpx.Client]:
    """The ML worker API with a key of its own."""
    with product.client() as admin:
        body = {"name": "trainer", "scopes": ["configure", "view_history"]}
        key = admin.post("/api/v1/keys", json=body).json()["key"]
    with httpx.Client(base_url=product.url, headers={"X-API-Key": key}, timeout=30) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where an agent lives; nothing of its jobs lives on."""
    yield tmp_path / "edge"
    for started in (tmp_path / "edge").glob("agent/attempts/*/started"):
        if (pid := living_keeper(started.parent)) is not None:
            os.kill(pid, signal.SIGQUIT)


def settled(api: httpx.Client, task_id: str, *statuses: str, within: float = 60) -> dict[str, Any]:
    """The task once it is in one of these."""
    deadline = time.monotonic() + within
    while (task := api.get(f"/v1/tasks/{task_id}").json())["status"] not in statuses:
        assert time.monotonic() < deadline, task
        time.sleep(0.1)
    return task


def printed(api: httpx.Client, task_id: str) -> str:
    return api.get(f"/v1/tasks/{task_id}/logs").json()["text"]


@pytest.mark.timeout(240)
def test_a_task_outlives_the_agent_that_runs_it(
    product: Any, api: httpx.Client, folder: Path, tmp_path: Path
) -> None:
    plates = os.urandom(200_000)
    assert api.put("/v1/datasets/plates", content=plates).status_code == 201
    code = api.put("/v1/snapshots/trainer", params={"entry": "python train.py"}, content=snapshot())
    assert code.status_code == 201, code.text
    wish = {
        "job_name": "night",
        "snapshot_id": "trainer",
        "datasets": ["plates"],
        "args": str(tmp_path / "go"),
    }
    created = api.post("/v1/tasks", json=wish)
    assert created.status_code == 201, created.text
    task_id = created.json()["id"]
    with product.agent(folder, "edge-e2e", 2):
        settled(api, task_id, "running")
        deadline = time.monotonic() + 30
        while "seen" not in printed(api, task_id):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert "night" in product.andon("jobs", "--status", "running")
    (tmp_path / "go").touch()
    with product.agent(folder, "edge-e2e", 2):
        done = settled(api, task_id, "completed", "failed")
        assert (done["status"], done["worker_id"], done["retry_count"]) == ("completed", "edge-e2e", 0), done
        kept = api.get(f"/v1/tasks/{task_id}/artifacts").json()
        assert [each["name"] for each in kept] == ["outputs/model.txt"]
        model = api.get(f"/v1/tasks/{task_id}/artifacts/{kept[0]['name']}")
        assert model.text == "200000 bytes, attempt 1"
        assert printed(api, task_id).endswith("done\n")
        told = product.andon("job", task_id, "--follow")
        assert all(word in told for word in ("succeeded", "edge-e2e", "100%", "loss", "0.25", "seen"))

        again = api.post("/v1/tasks", json={**wish, "job_name": "cancelled", "args": str(tmp_path / "never")})
        settled(api, again.json()["id"], "running")
        began = time.monotonic()
        assert api.delete(f"/v1/tasks/{again.json()['id']}").status_code == 204
        while any(living_keeper(each.parent) for each in folder.glob("agent/attempts/*/started")):
            assert time.monotonic() - began < 10, "the process of a deleted task runs on"
            time.sleep(0.05)
