"""A detector learns from few outlines, says in one file what it learned, and goes on after a kill."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime
import openvino as ov
import pytest

from andon.contracts import Invalid, Unavailable
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import LabelledImage, Parameters, RunKind
from andon.contracts.station import Region
from andon.serving import Detector, decode_full
from andon.training.domain.lessons import DETECTOR, Lesson
from andon.training.evaluation.figures import iou
from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.detector import examples, network, training
from andon.training.fitting.detector.decoding import decode
from andon.training.fitting.detector.examples import View, gathered, views_of
from andon.training.fitting.detector.export import Head, exported
from andon.training.fitting.detector.learn import learn
from andon.training.fitting.detector.masks import spread
from andon.training.fitting.detector.state import Scaling
from andon.training.fitting.detector.taps import Eye, Shelf, size_of

from .learning_parts import labelled

pytestmark = pytest.mark.timeout(240)

STEPS = 60
KINDS = ["scratch", "pit"] * 6


def lesson(folder: Path, kinds: Sequence[str | None], **parameters: Any) -> Lesson:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images: list[LabelledImage] = []
    for number, kind in enumerate(kinds):
        image, data = labelled(number, kind, held_out=False)
        (folder / "images" / str(number)).write_bytes(data)
        images.append(image)
    told = Parameters(**{"steps": STEPS, **parameters})
    return Lesson(kind=RunKind.DETECTOR, version_id="v", images=tuple(images), parameters=told)


def nothing(
    _stage: str, _fraction: float, _message: str, _m: Mapping[str, float] = MappingProxyType({}), /
) -> None: ...


@pytest.mark.long
def test_a_dozen_outlines_find_defects_on_other_parts(tmp_path: Path) -> None:
    told: list[tuple[str, Mapping[str, float]]] = []

    learned = learn(
        lesson(tmp_path, [*KINDS, None]),
        tmp_path,
        lambda *each: told.append((each[0], dict(each[3]))),
        Checkpoints(),
    )

    assert learned.classes == ("pit", "scratch")
    assert learned.metrics["steps"] == STEPS
    assert any("too few outlined parts to keep some to stop by" in note for note in learned.notes)
    losses = [
        figures["train_loss"] for stage, figures in told if stage == "learn" and "train_loss" in figures
    ]
    assert losses[-1] < losses[0] / 2
    detector = Detector.open(tmp_path / DETECTOR)
    assert detector.sure_above == learned.sure_above
    right = 0
    for number, kind in enumerate(KINDS, start=50):
        image, data = labelled(number, kind)
        found = detector.find(decode_full(data).pixels, least=0.0)[0]
        right += found.class_name == kind and iou(found.box, image.shapes[0].bbox) > 0.5
    assert right >= 10


@pytest.mark.long
def test_a_killed_attempt_is_gone_on_from_and_ends_like_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 4)
    monkeypatch.setattr(training, "TELL_EVERY", 2)
    whole = learn(lesson(tmp_path / "a", KINDS[:6], steps=8), tmp_path / "a", nothing, Checkpoints())

    class Killed(Exception):
        """As by -9: nothing more is written."""

    def until_six(
        stage: str, _fraction: float, message: str, _metrics: Mapping[str, float] = MappingProxyType({}), /
    ) -> None:
        if stage == "learn" and message.startswith("step 6 "):
            raise Killed

    wanted = lesson(tmp_path / "b", KINDS[:6], steps=8)
    with pytest.raises(Killed):
        learn(wanted, tmp_path / "b", until_six, Checkpoints(tmp_path / "kept"))
    features = (tmp_path / "kept" / "fine.features").stat().st_mtime_ns
    again = learn(wanted, tmp_path / "b", nothing, Checkpoints(tmp_path / "kept"))

    assert "went on from step 4" in again.notes
    assert (tmp_path / "kept" / "fine.features").stat().st_size > 0
    assert features <= (tmp_path / "kept" / "fine.features").stat().st_mtime_ns
    assert again.file == whole.file


def test_it_stops_when_the_parts_to_stop_by_are_told_no_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "CHECK_EVERY", 1)
    monkeypatch.setattr(training, "PATIENCE", 2)
    monkeypatch.setattr(training, "PEAK_RATE", 0.0)

    learned = learn(lesson(tmp_path, ["pit"] * 20, steps=8), tmp_path, nothing, Checkpoints())

    assert 4 < learned.metrics["steps"] <= 7
    assert any("stopped early" in note for note in learned.notes)


def test_the_file_says_on_both_runtimes_what_the_head_says(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    weights = network.begin(3, 0, masks=True)
    layers = (*network.NORMED, network.MASK)
    norms = {
        name: (
            generator.normal(0, 0.2, 64).astype(np.float32),
            generator.uniform(0.5, 2, 64).astype(np.float32),
        )
        for name in layers
    }
    for name in layers:
        weights[f"{name}.shift"] = generator.normal(0, 0.3, 64).astype(np.float32)
    weights["class.out"] *= 40
    weights["mask.out"] *= 40
    image = labelled(3, "pit")[1]
    pixels = np.stack([decode_full(image).pixels, decode_full(labelled(4, "scratch")[1]).pixels])
    fine, coarse = Eye(256, threads=1).exact(pixels)
    scaling = Scaling(
        (fine.mean((0, 1, 2)), fine.std((0, 1, 2)) + 1e-3),
        (coarse.mean((0, 1, 2)), coarse.std((0, 1, 2)) + 1e-3),
    )
    data = exported(Head(weights, norms, scaling), 256, ("a", "b", "c"), 0.25, 0.625, 0.4)

    done = network.forward(weights, *scaling(fine, coarse), norms)
    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    outputs = ["boxes", "scores", "classes", "mask"]
    by_ort = session.run(outputs, {"image": pixels})
    core = ov.Core()
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model=data), "CPU", hints)(pixels)
    by_ov = [compiled[name] for name in outputs]

    assert done.masks is not None
    probable = 1 / (1 + np.exp(-spread(done.masks)))
    assert probable.std() > 0.1
    for boxes, scores, classes, mask in (by_ort, by_ov):
        assert mask == pytest.approx(probable, abs=1e-3)
        for number in range(2):
            expected = decode(done.classes[number], done.distances[number])
            assert scores[number] == pytest.approx(expected.scores, abs=1e-4)
            apart = np.diff(expected.scores) < -1e-4
            clear = np.concatenate([[True], apart]) & np.concatenate([apart, [False]])
            assert clear.sum() > 20
            assert (classes[number][clear] == expected.classes[clear]).all()
            assert boxes[number][clear] == pytest.approx(expected.boxes[clear], abs=0.05)
    told = Detector.open(data)
    assert (told.sure_above, told.fails_above, told.masks) == (0.25, 0.625, True)
    assert json.loads(session.get_modelmeta().custom_metadata_map["andon.classes"]) == ["a", "b", "c"]


def test_every_view_of_a_part_shows_its_defects_inside_their_boxes(tmp_path: Path) -> None:
    found = gathered(lesson(tmp_path, KINDS), tmp_path)
    views = [view for view in views_of(found, 0) if found.classes[view.example.classes[0]] == "pit"]

    assert {view.way for view in views} == set(range(8))
    for view in views[:8]:
        x1, y1, x2, y2 = view.boxes()[0].round().astype(int)
        pixels = view.pixels()
        assert pixels[y1:y2, x1:x2].max() >= 0.85 * pixels.max()
        assert pixels[(y1 + y2) // 2, (x1 + x2) // 2].mean() > 200


def test_what_does_not_fit_on_disk_is_seen_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = lesson(tmp_path, [*KINDS, None, None])
    assert len(views_of(gathered(wanted, tmp_path), 0)) == 12 * 8 + 2

    monkeypatch.setattr(examples, "MOST_BYTES", 40 * size_of(256))
    assert len(views_of(gathered(wanted, tmp_path), 0)) == 12 * 3 + 2
    monkeypatch.setattr(examples, "MOST_BYTES", 9 * size_of(256))
    assert len(views_of(gathered(wanted, tmp_path), 0)) == 9


def test_a_stations_region_is_all_that_is_learned_from(tmp_path: Path) -> None:
    whole = lesson(tmp_path, KINDS)
    [example, *_] = gathered(whole, tmp_path).learned
    box = whole.images[example.place].shapes[0].bbox

    within = whole.model_copy(update={"region": Region(x=0.1, y=0.1, width=0.8, height=0.8)})
    [narrow] = [one for one in gathered(within, tmp_path).learned if one.place == example.place]

    assert (narrow.boxes[0] * 0.8 + 0.1) * 256 == pytest.approx(box, abs=1e-3)
    corner = whole.model_copy(update={"region": Region(width=0.05, height=0.05)})
    with pytest.raises(Invalid, match="0 different parts with outlined defects"):
        gathered(corner, tmp_path)


def test_what_cannot_be_learned_from_is_named(tmp_path: Path) -> None:
    same = lesson(tmp_path / "same", ["pit"] * 8)
    for number in range(8):
        (tmp_path / "same" / "images" / str(number)).write_bytes(labelled(0, "pit")[1])
    with pytest.raises(Invalid, match="images: 1 different parts"):
        gathered(
            same.model_copy(
                update={
                    "images": tuple(
                        each.model_copy(update={"shapes": same.images[0].shapes}) for each in same.images
                    )
                }
            ),
            tmp_path / "same",
        )

    outside = lesson(tmp_path / "outside", KINDS)
    wrong = outside.images[4].model_copy(update={"shapes": (Shape(class_name="pit", bbox=(9, 9, 300, 40)),)})
    images = (*outside.images[:4], wrong, *outside.images[5:])
    with pytest.raises(Invalid, match=r"images: parts/4 has 256 x 256 pixels; bbox \[9, 9, 300, 40\]"):
        gathered(outside.model_copy(update={"images": images}), tmp_path / "outside")

    (tmp_path / "outside" / "images" / "2").write_bytes(b"\xff\xd8 cut")
    with pytest.raises(Invalid, match="parts/2"):
        gathered(outside, tmp_path / "outside")

    good = outside.model_copy(
        update={
            "images": tuple(
                LabelledImage(key=f"g{n}", verdict=Verdict.GOOD, held_out=False) for n in range(9)
            )
        }
    )
    with pytest.raises(Invalid, match="images: 0 different parts"):
        gathered(good, tmp_path / "outside")


def test_a_disk_that_takes_no_features_is_told(tmp_path: Path) -> None:
    example = gathered(lesson(tmp_path, KINDS), tmp_path).learned[0]
    views = [View(example, 256, 0, 0)]

    with pytest.raises(Unavailable, match="MB of features"):
        Shelf(tmp_path / "missing", 256, 1).filled((view.pixels for view in views), 1, lambda _: None)
