"""Decisions, counts and pages as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts.inspection import DecidedBy, Decision, Detection, Inspection, Interval, Times
from andon.contracts.station import (
    DetectorModel,
    Evidence,
    Mode,
    ModelFile,
    ModelRef,
    PutStation,
    Station,
    Thresholds,
)
from andon.contracts.training import ModelDeployed
from andon.inspection.domain import pages, rollups
from andon.inspection.domain.judgement import (
    Verdict,
    drawn,
    inspection_id,
    judge,
    kept,
    p_value,
    with_defects,
)
from andon.inspection.domain.pages import Window
from andon.inspection.domain.rollups import Rollup
from andon.inspection.domain.stations import changed, deployed

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
LIMITS = Thresholds(uncertain_above=2.0, fail_above=3.0, calibration=(1.0, 1.5, 2.0, 2.5))


@pytest.mark.parametrize(
    ("score", "decision", "confidence"),
    [
        (0.5, Decision.PASS, 1.0),
        (1.0, Decision.PASS, 1.0),
        (2.0, Decision.PASS, 0.6),
        (2.1, Decision.UNCERTAIN, 0.4),
        (3.0, Decision.UNCERTAIN, 0.2),
        (3.1, Decision.FAIL, 0.8),
    ],
)
def test_the_score_is_read_against_the_recipes_limits(score, decision, confidence):
    verdict = judge(score, LIMITS)
    assert verdict.decision is decision
    assert verdict.confidence == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("decided", "defects", "limit", "expected"),
    [
        (Decision.PASS, [0.2, 0.55], 0.5, Verdict(Decision.FAIL, 0.75, DecidedBy.DETECTOR)),
        (Decision.UNCERTAIN, [0.9], 0.5, Verdict(Decision.FAIL, 0.75, DecidedBy.DETECTOR)),
        (Decision.PASS, [0.5], 0.5, Verdict(Decision.PASS, 0.6)),
        (Decision.PASS, [], 0.5, Verdict(Decision.PASS, 0.6)),
        (Decision.FAIL, [0.9], 0.5, Verdict(Decision.FAIL, 0.6)),
        (Decision.PASS, [0.9], None, Verdict(Decision.PASS, 0.6)),
    ],
)
def test_a_defect_above_the_detectors_limit_fails_what_its_score_alone_would_not(
    decided, defects, limit, expected
):
    file = ModelFile(key="detector.onnx", sha256="0" * 64, size=1)
    detector = DetectorModel(file=file, classes=("pit",), fails_above=limit, calibration=(0.1, 0.2, 0.5))
    assert with_defects(Verdict(decided, 0.6), defects, detector) == expected


def test_without_calibration_nothing_is_claimed_beyond_the_one_part_seen():
    assert p_value(5, ()) == 1.0


def test_the_same_frame_has_the_same_record_and_stations_do_not_share_them():
    assert inspection_id("a", "1") == inspection_id("a", "1")
    assert inspection_id("a", "1") != inspection_id("b", "1")


def test_parts_that_did_not_pass_are_always_kept():
    nothing = Evidence(keep_passed=0)
    assert kept(Decision.FAIL, nothing, "f")
    assert kept(Decision.UNCERTAIN, nothing, "f")
    assert not kept(Decision.PASS, nothing, "f")


def test_a_share_of_passed_parts_is_drawn_fairly_and_the_same_way_each_time():
    frames = [f"frame-{n}" for n in range(4000)]
    share = sum(drawn(frame, 0.25) for frame in frames) / len(frames)
    assert share == pytest.approx(0.25, abs=0.03)
    assert [drawn(frame, 0.25) for frame in frames[:50]] == [drawn(frame, 0.25) for frame in frames[:50]]


def part(
    decision: Decision = Decision.PASS, at: datetime = NOON, classes: tuple[str, ...] = ()
) -> Inspection:
    found = tuple(Detection(class_name=name, confidence=0.5, bbox=(0, 0, 1, 1)) for name in classes)
    return Inspection(
        id="i",
        frame_id="f",
        station_id="s",
        decision=decision,
        confidence=0.5,
        anomaly_score=1,
        uncertain_above=2,
        fail_above=3,
        objects_found=len(found),
        detections=found,
        recipe_revision=1,
        model_version="m",
        model_digest="d",
        captured_at=at,
        judged_at=at,
        width=1,
        height=1,
        times=Times(decode_ms=1, inference_ms=2, total_ms=30),
    )


def test_an_hours_counts_add_up_and_take_back_exactly():
    both = (part(), part(Decision.FAIL, classes=("a.b", "$c", "a.b")))
    adds = rollups.summed(*(rollups.judged(each) for each in both))
    assert adds["total"] == 2
    assert adds["passed"] == adds["failed"] == 1
    assert adds["classes.a%2Eb"] == 2
    assert adds["latency.3"] == 2
    assert rollups.summed(adds, rollups.taken(adds)) == {}


@pytest.mark.parametrize("name", ["plain", "a.b", "$x", "100%", "%2E", "nul\x00"])
def test_any_class_name_comes_back_from_its_field_name(name):
    key = rollups.safe_key(name)
    assert "." not in key
    assert not key.startswith("$")
    assert rollups.plain_text(key) == name


def row(hours_ago: int, total: int, failed: int = 0, station: str = "s") -> Rollup:
    hour = NOON.replace(minute=0) - timedelta(hours=hours_ago)
    return Rollup(
        station,
        hour,
        total,
        total - failed,
        failed,
        time_us=total * 10_000,
        classes={"scratch": failed} if failed else {},
        kept={Decision.PASS: total - failed, Decision.FAIL: failed},
    )


def test_statistics_sum_up_a_period():
    figures = rollups.statistics([row(0, 10, 1), row(1, 30, 3)], 24, None)
    assert (figures.total_inspections, figures.passed, figures.failed) == (40, 36, 4)
    assert figures.pass_rate == 0.9
    assert figures.avg_inspection_time_ms == 10
    assert figures.defect_breakdown == {"scratch": 4}


def test_statistics_of_nothing_are_zeros():
    figures = rollups.statistics([], 24, "s")
    assert figures.total_inspections == figures.pass_rate == figures.avg_inspection_time_ms == 0


def test_trends_show_empty_hours_as_zeros():
    shown = rollups.trends([row(0, 5, 1), row(2, 7)], NOON, 4, Interval.HOUR)
    assert shown.labels == (
        "2026-03-01 09:00:00",
        "2026-03-01 10:00:00",
        "2026-03-01 11:00:00",
        "2026-03-01 12:00:00",
    )
    assert shown.total == (0, 7, 0, 5)
    assert shown.failed == (0, 0, 0, 1)


def test_trends_by_day_gather_their_hours():
    shown = rollups.trends([row(0, 5), row(20, 7)], NOON, 48, Interval.DAY)
    assert shown.labels == ("2026-02-27", "2026-02-28", "2026-03-01")
    assert shown.total == (0, 7, 5)


@pytest.mark.parametrize(
    ("limit", "offset", "hours_ago", "skip"),
    [(5, 0, (0, 0), 0), (15, 0, (1, 0), 0), (5, 12, (1, 1), 2), (50, 0, (3, 0), 0), (5, 40, (3, 3), 0)],
)
def test_a_page_is_found_from_counts_alone(limit, offset, hours_ago, skip):
    counts = [row(0, 10), row(1, 30), row(3, 5)]
    start = NOON.replace(minute=0)
    expected = Window(start - timedelta(hours=hours_ago[0]), start - timedelta(hours=hours_ago[1] - 1), skip)
    assert pages.window(pages.stretches(counts, None, None, None), None, limit, offset) == expected


def test_a_page_beyond_the_end_is_empty():
    assert pages.window(pages.stretches([row(0, 3)], None, None, None), None, 10, 3) is None
    assert pages.window([], None, 10, 0) is None


def model(digest: str = "d") -> ModelRef:
    return ModelRef(version_id="v", name="m", digest=digest, fp32=ModelFile(key="k", sha256=digest, size=1))


def news(digest: str = "d") -> ModelDeployed:
    return ModelDeployed(
        version_id="v", station_ids=("s",), model=model(digest), thresholds=LIMITS, by="me", at=NOON
    )


def test_a_new_station_teaches_and_a_deployed_model_makes_it_judge():
    station = changed(None, PutStation(id="s", mm_per_pixel_x=0.1), NOON)
    assert station.mode is Mode.TEACH
    assert station.recipe is None
    judging = deployed(station, "s", news())
    assert judging.mode is Mode.JUDGE
    assert judging.recipe is not None
    assert judging.recipe.revision == 1
    assert judging.mm_per_pixel_x == 0.1


def test_a_deployment_told_twice_changes_nothing():
    once = deployed(Station(id="s", created_at=NOON, updated_at=NOON), "s", news())
    assert deployed(once, "s", news()) == once


def test_changing_what_a_recipe_says_makes_a_new_revision_and_other_fields_do_not():
    judging = deployed(None, "s", news())
    sampled = changed(judging, PutStation(id="s", evidence=Evidence(keep_passed=0.1)), NOON)
    assert sampled.recipe is not None
    assert sampled.recipe.revision == 2
    assert sampled.recipe.model == model()
    renamed = changed(sampled, PutStation(id="s", name="Front"), NOON)
    assert renamed.recipe == sampled.recipe
