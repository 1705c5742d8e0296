"""What people correct becomes a better model on the line, and a spoiled one goes by itself."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
import pytest
from dashboard_browser import SOON, sign_in
from playwright.sync_api import Page, expect

from andon.agent.adapters.keepers import living_keeper
from andon.inspection.camera.plate import PlateCamera
from andon.inspection.camera.shot import Shot

sys.path.insert(0, str(Path(__file__).parent))
from running_product import until

pytestmark = [pytest.mark.timeout(1200), pytest.mark.long]

STATION, JUNK = "loop", "junk"
GOOD, CORRECTED, STEPS = 60, 40, 400
CAMERA = PlateCamera(seed=21, good_first=GOOD, defects=0.5)


@dataclass
class Line:
    """The station's side and the engineer's, over HTTP."""

    http: httpx.Client
    shown: int = GOOD

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.http.post(f"/api/v1/{path}", json=body)
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json()

    def next(self, only: str | None = None) -> Shot:
        """The next part of the camera, or the next one that is `good` or a `defect`."""
        while True:
            shot = CAMERA.shot(self.shown)
            self.shown += 1
            if only in (None, shot.truth):
                return shot

    def inspect(self, shot: Shot) -> dict[str, Any]:
        files = {"file": ("part.jpg", shot.data, "image/jpeg")}
        form = {"station_id": STATION, "part_id": shot.part_id}
        answer = self.http.post("/api/v1/inspect", files=files, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def correct(self, part: dict[str, Any], shot: Shot) -> None:
        body: dict[str, Any] = {"verdict": "good"} if shot.mask is None else {"annotations": outlined(shot)}
        self.post(f"active-learning/annotate/{part['id']}", **body)

    def learned(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run that ended well."""

        def over() -> dict[str, Any] | None:
            found = self.get(f"training/jobs/{run['id']}")
            return found if found["completed_at"] else None

        found = until(over, 600, "the run did not end")
        assert found["status"] == "succeeded", found["message"]
        return found


