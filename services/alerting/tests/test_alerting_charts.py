"""Runs of bad parts and control charts, part by part."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from andon.alerting.domain.charts import Progress, Sequential, advanced
from andon.alerting.domain.verdicts import Verdict
from andon.contracts.alerting import Consecutive, Cusum, Side, Variable, WesternElectric
from andon.contracts.inspection import Decision
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DECISIONS = {"P": Decision.PASS, "F": Decision.FAIL, "U": Decision.UNCERTAIN}


def through(condition: Sequential, parts: Iterable, progress: Progress | None = None, basis: str = "1/m"):
    progress = progress or Progress()
    for part in parts:
        progress = advanced(condition, progress, part, progress.seq + 1, where="line-1", basis=basis)
    return progress


def judged(letters: str) -> list:
    return [build.inspection(decision=DECISIONS[letter]) for letter in letters]


def scored(*scores: float) -> list:
    return [build.inspection(anomaly_score=score) for score in scores]


def verdict(progress: Progress) -> Verdict:
    return progress.finding().verdict


@pytest.mark.parametrize(
    ("letters", "uncertain_too", "expected"),
    [
        ("FFFF", False, Verdict.UNSURE),
        ("FFFFF", False, Verdict.BAD),
        ("FFPFFF", False, Verdict.UNSURE),
        ("FFUFFF", False, Verdict.BAD),
        ("FUFUF", False, Verdict.UNSURE),
        ("FUFUF", True, Verdict.BAD),
        ("PPP", False, Verdict.GOOD),
    ],
)
def test_so_many_bad_parts_in_a_row(letters: str, uncertain_too: bool, expected: Verdict) -> None:
    condition = Consecutive(parts=5, uncertain_too=uncertain_too, clear_parts=3)
    assert verdict(through(condition, judged(letters))) is expected


def test_a_run_that_came_and_went_between_two_looks_is_still_told() -> None:
    progress = through(Consecutive(parts=3, clear_parts=2), judged("FFFPPPP"))
    assert not progress.alarm
    assert progress.finding().message == "3 parts in a row failed at line-1"
    assert verdict(progress) is Verdict.BAD


def test_a_part_that_was_seen_changes_nothing() -> None:
    progress = through(Consecutive(), judged("FF"))
    assert advanced(Consecutive(), progress, judged("F")[0], 2, where="x", basis="") is progress


GIVEN = {"variable": Variable.SCORE, "subgroup": 1, "centre": 0.0, "sigma": 1.0, "clear_points": 3}


@pytest.mark.parametrize(
    ("points", "test", "fires"),
    [
        ([3.1], 1, True),
        ([2.9], 1, False),
        ([2.1, 0.0, 2.1], 2, True),
        ([2.1, 0.0, 0.0, 2.1], 2, False),
        ([2.1, -2.1, 0.0], 2, False),
        ([1.1, 1.1, 0.0, 1.1, 1.1], 3, True),
        ([1.1, 1.1, 0.0, 0.9, 1.1], 3, False),
        ([0.1] * 8, 4, True),
        ([0.1] * 7, 4, False),
        ([0.1] * 4 + [-0.1] + [0.1] * 4, 4, False),
    ],
)
def test_the_western_electric_tests(points: list[float], test: int, fires: bool) -> None:
    condition = WesternElectric(**GIVEN, tests=(test,))
    assert through(condition, scored(*points)).alarm is fires
    down = WesternElectric(**GIVEN, tests=(test,), side=Side.LOWER)
    assert through(down, scored(*(-point for point in points))).alarm is fires
    assert not through(down, scored(*points)).alarm or test == 4


def test_an_alarm_ends_after_quiet_points() -> None:
    condition = WesternElectric(**GIVEN, tests=(1,))
    progress = through(condition, scored(5.0))
    progress = through(condition, scored(0, 0), progress)
    assert progress.alarm
    assert not through(condition, scored(0), progress).alarm


def test_a_cumulative_sum_finds_a_small_shift_that_lasts_and_a_single_point_does_not() -> None:
    rng = random.Random(7)
    condition = Cusum(**GIVEN)
    assert not through(condition, scored(*(rng.gauss(0, 1) for _ in range(60)), 4.0)).alarm
    steady = through(condition, scored(*(rng.gauss(0, 1) for _ in range(100))))
    assert not steady.alarm
    found = [through(condition, scored(*(rng.gauss(1, 1) for _ in range(n))), steady).alarm for n in (0, 40)]
    assert found == [False, True]


def test_centre_and_sigma_are_learned_and_then_held_against() -> None:
    rng = random.Random(11)
    condition = WesternElectric(variable=Variable.SCORE, subgroup=5, baseline=30, tests=(1,), side=Side.BOTH)
    learned = through(condition, scored(*(rng.gauss(10, 2) for _ in range(150))))
    assert (learned.learned, learned.alarm, learned.points) == (30, False, ())
    assert learned.mean == pytest.approx(10, abs=0.6)
    assert verdict(learned) is Verdict.UNSURE
    shifted = through(condition, scored(*(rng.gauss(15, 2) for _ in range(5))), learned)
    assert shifted.alarm
    assert "more than 3 sigma above" in shifted.finding().message


def test_another_recipe_is_learned_anew() -> None:
    condition = Cusum(variable=Variable.SCORE, subgroup=1, baseline=8)
    learned = through(condition, scored(*[1.0, 1.1] * 4))
    assert learned.learned == 8
    other = through(condition, scored(9.0), learned, basis="2/m")
    assert (other.learned, other.alarm) == (1, False)


def test_a_baseline_without_defects_still_has_a_sigma() -> None:
    condition = WesternElectric(subgroup=20, baseline=25, tests=(1,))
    learned = through(condition, judged("P" * 500))
    assert not through(condition, judged("P" * 20), learned).alarm
    assert through(condition, judged("P" * 15 + "F" * 5), learned).alarm


def test_scores_that_are_no_numbers_move_no_chart() -> None:
    condition = Cusum(**GIVEN)
    progress = through(condition, scored(float("nan"), float("inf"), float("-inf")))
    assert (progress.upper, progress.points, progress.seq) == (0.0, (), 3)


def test_a_sum_that_grew_for_long_comes_down_in_time() -> None:
    condition = Cusum(**GIVEN)
    grown = through(condition, scored(*[3.0] * 1000))
    assert grown.upper == 10.0
    assert not through(condition, scored(*[-1.0] * 12), grown).alarm
