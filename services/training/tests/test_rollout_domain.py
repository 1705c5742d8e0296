"""When a version is better, when it leaves its bounds, what comes before it: as tables."""

from datetime import timedelta

import numpy as np
import pytest

from andon.contracts.inspection import Tally
from andon.contracts.rollout import Bounds
from andon.contracts.station import Deployment, DeploymentKind, TrialRole
from andon.testing import build
from andon.training.rollout.bounds import crossed
from andon.training.rollout.history import previous
from andon.training.rollout.merit import merit
from andon.training.rollout.stability import chi_squared, stability

CANARY, SHADOW = TrialRole.CANARY, TrialRole.SHADOW


def history(*said: str) -> list[Deployment]:
    """`a` deploys a, `<a` rolls back to it; newest first as stations keep them."""
    entries = [
        Deployment(
            version_id=word.removeprefix("<"),
            digest="0",
            kind=DeploymentKind.ROLLBACK if word.startswith("<") else DeploymentKind.DEPLOY,
            by="eve",
            at=build.NOON + timedelta(minutes=number),
        )
        for number, word in enumerate(said)
    ]
    return entries[::-1]


@pytest.mark.parametrize(
    ("said", "before"),
    [
        ((), []),
        (("a",), []),
        (("a", "b"), ["a"]),
        (("a", "b", "c"), ["b", "a"]),
        (("a", "b", "c", "<b"), ["a"]),
        (("a", "b", "<a"), []),
        (("a", "b", "<a", "c"), ["a"]),
        (("a", "b", "a"), ["b"]),
        (("<b", "c"), ["b"]),
        (("b", "b"), []),
    ],
)
def test_a_rollback_goes_back_and_a_second_one_further(said, before):
    assert previous(history(*said)) == before


def version(name: str, held_out: str = "h1", **metrics: float):
    return build.model_version(id=name, held_out=held_out, metrics=metrics)


@pytest.mark.parametrize(
    ("candidate", "active", "better"),
    [
        (version("b", map50=0.91), version("a", map50=0.90), True),
        (version("b", map50=0.90), version("a", map50=0.90), False),
        (version("b", map50=0.89), version("a", map50=0.90), False),
        (
            version("b", map50=0.90, region_accuracy=0.9),
            version("a", map50=0.90, region_accuracy=0.8),
            True,
        ),
        (version("b", region_accuracy=0.9), version("a", region_accuracy=0.8), True),
        (version("b", map50=0.89, region_accuracy=0.9), version("a", map50=0.90, region_accuracy=0.8), False),
        (version("b", map50=float("nan")), version("a", map50=0.90), False),
        (version("b", map50=0.80, image_auroc=0.99), version("a", map50=0.90, image_auroc=0.5), False),
        (version("b", map50=0.80, image_auroc=0.99), version("a", image_auroc=0.5), True),
        (version("b", "h2", map50=0.99), version("a", map50=0.1), False),
        (version("b", "", map50=0.99), version("a", "", map50=0.1), False),
        (version("b", synthetic_auroc=0.99), version("a", synthetic_auroc=0.1), False),
        (version("a", map50=0.99), version("a", map50=0.1), False),
        (version("b", map50=0.99), None, False),
    ],
)
def test_only_a_strictly_better_version_on_the_same_parts_is_better(candidate, active, better):
    assert merit(candidate, active).better is better


def tally(passed: int, failed: int = 0, ms: float = 10.0, rank: int | None = None, errors: int = 0) -> Tally:
    parts = passed + failed
    spread = dict.fromkeys(range(10), parts // 10) if rank is None else {rank: parts}
    return Tally(
        parts=parts,
        passed=passed,
        failed=failed,
        errors=errors,
        time_us=round(parts * ms * 1000),
        time_squares=round(parts * ms * ms * 1.1),
        ranks=spread,
    )


OLD = tally(950, 50)


@pytest.mark.parametrize(
    ("role", "new", "reason"),
    [
        (CANARY, tally(95, 5), None),
        (CANARY, tally(85, 15), None),  # ten per cent apart is allowed
        (CANARY, tally(0, 29), None),  # too few to tell
        (CANARY, tally(0, 30), "pass rate 0.0% of 30 parts against 95.0%"),
        (CANARY, tally(50, 50), "pass rate"),
        (CANARY, tally(95, 5, ms=25.0), None),  # 20 ms more are always allowed
        (CANARY, tally(95, 5, ms=45.0), "45 ms a part against 10"),
        (CANARY, tally(95, 5, rank=9), "scores lie elsewhere"),
        (CANARY, tally(2, errors=2), None),
        (CANARY, tally(0, errors=3), "no answer about 3 of 3 parts"),
        (CANARY, tally(1000, errors=10), None),
        (CANARY, tally(900, errors=100), "no answer about 100 of 1000 parts"),
        (SHADOW, tally(0, 100), None),
        (SHADOW, tally(0, errors=5), "no answer"),
    ],
)
def test_a_version_that_leaves_its_bounds_has_a_reason(role, new, reason):
    found = crossed(role, Bounds(), new, OLD)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_a_version_that_passes_everything_is_as_wrong_as_one_that_fails_everything():
    assert "pass rate" in (crossed(CANARY, Bounds(), tally(200), tally(600, 400)) or "")


def test_ranks_of_a_few_good_parts_are_not_compared():
    assert crossed(CANARY, Bounds(), tally(95, 5, rank=9), OLD, ranked=False) is None


def test_without_anything_to_compare_with_only_errors_count():
    assert crossed(CANARY, Bounds(), tally(0, 500), Tally()) is None


@pytest.mark.parametrize(("freedom", "exact"), [(1, 10.828), (4, 18.467), (9, 27.877), (19, 43.820)])
def test_the_quantile_is_right_to_four_per_cent(freedom, exact):
    assert chi_squared(freedom, 0.999) == pytest.approx(exact, rel=0.04)


def histogram(values: np.ndarray) -> dict[int, int]:
    numbers, counts = np.unique(np.floor(values * 8).astype(int), return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize(("before", "now"), [(200, 100), (1000, 200), (1000, 2000)])
def test_a_stable_hour_is_called_drifted_no_more_often_than_stated(before, now):
    random = np.random.default_rng(7)
    hours, rate = 1500, 0.01
    alarms = 0
    for _ in range(hours):
        found = stability(histogram(random.normal(size=before)), histogram(random.normal(size=now)), rate)
        alarms += found.psi > found.critical
    assert alarms <= 1.7 * rate * hours  # 15 stated; 25 is two and a half deviations more


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_a_shift_of_one_deviation_is_seen_in_a_hundred_parts(shift):
    random = np.random.default_rng(7)
    seen = [
        stability(
            histogram(random.normal(size=500)), histogram(random.normal(shift, size=100)), 0.001
        ).beyond(0.2)
        for _ in range(50)
    ]
    assert sum(seen) >= 49


def test_what_lies_outside_of_all_that_was_is_far_away():
    assert stability({5: 100, 6: 100}, {40: 50}, 0.001).beyond(0.2)
    assert stability({5: 200}, {40: 50}, 0.001).beyond(0.2)
    assert not stability({}, {5: 50}, 0.001).beyond(0.2)
    assert not stability({5: 50}, {}, 0.001).beyond(0.2)
    assert not stability({5: 50}, {5: 50}, 0.001).beyond(0.2)
