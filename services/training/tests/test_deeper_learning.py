"""torch learns the same detector deeper: what it says is what the file says, and a killed run goes on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from andon.contracts.learning import LabelledImage, Parameters, RunKind, Trainer
from andon.runtime import optional
from andon.serving import Detector, decode_full
from andon.training.domain.lessons import DETECTOR, Lesson
from andon.training.evaluation.figures import iou

from .learning_parts import labelled

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.long,
    pytest.mark.skipif(optional("torch") is None, reason="torch is not installed: scripts/setup --torch"),
]

CHECKS = Path(__file__).with_name("deeper_checks.py")
BEGIN = """
import runpy, sys
from andon.training.fitting.deeper.finding import made_importable
made_importable()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
ELSEWHERE = """
import runpy, sys
sys.prefix = sys.argv.pop(1)
runpy.run_module("andon.training.fitting", run_name="__main__")
"""
KINDS = ("scratch", "pit") * 6


def checks(*words: object) -> subprocess.CompletedProcess[str]:
    """In a process of its own: torch is nothing that the others should find loaded."""
    command = [sys.executable, "-W", "error", "-c", BEGIN, str(CHECKS), *map(str, words)]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=360, check=False, env=env)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def ordered(folder: Path, kinds: tuple[str, ...] = KINDS) -> Path:
    """A folder with an order in it."""
    (folder / "images").mkdir(parents=True)
    images: list[LabelledImage] = []
    for number, kind in enumerate(kinds):
        image, data = labelled(number, kind, held_out=False)
        (folder / "images" / str(number)).write_bytes(data)
        images.append(image)
    parameters = Parameters(trainer=Trainer.TORCH)
    lesson = Lesson(kind=RunKind.DETECTOR, version_id="v", images=tuple(images), parameters=parameters)
    (folder / "order.json").write_text(lesson.model_dump_json())
    return folder


def test_torch_says_what_andons_own_arithmetic_and_the_file_say() -> None:
    found = told(checks())

    assert found["upper"] < 1e-4
    assert max(value for name, value in found.items() if name.startswith("head_")) < 2e-3
    assert max(value for name, value in found.items() if name.endswith("_loss")) < 1e-3
    assert max(value for name, value in found.items() if name.endswith("_gradient")) < 1e-5
    assert found["file"] < 1e-4
    assert found["upper_changes_the_file"] > 100 * found["file"]
    assert found["opened"] == 1


def test_a_dozen_outlines_find_defects_on_other_parts(tmp_path: Path) -> None:
    found = told(checks(ordered(tmp_path / "run"), tmp_path / "kept", 60))

    assert found["classes"] == ["pit", "scratch"]
    assert found["trained_with"].startswith("torch 2.")
    assert found["curve"][-1] < found["curve"][0] / 2
    assert found["metrics"]["steps"] == 60
    detector = Detector.open(tmp_path / "run" / DETECTOR)
    right = 0
    for number, kind in enumerate(KINDS, start=50):
        image, data = labelled(number, kind)
        first = detector.find(decode_full(data).pixels, least=0.0)[0]
        right += first.class_name == kind and iou(first.box, image.shapes[0].bbox) > 0.5
    assert right >= 10


def test_a_run_killed_by_9_goes_on_and_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    folder = ordered(tmp_path / "run", KINDS[:6])
    whole = told(checks(folder, tmp_path / "undisturbed", 12))

    killed = checks(folder, tmp_path / "kept", 12, 10)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "kept" / "deeper.pt").exists()
    again = told(checks(folder, tmp_path / "kept", 12))

    assert "went on from step 8" in again["notes"]
    assert again["sha256"] == whole["sha256"]


def test_it_stops_when_the_parts_to_stop_by_are_told_no_better(tmp_path: Path) -> None:
    found = told(checks(ordered(tmp_path / "run", ("pit",) * 20), tmp_path / "kept", 40, -1))

    assert found["metrics"]["steps"] <= 4
    assert found["metrics"]["best_map"] >= 0
    assert any("stopped early" in note for note in found["notes"])


def test_without_torch_the_run_says_how_to_have_it(tmp_path: Path) -> None:
    folder = ordered(tmp_path / "run")
    order = json.loads((folder / "order.json").read_text())
    limits = {"uncertain_above": 0.5, "fail_above": 0.9}
    (folder / "order.json").write_text(json.dumps({**order, "thresholds": limits}))
    (folder / "parent.onnx").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(tmp_path / ".venv"), str(folder)],
        capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip

    assert done.returncode == 3, done.stderr[-2000:]
    problem = json.loads(done.stdout.splitlines()[-1])
    assert "torch is not installed on this machine; scripts/setup --torch" in problem["message"]
