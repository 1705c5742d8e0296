"""From labelled parts to names on the line over HTTP, learned by an agent that is killed in the middle."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
import pytest

from andon.contracts import queue
from andon.contracts.annotation import Verdict
from andon.runtime import serving
from andon.runtime.registry import definition_of
from andon.testing import eventually
from andon.training.evaluation.figures import OVERLAP, iou

sys.path.insert(0, str(Path(__file__).parent))
from agent_plant import Plant, plant

STEPS = 240
KEPT_STEP = re.compile(r"step (1[2-9]\d|2\d\d) of")
"""A step after the first that is kept for the next attempt."""

pytestmark = [pytest.mark.timeout(420), pytest.mark.long]


def part(number: int, kind: str = "") -> tuple[bytes, list[int]]:
    """An even plate with some grain; with a dark scratch or a bright pit, and the box around it."""
    generator = np.random.default_rng(number)
    grain = cv2.GaussianBlur(generator.normal(size=(256, 256)), (15, 3), 0)
    image = np.repeat((130 + 50 * grain)[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)
    x, y = (int(value) for value in generator.integers(60, 170, 2))
    if kind == "scratch":
        cv2.line(image, (x, y), (x + 44, y + 26), (10, 10, 10), 4, cv2.LINE_AA)
    if kind == "pit":
        cv2.circle(image, (x + 12, y + 12), 12, (255, 255, 255), -1, cv2.LINE_AA)
    box = [x - 4, y - 4, x + (48 if kind == "scratch" else 28), y + 30]
    return cv2.imencode(".png", image)[1].tobytes(), box


@pytest.fixture
async def floor(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Plant]:
    given: dict[str, Any] = {
        "bus": bus_settings, "mongo": mongo_settings, "s3": blob_settings, "data": tmp_path / "line",
    }  # fmt: skip
    async with (
        plant(bus_settings, mongo_settings, blob_settings, tmp_path / "server") as made,
        AsyncExitStack() as stack,
    ):
        for name in ("inspection", "training"):
            definition = definition_of(name)
            await stack.enter_async_context(serving(definition, definition.settings(**given)))
        yield made


async def labelled(floor: Plant, number: int, kind: str = "") -> dict[str, Any]:
    """Keep a part's image and say what it is; every third is held out."""
    data, box = part(number, kind)
    key = f"parts/{number}.png"
    await floor.blobs.put(key, data, "image/png")
    shapes = [{"class_name": kind, "bbox": box}] if kind else []
    verdict = Verdict.DEFECT if kind else Verdict.GOOD
    about = {"key": key, "station_id": "plate", "part_id": f"part-{number}", "held_out": number % 3 == 0}
    return {**about, "verdict": verdict, "shapes": shapes}


async def started(floor: Plant, **body: Any) -> dict[str, Any]:
    answer = await floor.admin.post("/api/v1/training/start", json={"station_id": "plate", **body})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def job(floor: Plant, run_id: str) -> dict[str, Any]:
    return (await floor.admin.get(f"/api/v1/training/jobs/{run_id}")).json()


async def ended(floor: Plant, run_id: str) -> dict[str, Any]:
    async def over() -> dict[str, Any] | None:
        found = await job(floor, run_id)
        return found if found["completed_at"] else None

    found = await eventually(over, within=300, every=0.3)
    assert found is not None
    return found


