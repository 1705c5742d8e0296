"""What is counted on held-out parts, as tables."""

import numpy as np
import pytest

from andon.contracts.annotation import Verdict
from andon.contracts.inspection import Decision
from andon.training.evaluation.figures import (
    Found,
    Judged,
    average_precision,
    figures,
    iou,
    overlap_per_region,
    share,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 200, 0.0009, 0.0278)],
)
def test_a_share_comes_with_its_wilson_interval(count: int, of: int, low: float, high: float) -> None:
    found = share(count, of)

    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None


def test_decisions_are_counted_by_truth() -> None:
    good, bad = Verdict.GOOD, Verdict.DEFECT
    parts = [
        Judged(good, Decision.PASS, 0.1),
        Judged(good, Decision.FAIL, 0.9),
        Judged(good, Decision.UNCERTAIN, 0.5),
        Judged(bad, Decision.FAIL, 0.95),
        Judged(bad, Decision.PASS, 0.2),
    ]

    found = figures(parts)

    assert found.decisions["good"] == {"pass": 1, "fail": 1, "uncertain": 1}
    assert found.decisions["defect"] == {"pass": 1, "fail": 1, "uncertain": 0}
    assert found.false_accept is not None
    assert found.false_reject is not None
    assert (found.false_accept.count, found.false_accept.of) == (1, 2)
    assert (found.false_reject.count, found.false_reject.of) == (1, 3)
    assert found.image_auroc == pytest.approx(4 / 6)


def test_without_defects_nothing_is_said_of_them() -> None:
    found = figures([Judged(Verdict.GOOD, Decision.PASS, 0.1)])

    assert found.false_accept is None
    assert found.image_auroc is None


def test_average_precision_counts_a_region_once_and_false_finds_against_it() -> None:
    truth = [(0, (0, 0, 10, 10)), (1, (0, 0, 10, 10))]
    perfect = [Found(0, (0, 0, 10, 10), 0.9), Found(1, (0, 0, 10, 10), 0.8)]
    twice = [*perfect, Found(0, (0, 0, 10, 9), 0.85)]
    elsewhere = [Found(0, (50, 50, 60, 60), 0.99), *perfect]

    assert average_precision(perfect, truth) == pytest.approx(1.0)
    assert average_precision(twice, truth) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision(elsewhere, truth) == pytest.approx(2 / 3)
    assert average_precision([], truth) == 0.0
    assert average_precision(perfect, []) is None


def test_overlap_is_intersection_over_union() -> None:
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(50 / 150)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0.0


def test_pro_is_one_where_heat_covers_regions_alone_and_low_where_it_is_elsewhere() -> None:
    masks = np.zeros((2, 32, 32), bool)
    masks[0, 4:8, 4:8] = True
    exact = masks.astype(np.float32) + np.random.default_rng(0).uniform(0, 0.1, masks.shape).astype(
        np.float32
    )

    assert overlap_per_region(exact, masks) == pytest.approx(1.0, abs=0.01)
    wrong = overlap_per_region(-exact, masks)
    assert wrong is not None
    assert wrong < 0.05
    assert overlap_per_region(exact, np.zeros_like(masks)) is None


def test_pro_weighs_a_small_region_like_a_large_one() -> None:
    masks = np.zeros((1, 64, 64), bool)
    masks[0, :30, :30] = True
    masks[0, 60:62, 60:62] = True
    large_alone = np.random.default_rng(1).uniform(0, 0.1, masks.shape).astype(np.float32)
    large_alone[0, :30, :30] = 1.0
    large_alone[0, 60:62, 60:62] = -1.0

    assert overlap_per_region(large_alone, masks) == pytest.approx(0.5, abs=0.02)