def outlined(shot: Shot) -> list[dict[str, Any]]:
    """The defect as a person would mark it: a box and an outline."""
    assert shot.mask is not None
    contours, _ = cv2.findContours(shot.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    whole = cv2.convexHull(np.vstack(contours))[:, 0]
    (x1, y1), (x2, y2) = whole.min(axis=0), whole.max(axis=0) + 1
    box = [int(each) for each in (x1, y1, x2, y2)]
    return [{"class_name": shot.truth_class, "bbox": box, "polygon": whole[:400].tolist()}]


@pytest.fixture
def line(product) -> Iterator[Line]:
    with product.client() as client:
        client.timeout = httpx.Timeout(70)
        for station in (STATION, JUNK):
            assert client.put(f"/api/v1/stations/{station}", json={"mode": "teach"}).status_code == 200
        yield Line(client)


def taught(product, line: Line, station: str, *camera: str) -> str:
    """Show a station good parts, learn from them here and now; the version."""
    product.andon("camera", "--station", station, "--rate", "0", *camera)
    run = line.post("training/start", kind="anomaly", station_id=station, place="here")
    return line.learned(run)["version_id"]


def dataset(line: Line) -> str:
    """Everything that was taught and corrected, approved."""
    build = line.post("datasets", dataset="loop", stations=[STATION], annotations=True, taught=True)

    def over() -> dict[str, Any] | None:
        found = line.get(f"datasets/builds/{build['id']}")
        return found if found["ended_at"] else None

    found = until(over, 120, "the dataset was not built")
    assert found["state"] == "succeeded", found["message"]
    line.post(f"datasets/{found['version_id']}/approval", approved=True, note="looked through")
    return found["version_id"]


def trial(line: Line, running: bool = True) -> dict[str, Any]:
    return line.get("rollouts", station_id=STATION, running=running)["rollouts"][0]


def learned_through_a_kill(product, line: Line, folder: Path, made: str) -> dict[str, Any]:
    """A detector, although the agent's machine is killed in the middle of it."""
    wish = {
        "kind": "detector",
        "station_id": STATION,
        "dataset_version": made,
        "place": "queue",
        "steps": STEPS,
    }
    with product.agent(folder, "learner", 1) as first:
        until(lambda: line.get("devices")["devices"], 60, "no machine came")
        run = line.post("training/start", **wish)
        until(_has_steps(line, run["id"]), 400, "it took no step")
        first.kill()
        kept = [living_keeper(started.parent) for started in folder.glob("agent/attempts/*/started")]
        keepers = [psutil.Process(pid) for pid in kept if pid is not None]
        trainers = [each for keeper in keepers for each in keeper.children(recursive=True)]
        assert trainers
        for each in (*trainers, *keepers):
            each.kill()
    with product.agent(folder, "learner", 1):
        return line.learned(run)


def _has_steps(line: Line, run_id: str) -> Callable[[], bool]:
    """It keeps what it has every 100 steps."""

    def look() -> bool:
        found = re.search(r"step (\d+) of", line.get(f"training/jobs/{run_id}")["message"])
        return found is not None and int(found[1]) > 100

    return look


def test_corrected_parts_become_a_better_model_and_a_spoiled_one_goes_by_itself(
    product, line: Line, page, tmp_path: Path
):
    first = taught(product, line, STATION, "--seed", "21", "--good", str(GOOD), "--count", str(GOOD))
    line.post(f"models/{first}/deploy", station_ids=[STATION])

    for truth in ("defect", "good"):
        for _ in range(CORRECTED):
            shot = line.next(truth)
            line.correct(line.inspect(shot), shot)
    made = dataset(line)
    base = line.learned(line.post("training/start", kind="anomaly", dataset_version=made, station_id=STATION))
    line.post(f"models/{base['version_id']}/deploy", station_ids=[STATION], watch_minutes=0)

    better = learned_through_a_kill(product, line, tmp_path / "machine", made)
    assert any("went on from step 100" in note for note in better["notes"]), better["notes"]
    version = better["version_id"]
    before, after = (line.get(f"training/evaluations/{each['version_id']}") for each in (base, better))
    assert before["held_out"] == after["held_out"]
    assert after["all"]["image_auroc"] >= before["all"]["image_auroc"] > 0.9
    known = before["map50"] or 0.0  # where its station's classifier was fitted already
    assert after["map50"] > max(0.4, known)

    # Meanwhile its classifier may have been fitted again and deployed by itself.
    line.post(f"models/{base['version_id']}/deploy", station_ids=[STATION], watch_minutes=0)
    line.post(f"models/{version}/shadow", station_ids=[STATION])
    seen = [line.inspect(line.next()) for _ in range(12)]
    assert {part["model_version"] for part in seen} == {base["version_id"]}
    until(lambda: trial(line)["new"]["parts"] >= len(seen), 30, "the shadow judged nothing")
    line.post(f"rollouts/{trial(line)['id']}/abort")
    line.post(f"models/{version}/canary", station_ids=[STATION], share=0.5)
    seen = [line.inspect(line.next()) for _ in range(24)]
    assert {part["model_version"] for part in seen} == {base["version_id"], version}
    line.post(f"rollouts/{trial(line)['id']}/promote", reason="finds more")
    seen = [line.inspect(line.next()) for _ in range(40)]
    assert {part["model_version"] for part in seen} == {version}
    assert {each["class_name"] for part in seen for each in part["detections"]} > {"anomaly"}

    sign_in(page, "/models")
    decided_in_the_browser(line, page)

    spoiled = taught(product, line, JUNK, "--images", str(noise(tmp_path / "noise")), "--count", "16")
    line.post(f"models/{spoiled}/deploy", station_ids=[STATION], note="on purpose")

    def taken_back() -> bool:
        line.inspect(line.next("good"))
        return line.get("models/history", station_id=STATION)["versions"][0]["kind"] == "automatic-rollback"

    until(taken_back, 120, "the spoiled version stayed")
    last = line.inspect(line.next())
    assert last["model_version"] == version
    lineage = line.get(f"lineage/inspections/{last['id']}")
    assert lineage["versions"][0]["dataset_version"] == made
    judged = line.get(f"lineage/models/{spoiled}/inspections", limit=500)["parts"]
    assert len(judged) >= 30

    judged_by = page.locator(f"[data-station={STATION}]").get_by_role("region", name="Judged by")
    expect(judged_by).to_contain_text("rolled back by itself", timeout=SOON)


def decided_in_the_browser(line: Line, page: Page) -> None:
    """Somebody lets the detector fail parts by itself, and takes it back."""
    use = page.locator(f"[data-station={STATION}]").get_by_role("region", name="Detector")
    for verb, shown, kept in (
        ("Let it decide", "Decides, too", "decides"),
        ("Let it name only", "Names defects", "names"),
    ):
        use.get_by_role("button", name=verb).click(timeout=SOON)
        asked = page.get_by_role("dialog")
        expect(asked).to_contain_text(STATION)
        asked.get_by_role("button", name=verb).click()
        expect(use.get_by_text(shown, exact=True)).to_be_visible(timeout=SOON)
        assert line.get(f"stations/{STATION}")["recipe"]["detector"] == kept


def noise(folder: Path) -> Path:
    """Pictures that no part looks like."""
    folder.mkdir()
    random = np.random.default_rng(3)
    for number in range(16):
        pixels = random.integers(0, 256, (256, 256, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number:02d}.png"), pixels)
    return folder