def trainers(data: Path) -> list[psutil.Process]:
    """Processes that learn for an agent over this folder."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if "train" in process.cmdline() and str(data) in process.cwd():
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_labelled_parts_become_names_on_the_line(floor: Plant, tmp_path: Path) -> None:
    machine = tmp_path / "machine"
    assert (await floor.admin.put("/api/v1/stations/plate", json={})).status_code == 200
    good = [await labelled(floor, number) for number in range(24)]
    bad = [await labelled(floor, 100 + number, ("scratch", "pit")[number % 2]) for number in range(20)]
    async with floor.machine(machine):
        await eventually(lambda: _offers(floor), within=30)
        run = await started(floor, kind="anomaly", images=good + bad, head="knn", model_name="plates")
        assert run["place"] == "queue"

        async def killed() -> bool:
            """Once it has something to go on from."""
            if not any("knn" in line for line in (await job(floor, run["id"]))["logs"]):
                return False
            for process in trainers(machine):
                os.kill(process.pid, signal.SIGKILL)
            return True

        await eventually(killed, within=240, every=0.05)
        done = await ended(floor, run["id"])

        assert done["status"] == "succeeded", done["message"]
        assert any("went on from 4 stages" in note for note in done["notes"]), done["notes"]
        assert done["metrics"]["image_auroc"] > 0.9

        found = await floor.admin.get(f"/api/v1/training/evaluations/{done['version_id']}")
        assert found.json()["all"]["parts"] == 8 + 6
        page = await floor.admin.get(f"/api/v1/training/evaluations/{done['version_id']}/report")
        assert page.headers["content-type"].startswith("text/html")
        assert done["version_id"] in page.text
        deployed = await floor.admin.post(f"/api/v1/training/jobs/{run['id']}/deploy")
        assert deployed.status_code == 200, deployed.text

        classes = await started(floor, kind="regions", images=bad, deploy=True, sure_above=0.4)
        named = await ended(floor, classes["id"])
        assert named["status"] == "succeeded", named["message"]
        assert named["notes"] == [] or "not deployed" not in " ".join(named["notes"])

        finder = await started(floor, kind="detector", images=good + bad, deploy=True, steps=STEPS)

        async def killed_later() -> bool:
            if not any(KEPT_STEP.search(line) for line in (await job(floor, finder["id"]))["logs"]):
                return False
            for process in trainers(machine):
                os.kill(process.pid, signal.SIGKILL)
            return True

        await eventually(killed_later, within=240, every=0.05)
        finds = await ended(floor, finder["id"])
        assert finds["status"] == "succeeded", finds["message"]
        assert any(note.startswith("went on from step ") for note in finds["notes"]), finds["notes"]
        assert finds["metrics"]["steps"] == STEPS
        assert any("it can't decide" in note for note in finds["notes"])
        refused = await floor.admin.put("/api/v1/stations/plate", json={"detector": "decides"})
        assert refused.status_code == 422, refused.text
        assert refused.json()["detail"].startswith("detector: "), refused.text
        assert "too few good parts" in refused.json()["detail"]

    judged = await inspected(floor.admin, 900, "scratch")
    [scratch, *_] = [each for each in judged["detections"] if each["class_name"] == "scratch"]
    true = part(900, "scratch")[1]
    assert iou(tuple(scratch["bbox"]), (true[0], true[1], true[2], true[3])) > OVERLAP


async def test_a_run_that_is_stopped_ends_on_its_machine_and_leaves_nothing(
    floor: Plant, tmp_path: Path
) -> None:
    machine = tmp_path / "machine"
    assert (await floor.admin.put("/api/v1/stations/plate", json={})).status_code == 200
    good = [await labelled(floor, number) for number in range(16)]
    async with floor.machine(machine):
        await eventually(lambda: _offers(floor), within=30)
        run = await started(floor, kind="anomaly", images=good)
        await eventually(lambda: bool(trainers(machine)), within=60)

        stopped = await floor.admin.post("/api/v1/training/stop")

        assert stopped.json()["status"] == "stopped", stopped.text
        await eventually(lambda: not trainers(machine), within=60)
        assert (await job(floor, run["id"]))["version_id"] is None
        status = (await floor.admin.get("/api/v1/training/status")).json()
        assert status["is_training"] is False
        on_queue = await floor.admin.get("/api/v1/models", params={"station_id": "plate"})
        assert on_queue.json()["models"] == []


async def inspected(admin: httpx.AsyncClient, number: int, kind: str) -> dict[str, Any]:
    data, _ = part(number, kind)
    files = {"file": ("part.png", data, "image/png")}
    answer = await admin.post("/api/v1/inspect", files=files, data={"station_id": "plate"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _offers(floor: Plant) -> bool:
    """Whether a machine that can learn has registered."""
    found = await floor.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=15)
    return any("training" in device.labels for device in found.devices)
