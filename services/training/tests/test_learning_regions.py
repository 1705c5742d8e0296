"""A classifier of regions says in one file what scikit-learn said in memory, and learns from few outlines."""

from pathlib import Path

import numpy as np
import pytest

from andon.contracts import Invalid
from andon.contracts.learning import LabelledImage, RunKind
from andon.serving import REGION_SIDE, RegionClassifier, crops, decode_full
from andon.training.domain.lessons import REGIONS, Lesson
from andon.training.fitting import pooled, regions
from andon.training.fitting.backbone import Runner

from .learning_parts import labelled


def lesson(folder: Path, kinds: list[str]) -> Lesson:
    (folder / "images").mkdir(exist_ok=True)
    images: list[LabelledImage] = []
    for number, kind in enumerate(kinds):
        image, data = labelled(number, kind, held_out=False)
        (folder / "images" / str(number)).write_bytes(data)
        images.append(image)
    return Lesson(kind=RunKind.REGIONS, version_id="v", images=tuple(images))


def nothing(_stage: str, _fraction: float, _message: str) -> None: ...


@pytest.mark.parametrize("classes", [2, 3])
def test_the_exported_model_answers_like_the_regression(classes: int) -> None:
    generator = np.random.default_rng(0)
    seen = generator.normal(size=(60, pooled.SIZE)).astype(np.float32)
    names = np.arange(60) % classes
    fitted = regions._fitted(seen, names)

    weights, bias = regions._weights(fitted, classes)
    scores = seen @ weights + bias
    shown = np.exp(scores - scores.max(axis=1, keepdims=True))
    shown /= shown.sum(axis=1, keepdims=True)

    assert shown == pytest.approx(fitted.predict_proba(seen), abs=1e-4)


def test_onnx_runtime_describes_a_region_like_openvino() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, REGION_SIDE, REGION_SIDE, 3)).astype(np.uint8)
    runner = Runner(pooled.describer(), threads=1)
    described = runner.descriptions(pictures)
    weights = np.random.default_rng(2).normal(scale=0.05, size=(pooled.SIZE, 2)).astype(np.float32)

    model = RegionClassifier.open(pooled.classifier(weights, np.zeros(2, np.float32), ("a", "b")))

    scores = described @ weights
    expected = 1 / (1 + np.exp(scores[:, 1] - scores[:, 0]))
    assert described.shape == (3, pooled.SIZE)
    assert model.probabilities(pictures)[:, 0] == pytest.approx(expected, abs=1e-3)


def test_six_outlines_tell_two_classes_and_a_second_fit_costs_little(tmp_path: Path) -> None:
    taught = lesson(tmp_path, ["scratch", "pit"] * 3)
    cache = tmp_path / "cache"

    first = regions.learn(taught, tmp_path, cache, nothing)
    again = regions.learn(taught, tmp_path, cache, nothing)

    assert first.file == again.file
    assert first.classes == ("pit", "scratch")
    assert "'pit' is known from 3 outlines only" in first.notes
    assert len(list(cache.glob("*.npy"))) == 6
    model = RegionClassifier.open(tmp_path / REGIONS)
    for number, kind in enumerate(["scratch", "pit"] * 4, start=50):
        image, data = labelled(number, kind)
        [named] = model.name(decode_full(data).pixels, [image.shapes[0].bbox])
        assert named.class_name == kind


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="every outlined defect is called 'pit'"):
        regions.learn(lesson(tmp_path, ["pit"] * 4), tmp_path, None, nothing)


def test_a_region_at_the_edge_is_cut_where_the_picture_ends() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 200

    cut = crops(picture, [(50, 0, 60, 10), (0, 0, 60, 40), (59, 39, 60, 40)])

    assert cut.shape == (3, REGION_SIDE, REGION_SIDE, 3)
    assert (cut[0] == 200).all()
    assert cut[1, 64, 10].max() == 0
    assert crops(picture, []).shape == (0, REGION_SIDE, REGION_SIDE, 3)
