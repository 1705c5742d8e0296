"""Limits hold for good parts nobody has seen, and say when there are too few images to promise that."""

import numpy as np
import pytest

from andon.contracts import Invalid
from andon.contracts.training import Head
from andon.training.domain.calibration import KEPT, auroc, calibrate, quantile
from andon.training.domain.choice import Trial, choose, folds
from andon.training.domain.drift import Drift, compare
from andon.training.domain.order import enough, evenly


@pytest.mark.parametrize(
    ("count", "level", "rank"), [(9, 0.9, 9), (19, 0.9, 18), (99, 0.98, 98), (49, 0.98, 49), (100, 0.9, 91)]
)
def test_a_limit_is_the_conformal_order_statistic(count: int, level: float, rank: int) -> None:
    assert quantile(np.arange(1.0, count + 1), level) == rank


def test_where_no_score_can_promise_the_level_the_limit_lies_beyond_the_highest() -> None:
    scores = np.random.default_rng(0).exponential(size=20)

    assert quantile(scores, 0.98) >= scores.max()
    assert quantile(scores, 0.98) < 3 * scores.max()


@pytest.mark.parametrize("count", [20, 60, 300])
def test_new_good_parts_keep_to_the_limits(count: int) -> None:
    generator = np.random.default_rng(1)
    passed, failed = [], []
    for _ in range(200):
        limits, fresh = calibrate(generator.gamma(4, size=count)).thresholds, generator.gamma(4, size=200)
        passed.append((fresh <= limits.uncertain_above).mean())
        failed.append((fresh > limits.fail_above).mean())

    assert np.mean(passed) == pytest.approx(0.91, abs=0.02)
    assert np.mean(failed) < max(0.02, 1 / (count + 1)) + 0.005


def test_the_bound_is_honest_about_few_images() -> None:
    assert calibrate(np.arange(9.0)).false_fail_bound == pytest.approx(0.1)
    assert calibrate(np.arange(500.0)).false_fail_bound == pytest.approx(0.02)


def test_equal_scores_still_leave_room_between_the_limits() -> None:
    limits = calibrate(np.ones(30)).thresholds

    assert limits.uncertain_above < limits.fail_above


def test_what_is_kept_for_confidence_is_sorted_and_bounded() -> None:
    scores = np.random.default_rng(0).normal(size=3000) + 9
    kept = calibrate(scores).thresholds.calibration

    assert len(kept) == KEPT
    assert list(kept) == sorted(kept)
    assert (kept[0], kept[-1]) == (scores.min(), scores.max())


@pytest.mark.parametrize(
    ("good", "bad", "expected"),
    [([1, 2], [3, 4], 1), ([3, 4], [1, 2], 0), ([1, 2], [1, 2], 0.5), ([1, 3], [2], 0.5)],
)
def test_auroc(good: list[float], bad: list[float], expected: float) -> None:
    assert auroc(np.array(good), np.array(bad)) == expected


def trial(kind: Head, shift: float) -> Trial:
    generator = np.random.default_rng(0)
    return Trial(kind, generator.normal(size=100), generator.normal(size=100) + shift)


def test_the_head_that_tells_defects_better_is_chosen() -> None:
    assert choose([trial(Head.PADIM, 1), trial(Head.KNN, 2)]).kind is Head.KNN
    assert choose([trial(Head.PADIM, 3), trial(Head.KNN, 2)]).kind is Head.PADIM


def test_folds_are_equally_used_and_more_where_images_are_few() -> None:
    for count, number in ((8, 8), (31, 10), (99, 10), (100, 5), (503, 5)):
        sizes = np.bincount(folds(count))
        assert len(sizes) == number
        assert np.ptp(sizes) <= 1


def test_a_faithful_quantisation_is_accepted() -> None:
    full = np.random.default_rng(0).gamma(4, size=100)

    assert compare(full, full * 1.01, limit=5).refusal is None


def test_a_quantisation_that_says_something_else_is_refused() -> None:
    generator = np.random.default_rng(0)
    full = generator.gamma(4, size=100)

    assert "correlate" in (compare(full, generator.gamma(4, size=100), 5).refusal or "")
    assert "pass rate" in (compare(full, full * 2, 5).refusal or "")
    assert compare(full, np.full(100, 7.0), 5) == Drift(0, 1)
    assert compare(full, np.full(100, np.nan), 5).refusal is not None


def test_too_few_images_are_refused() -> None:
    with pytest.raises(Invalid, match="at least 8 good images; there are 7"):
        enough(7)
    enough(8)


def test_many_images_are_thinned_out_evenly() -> None:
    assert evenly(range(5), 10) == [0, 1, 2, 3, 4]
    assert evenly(range(101), 5) == [0, 25, 50, 75, 100]
