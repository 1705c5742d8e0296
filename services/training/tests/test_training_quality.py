"""How well defects are told on real photographs, where they are at hand; on generated parts anywhere."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from andon.contracts.training import Head
from andon.serving import decode, look
from andon.training.domain.calibration import auroc
from andon.training.domain.order import FitOrder, FitResult
from andon.training.fitting import job
from andon.training.fitting.backbone import Runner

from .training_parts import jpeg, part

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("ANDON_TEST_DATA", ROOT.parent / "shared" / "data"))

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A set of photographs, and the least that is expected on it."""

    name: str
    defect: str
    head: Head
    auroc: float
    false_fails: float
    escapes: float


CASES = [
    Case("cookies", "crack", Head.AUTO, 0.99, 0.08, 0.10),
    Case("cookies", "crack", Head.PADIM, 0.99, 0.08, 0.15),
    Case("ball-screw", "pitting", Head.AUTO, 0.90, 0.05, 0.25),
    Case("ball-screw", "pitting", Head.KNN, 0.90, 0.05, 0.25),
]


def fitted(images: list[bytes], head: Head, folder: Path) -> FitResult:
    (folder / "images").mkdir()
    for number, data in enumerate(images):
        (folder / "images" / str(number)).write_bytes(data)
    order = FitOrder(keys=tuple(str(number) for number in range(len(images))), head=head)
    return job.fit(order, folder, lambda *_: None)


def scored(model: Path, images: list[bytes]) -> Floats:
    return Runner(model.read_bytes(), 2).scores(np.stack([look(decode(data).pixels) for data in images]))


def read(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def figures(result: FitResult, model: Path, good: list[bytes], bad: list[bytes]) -> dict[str, float]:
    fine, spoilt = scored(model, good), scored(model, bad)
    limits = result.thresholds
    return {
        "auroc": auroc(fine, spoilt),
        "passes": float((fine <= limits.uncertain_above).mean()),
        "false_fails": float((fine > limits.fail_above).mean()),
        "caught": float((spoilt > limits.fail_above).mean()),
        "escapes": float((spoilt <= limits.uncertain_above).mean()),
    }


def show(title: str, result: FitResult, found: dict[str, dict[str, float]]) -> None:
    """With `pytest -s` the figures themselves are what one wants to see."""
    rows = {
        name: ", ".join(f"{key} {value:.3f}" for key, value in row.items()) for name, row in found.items()
    }
    lines = [f"{name}: {row}" for name, row in rows.items()]
    print("\n  ".join([f"\n{title}", *lines, str(result.metrics)]))  # noqa: T201


@pytest.fixture(params=CASES, ids=lambda case: f"{case.name}-{case.head}")
def case(request: pytest.FixtureRequest) -> Case:
    if not (DATA / request.param.name).is_dir():
        pytest.skip(f"no photographs at {DATA / request.param.name}; set ANDON_TEST_DATA to their folder")
    return request.param


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_defects_on_real_photographs_are_told_from_good_parts(case: Case, tmp_path: Path) -> None:
    folder = DATA / case.name
    result = fitted(read(folder / "train" / "good"), case.head, tmp_path)
    good, bad = read(folder / "test" / "good"), read(folder / "test" / case.defect)

    found = {name: figures(result, tmp_path / name, good, bad) for name in (job.FP32, job.INT8)}

    show(f"{case.name}, {len(result.source_sha256)} good images, {result.head}", result, found)
    for row in found.values():
        assert row["auroc"] >= case.auroc
        assert row["false_fails"] <= case.false_fails
        assert row["escapes"] <= case.escapes
    assert found[job.FP32]["auroc"] - found[job.INT8]["auroc"] <= 0.01


@pytest.mark.long
@pytest.mark.timeout(180)
def test_scratches_on_generated_parts_are_told_from_good_parts(tmp_path: Path) -> None:
    result = fitted([jpeg(part(number)) for number in range(40)], Head.PADIM, tmp_path)
    good = [jpeg(part(number)) for number in range(500, 520)]
    bad = [jpeg(part(number, scratched=True)) for number in range(600, 620)]

    row = figures(result, tmp_path / job.INT8, good, bad)

    assert row["auroc"] >= 0.98
    assert row["passes"] >= 0.75
    assert row["escapes"] <= 0.05
