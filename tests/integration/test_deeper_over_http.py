"""A deeper detector over HTTP, learned with torch by an agent whose trainer is killed in the middle."""

import os
import signal
import sys
from pathlib import Path

import pytest

from andon.contracts import queue
from andon.runtime import optional
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from agent_plant import Plant
from test_learning_over_http import ended, floor, job, labelled, started, trainers  # noqa: F401 - floor is a fixture

pytestmark = [
    pytest.mark.timeout(580),
    pytest.mark.long,
    pytest.mark.skipif(optional("torch") is None, reason="torch is not installed: scripts/setup --torch"),
]


async def test_a_killed_trainer_goes_on_from_its_last_checkpoint(floor: Plant, tmp_path: Path) -> None:  # noqa: F811 - as above
    machine = tmp_path / "machine"
    assert (await floor.admin.put("/api/v1/stations/plate", json={})).status_code == 200
    good = [await labelled(floor, number) for number in range(16)]
    bad = [await labelled(floor, 100 + number, ("scratch", "pit")[number % 2]) for number in range(15)]
    async with floor.machine(machine):
        await eventually(lambda: _offered(floor), within=30)
        first = await started(floor, kind="anomaly", images=good, head="knn", deploy=True)
        assert (await ended(floor, first["id"]))["status"] == "succeeded"

        run = await started(floor, kind="detector", images=bad, trainer="torch", steps=70)
        assert run["place"] == "queue"

        async def killed() -> bool:
            """Once it has something to go on from."""
            now = await job(floor, run["id"])
            assert now["completed_at"] is None, now["message"]
            if not any("step 60 of 70" in line for line in now["logs"]):
                return False
            for process in trainers(machine):
                os.kill(process.pid, signal.SIGKILL)
            return True

        await eventually(killed, within=240, every=0.02)
        done = await ended(floor, run["id"])

    assert done["status"] == "succeeded", done["message"]
    assert "went on from step 50" in done["notes"]
    assert done["repeat"]["trained_with"].startswith("torch 2.")
    assert done["metrics"]["export_off"] < 1e-4
    found = await floor.admin.get(f"/api/v1/training/evaluations/{done['version_id']}")
    assert found.json()["map50"] == pytest.approx(done["metrics"]["map50"], abs=1e-3)


async def _offered(floor: Plant) -> bool:  # noqa: F811 - as above
    """Whether a machine that can learn deeper has registered, and says with what."""
    found = await floor.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=15)
    return any(
        {"training", "torch"} <= set(device.labels) and device.facts.torch_version for device in found.devices
    )
