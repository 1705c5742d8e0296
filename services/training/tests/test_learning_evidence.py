"""What a version is offered with: misses in order, doubts said, a page that runs nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.inspection import Decision
from andon.contracts.learning import LabelledImage, Latency
from andon.contracts.station import Thresholds
from andon.serving import Named
from andon.testing import build
from andon.training.evaluation.evidence import MOST_MISSES, evidence, worst
from andon.training.evaluation.figures import Judged
from andon.training.evaluation.judging import Seen
from andon.training.evaluation.page import page
from andon.training.fitting import checkpoints
from andon.training.fitting.checkpoints import Checkpoints

NASTY = '<script>alert("x")</script>'


def seen(key: str, truth: Verdict, decision: Decision, score: float, **about: str) -> Seen:
    kind = about.get("kind", "pit")
    shapes = (Shape(class_name=kind, bbox=(0, 0, 9, 9)),) if truth is Verdict.DEFECT else ()
    return Seen(
        image=LabelledImage(key=key, verdict=truth, shapes=shapes, station_id=about.get("station", "a")),
        judged=Judged(truth, decision, score),
        milliseconds=5.0,
        heatmap=np.zeros((32, 32), np.float32),
        found=(((0, 0, 9, 9), kind, score),) if decision is not Decision.PASS and shapes else (),
        named=tuple(Named("pit", 0.9) for _ in shapes),
        mask=None,
        thumbnail=b"jpeg",
    )


PARTS = [
    seen("good-1", Verdict.GOOD, Decision.PASS, 0.1),
    seen("good-2", Verdict.GOOD, Decision.FAIL, 0.7),
    seen("good-3", Verdict.GOOD, Decision.FAIL, 0.9, station="b"),
    seen("bad-1", Verdict.DEFECT, Decision.PASS, 0.3),
    seen("bad-2", Verdict.DEFECT, Decision.PASS, 0.2, kind="dent"),
    seen("bad-3", Verdict.DEFECT, Decision.FAIL, 0.95),
]
LATENCY = Latency(runtime="openvino", device="CPU", median_ms=5.0, p95_ms=8.0, parts=6)


def test_the_worst_misses_come_first() -> None:
    assert [one.image.key for one in worst(PARTS)] == ["bad-2", "bad-1", "good-3", "good-2"]
    many = [seen(f"bad-{number}", Verdict.DEFECT, Decision.PASS, number / 100) for number in range(60)]
    assert len(worst([*many, PARTS[1]])) == MOST_MISSES
    assert worst([*many, PARTS[1]])[-1].image.key == "good-2"


def test_figures_are_told_for_all_by_station_and_by_class() -> None:
    found, _ = evidence("v", "0" * 64, PARTS, LATENCY, build.NOON)

    assert found.all.parts == 6
    assert set(found.by_station) == {"a", "b"}
    assert found.by_station["b"].false_accept is None
    assert found.classes["pit"].regions == 2
    assert found.classes["pit"].missed is not None
    assert found.classes["pit"].missed.count == 1
    assert found.classes["pit"].average_precision == 0.5
    assert found.region_confusion["dent"] == {"pit": 1}
    assert found.pixel_pro is None
    assert any("below 50 the intervals are wide" in note for note in found.notes)


def test_parts_that_people_were_unsure_of_count_for_nothing() -> None:
    unsure = seen("unsure", Verdict.UNSURE, Decision.FAIL, 0.9)

    assert evidence("v", "0" * 64, [*PARTS, unsure], LATENCY, build.NOON)[0].all.parts == 6


def test_what_others_called_a_part_is_text_on_the_page() -> None:
    parts = [seen(NASTY, one.image.verdict, one.judged.decision, one.judged.score) for one in PARTS]
    found, misses = evidence("v-1", "0" * 64, parts, LATENCY, build.NOON)

    shown = page(found, Thresholds(uncertain_above=0.5, fail_above=0.6), parts, misses)

    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "v-1" in shown
    assert shown.count("<figure>") == 4
    assert "66.7%" in shown
    assert "http" not in shown


def test_a_stage_is_done_once_and_forgotten_when_the_run_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checkpoints, "_PLACE", tmp_path)
    first, again = Checkpoints.of("order"), Checkpoints.of("order")
    made = np.arange(6.0).reshape(2, 3)

    first.array("features", lambda: made)
    kept = again.array("features", lambda: np.zeros(1))

    assert (kept == made).all()
    assert (first.found, again.found) == (0, 1)
    again.done()
    assert Checkpoints.of("order").array("features", lambda: np.zeros(1)).shape == (1,)


def test_a_folder_that_others_may_write_into_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checkpoints, "_PLACE", tmp_path)
    (tmp_path / f"andon-training-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"andon-training-{os.getuid()}").chmod(0o777)

    Checkpoints.of("order").array("features", lambda: np.zeros(1))

    assert not list(tmp_path.rglob("*.npy"))
