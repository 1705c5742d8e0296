"""When something is bad, and what becomes of the alert about it, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.alerting.domain.builtin import PassRate, builtin, configured
from andon.alerting.domain.checking import contradictions, remarks
from andon.alerting.domain.counting import Counts, Series, Tally, minute_of
from andon.alerting.domain.lifecycle import (
    acknowledged,
    commented,
    escalated,
    opened,
    resolved,
    silences,
)
from andon.alerting.domain.machines import Machines
from andon.alerting.domain.scopes import Subject, overlaps, subjects
from andon.alerting.domain.shifts import on_shift, shift_began
from andon.alerting.domain.verdicts import Verdict, found_in
from andon.contracts import config, queue
from andon.contracts.alerting import (
    AlertRule,
    AlertState,
    DeviceLost,
    DiskLow,
    Metric,
    Per,
    RuleBody,
    Schedule,
    Scope,
    Severity,
    Silence,
    Step,
    Threshold,
)
from andon.contracts.inspection import Decision, Detection, FrameRefused, Times
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = minute_of(NOON)
RULES = builtin(PassRate())
LOW = Threshold(metric=Metric.PASS_RATE, limit=0.9, clear_margin=0.02)
OPEN, ACKNOWLEDGED, RESOLVED = AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED
SERIES = Series("default", "model-1")


@pytest.mark.parametrize(
    ("passed", "total", "expected"),
    [
        (0, 0, Verdict.UNSURE),
        (0, 19, Verdict.UNSURE),
        (0, 20, Verdict.BAD),
        (89, 100, Verdict.BAD),
        (90, 100, Verdict.UNSURE),
        (91, 100, Verdict.UNSURE),
        (92, 100, Verdict.GOOD),
        (100, 100, Verdict.GOOD),
    ],
)
def test_the_rate_over_enough_parts_decides(passed: int, total: int, expected: Verdict) -> None:
    assert found_in(LOW, Tally(passed=passed, failed=total - passed), "line-1").verdict is expected


@pytest.mark.parametrize(
    ("metric", "limit", "tally", "expected"),
    [
        (Metric.FAIL_RATE, 0.2, Tally(passed=70, failed=30), Verdict.BAD),
        (Metric.FAIL_RATE, 0.2, Tally(passed=80, failed=20), Verdict.UNSURE),
        (Metric.FAIL_RATE, 0.2, Tally(passed=90, failed=10), Verdict.GOOD),
        (Metric.FAIL_RATE, 0.0, Tally(passed=100), Verdict.GOOD),
        (Metric.UNCERTAIN_RATE, 0.2, Tally(passed=70, uncertain=30), Verdict.BAD),
        (Metric.ERROR_RATE, 0.1, Tally(passed=80, refused=20), Verdict.BAD),
        (Metric.ERROR_RATE, 0.1, Tally(refused=20), Verdict.BAD),
        (Metric.LATENCY, 2000, Tally(passed=20, timed=20, latency_ms=20 * 2001.0), Verdict.BAD),
        (Metric.LATENCY, 2000, Tally(passed=20, timed=19, latency_ms=19 * 9000.0), Verdict.UNSURE),
        (Metric.LAG, 5, Tally(lagged=20, lag_seconds=120.0), Verdict.BAD),
    ],
)
def test_every_metric_has_its_bad_side(metric: Metric, limit: float, tally: Tally, expected: Verdict) -> None:
    condition = Threshold(metric=metric, limit=limit, clear_margin=0.05)
    assert found_in(condition, tally, "line-1").verdict is expected


def test_a_target_of_one_can_be_reached() -> None:
    condition = LOW.model_copy(update={"limit": 1.0})
    assert found_in(condition, Tally(passed=50), "line-1").verdict is Verdict.GOOD


def test_a_class_has_a_rate_of_its_own() -> None:
    condition = Threshold(metric=Metric.FAIL_RATE, class_name="scratch", limit=0.1)
    tally = Tally(passed=70, failed=30, classes={"dent": 25, "scratch": 5})
    assert found_in(condition, tally, "line-1").verdict is Verdict.GOOD
    tally.classes["scratch"] = 11
    found = found_in(condition, tally, "line-1")
    assert found.message == (
        "Share of parts with scratch 11% is above the 10% limit at line-1: 11 of 100 in the last 15 minutes"
    )


@pytest.mark.parametrize(
    ("passed", "total", "target", "beginning"),
    [
        (87, 100, 0.9, "Pass rate 87% is below the 90% target at line-1"),
        (896, 1000, 0.9, "Pass rate 89.6% is below the 90% target at line-1"),
        (8999, 10000, 0.9, "Pass rate 89.9% is below the 90% target at line-1"),
        (98, 100, 0.985, "Pass rate 98% is below the 98.5% target at line-1"),
    ],
)
def test_the_message_tells_the_numbers(passed: int, total: int, target: float, beginning: str) -> None:
    condition = LOW.model_copy(update={"limit": target})
    message = found_in(condition, Tally(passed=passed, failed=total - passed), "line-1").message
    assert message == f"{beginning}: {passed} of {total} parts passed in the last 15 minutes"


def test_a_part_counts_at_its_station_in_its_minute_and_once() -> None:
    counts = Counts(keep_hours=1)
    scratch = Detection(class_name="scratch", confidence=0.9, bbox=(0, 0, 1, 1))
    said = [
        build.inspection(station_id="a", judged_at=NOON),
        build.inspection(station_id="a", judged_at=NOON - timedelta(minutes=3), decision=Decision.FAIL),
        build.inspection(station_id="b", judged_at=NOON, decision="uncertain", detections=(scratch, scratch)),
        build.inspection(station_id="b", judged_at=NOON - timedelta(hours=3)),
        build.inspection(station_id="b", judged_at=NOON + timedelta(hours=3)),
    ]
    counted = [[counts.part(part, seq, NOON) for seq, part in enumerate(said, 1)] for _ in range(2)]
    assert counted == [[True, True, True, False, False], [False] * 5]
    a, b = Series("a", "model-1"), Series("b", "model-1")
    assert [counts.window([a], MINUTE - back, MINUTE).judged for back in (0, 2, 3)] == [1, 1, 2]
    assert counts.window([b], MINUTE - 60, MINUTE + 60).classes == {"scratch": 1}
    assert counts.window([a, b], MINUTE - 60, MINUTE).judged == 3


def test_what_is_no_number_is_in_no_sum() -> None:
    counts = Counts()
    times = Times(decode_ms=1, inference_ms=1, total_ms=float("nan"))
    counts.part(build.inspection(judged_at=NOON, times=times), 1, NOON)
    counts.part(build.inspection(judged_at=NOON), 2, NOON)
    tally = counts.window([SERIES], MINUTE, MINUTE)
    assert (tally.judged, tally.timed, tally.latency_ms) == (2, 1, 8.0)


def test_counts_stay_bounded_once_they_are_kept() -> None:
    counts = Counts(keep_hours=2)
    for hour in range(50):
        now = NOON + timedelta(hours=hour)
        counts.part(build.inspection(judged_at=now), hour + 1, now)
        counts.changed.clear()
        counts.age(now)
    kept = [hour for hour in range(50) if counts.hour(SERIES, MINUTE // 60 + hour)]
    assert kept == [47, 48, 49]


def test_frames_that_could_not_be_judged_count_as_errors() -> None:
    counts = Counts()
    frame = FrameRefused(frame_id="f", station_id="default", code="x", reason="y", refused_at=NOON)
    assert counts.refused(frame, 1, NOON)
    counts.part(build.inspection(judged_at=NOON), 2, NOON)
    tally = counts.window([*counts.series], MINUTE, MINUTE)
    assert (tally.refused, tally.judged) == (1, 1)


LINES = {"a1": "a", "a2": "a", "b1": "b"}
ALL = [Series("a1", "m"), Series("a2", "m"), Series("b1", "m"), Series("b1", "n"), Series("b1", "")]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {"a1": 1, "a2": 1, "b1": 3}),
        (Scope(stations=("a1",)), {"a1": 1}),
        (Scope(lines=("b",)), {"b1": 3}),
        (Scope(models=("m",)), {"a1": 1, "a2": 1, "b1": 1}),
        (Scope(per=Per.LINE), {"a": 2, "b": 3}),
        (Scope(per=Per.MODEL), {"m": 3, "n": 1}),
        (Scope(per=Per.ALL), {"": 5}),
        (Scope(per=Per.ALL, lines=("c",)), {}),
    ],
)
def test_a_scope_chooses_and_puts_together(scope: Scope, expected: dict[str, int]) -> None:
    assert {each.name: len(found) for each, found in subjects(scope, ALL, LINES).items()} == expected


def test_alerts_overlap_when_they_may_be_about_the_same_parts() -> None:
    station, other, everything = Subject("a1", "a1"), Subject("a2", "a2"), Subject("")
    assert overlaps(station, "a1", "a1")
    assert not overlaps(station, other.station_id, other.name)
    assert overlaps(everything, "a1", "a1")
    assert overlaps(station, None, "")
    assert not overlaps(Subject("m"), None, "n")


def test_an_alert_goes_from_open_to_over_and_tells_each_step() -> None:
    record = opened(RULES["pass-rate-low"], Subject("a", "a"), "bad", NOON)
    steps = [record, acknowledged(record, "olga", NOON)]
    steps.append(resolved(steps[-1], NOON))
    assert [(each.state, each.unsaid, each.version, each.lock) for each in steps] == [
        (OPEN, (0,), 0, "pass-rate-low/a"),
        (ACKNOWLEDGED, (0, 1), 1, "pass-rate-low/a"),
        (RESOLVED, (0, 1, 2), 2, ""),
    ]
    assert [each.what for each in steps[-1].history] == ["opened", "acknowledged", "resolved"]


def test_what_is_done_is_not_done_again() -> None:
    seen = acknowledged(opened(RULES["pass-rate-low"], Subject("a", "a"), "bad", NOON), "olga", NOON)
    assert acknowledged(seen, "otto", NOON) is seen
    over = resolved(seen, NOON)
    assert resolved(over, NOON) is over
    late = acknowledged(resolved(opened(RULES["pass-rate-low"], Subject("a"), "bad", NOON), NOON), "o", NOON)
    assert (late.state, late.acknowledged_by) == (RESOLVED, "o")


def test_nobody_acknowledging_raises_it_step_by_step() -> None:
    steps = (Step(after_minutes=5, severity=Severity.ERROR), Step(after_minutes=15, channels=("boss",)))
    record = opened(RULES["pass-rate-low"], Subject("a", "a"), "bad", NOON)
    later = NOON + timedelta(minutes=5)
    assert escalated(record, steps, later - timedelta(seconds=1)) is record
    once = escalated(record, steps, later)
    assert (once.escalated, once.severity) == (1, Severity.ERROR)
    assert escalated(once, steps, later) is once
    twice = escalated(once, steps, NOON + timedelta(minutes=15))
    assert (twice.escalated, twice.severity) == (2, Severity.ERROR)
    assert escalated(twice, steps, NOON + timedelta(days=1)) is twice
    seen = acknowledged(once, "olga", later)
    assert escalated(seen, steps, NOON + timedelta(days=1)) is seen


def test_comments_stand_in_the_history() -> None:
    record = commented(opened(RULES["pass-rate-low"], Subject("a"), "bad", NOON), "olga", "wiped", NOON)
    assert (record.comments, record.history[-1].by, record.history[-1].text) == (1, "olga", "wiped")


@pytest.mark.parametrize(
    ("filters", "minutes", "expected"),
    [
        ({}, 0, True),
        ({}, -1, False),
        ({}, 60, False),
        ({"stations": ("a",)}, 0, True),
        ({"stations": ("b",)}, 0, False),
        ({"rules": ("pass-rate-low",), "stations": ("a", "b")}, 59, True),
        ({"rules": ("disk-low",), "stations": ("a",)}, 0, False),
        ({"subjects": ("a",)}, 0, True),
    ],
)
def test_a_silence_matches_when_all_its_filters_do(
    filters: dict[str, tuple[str, ...]], minutes: int, expected: bool
) -> None:
    ends = NOON + timedelta(hours=1)
    silence = Silence.model_validate(
        {"id": "s", "begins_at": NOON, "ends_at": ends, "reason": "r", "by": "o", **filters}
    )
    record = opened(RULES["pass-rate-low"], Subject("a", "a"), "bad", NOON)
    assert silences(silence, record, NOON + timedelta(minutes=minutes)) is expected


NIGHT = Schedule.model_validate(
    {"zone": "Europe/Berlin", "shifts": [{"days": ["sat"], "begin": "22:00", "end": "06:00"}]}
)


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-03-28T20:59:59", False),  # Saturday, 21:59 in Berlin
        ("2026-03-28T21:00:00", True),
        ("2026-03-29T03:59:00", True),  # Sunday; the clock went forward in the night
        ("2026-03-29T04:00:00", False),
        ("2026-03-29T21:00:00", False),
    ],
)
def test_a_shift_goes_over_midnight_and_a_change_of_the_clock(utc: str, expected: bool) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert on_shift(NIGHT, now) is expected
    assert (shift_began(NIGHT, now) is not None) is expected


CHECKED = [
    ({"metric": "pass_rate", "limit": 0}, "condition.limit", "can never fire"),
    ({"metric": "pass_rate", "limit": 1.01}, "condition.limit", "would always fire"),
    ({"metric": "fail_rate", "limit": 1}, "condition.limit", "can never fire"),
    ({"metric": "fail_rate", "limit": -0.1}, "condition.limit", "would always fire"),
    ({"metric": "latency_ms", "limit": -1}, "condition.limit", "would always fire"),
    ({"metric": "pass_rate", "limit": 0.9, "class_name": "dent"}, "condition.class_name", "fail_rate"),
    ({"kind": "western_electric", "centre": 0.9, "sigma": 0.2, "tests": [1]}, "condition.centre", "never"),
    ({"kind": "cusum", "variable": "latency_ms", "side": "lower", "centre": 1, "sigma": 9},
     "condition.centre", "never"),
    ({"kind": "cusum", "centre": 0.1}, "condition.sigma", "together"),
    ({"kind": "channel_failing"}, "condition.kind", "one rule"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "field", "why"), CHECKED)
def test_a_rule_that_never_or_always_fires_is_found_out(condition, field: str, why: str) -> None:
    body = RuleBody.model_validate({"title": "t", "condition": {"kind": "threshold", **condition}})
    wrong = contradictions("mine", body, RULES, ())
    assert why in wrong[field]
    assert list(wrong) == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"condition": {"kind": "device_lost"}, "scope": {"lines": ["a"]}}, "scope"),
        ({"condition": {"kind": "camera_silent"}, "scope": {"models": ["m"]}}, "scope"),
        (
            {
                "condition": {"kind": "threshold", "metric": "error_rate", "limit": 0.5},
                "scope": {"per": "model"},
            },
            "scope",
        ),
        ({"unless": ["mine"]}, "unless"),
        ({"unless": ["nobody"]}, "unless"),
        ({"channels": ["nobody"]}, "channels"),
        ({"escalation": [{"after_minutes": 5, "channels": ["nobody"]}]}, "escalation.0.channels"),
        ({"escalation": [{"after_minutes": 5, "severity": "info"}]}, "escalation.0"),
        (
            {"escalation": [{"after_minutes": 5, "severity": each} for each in ("error", "critical")]},
            "escalation.1.after_minutes",
        ),
        ({"schedule": {"zone": "Mars/Base", "shifts": [{"days": ["mon"], "begin": "06:00", "end": "14:00"}]}},
         "schedule.zone"),
        ({"schedule": {"zone": "../../etc", "shifts": [{"days": ["mon"], "begin": "06:00", "end": "14:00"}]}},
         "schedule.zone"),
        (
            {
                "condition": {"kind": "camera_silent", "seconds": 3600},
                "schedule": {"shifts": [{"days": ["mon"], "begin": "06:00", "end": "06:30"}]},
            },
            "condition.seconds",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_found_out(changes, field: str) -> None:
    values = {
        "title": "t",
        "condition": {"kind": "threshold", "metric": "pass_rate", "limit": 0.9},
        **changes,
    }
    assert list(contradictions("mine", RuleBody.model_validate(values), RULES, ("mail",))) == [field]


def test_every_rule_that_andon_comes_with_is_a_good_one() -> None:
    for name, rule in RULES.items():
        assert contradictions(name, rule, RULES, ()) == {}, name


def test_the_rule_about_channels_can_not_be_switched_off() -> None:
    off = RULES["channel-failing"].model_copy(update={"enabled": False})
    assert "enabled" in contradictions("channel-failing", off, RULES, ())


def test_the_pass_rate_of_the_configuration_stays_one() -> None:
    other = RULES["fail-rate-high"].model_copy(update={"unless": ()})
    assert list(contradictions("pass-rate-low", other, RULES, ())) == ["condition.metric"]


def test_an_empty_scope_is_remarked() -> None:
    def said(**scope: tuple[str, ...]) -> tuple[str, ...]:
        return remarks(
            RULES["pass-rate-low"].model_copy(update={"scope": Scope.model_validate(scope)}), LINES
        )

    assert said() == ()
    assert said(stations=("a1", "zz")) == ("there is no station zz yet",)
    assert said(lines=("z",)) == ("no station is on line z yet",)
    assert said(stations=("a1",), lines=("b",)) == ("it can never fire as it is: no station is in its scope",)


def test_the_configuration_counts_unless_the_rule_was_changed_after_it() -> None:
    rule = RULES["pass-rate-low"]
    document = config.Document(
        alerting=config.AlertingSection(pass_rate_target=0.8),
        changed_at=NOON,
        chosen=("alerting.pass_rate_target",),
    )

    def limit(rule: AlertRule) -> float:
        condition = configured(rule, document).condition
        assert isinstance(condition, Threshold)
        return condition.limit

    assert limit(rule) == 0.8
    assert limit(rule.model_copy(update={"changed_at": NOON - timedelta(hours=1)})) == 0.8
    assert limit(rule.model_copy(update={"changed_at": NOON + timedelta(hours=1)})) == 0.9
    assert configured(RULES["disk-low"], document) is RULES["disk-low"]


def device(status: str, free_gb: float = 50) -> queue.Device:
    facts = queue.DeviceFacts(disk_free=int(free_gb * 2**30))
    state = queue.DeviceStatus(status)
    return queue.Device(id="gpu-1", facts=facts, status=state, first_seen=NOON, last_heartbeat=NOON)


@pytest.mark.parametrize(
    ("status", "stale_too", "expected"),
    [
        ("healthy", False, Verdict.GOOD),
        ("stale", False, Verdict.UNSURE),
        ("stale", True, Verdict.BAD),
        ("disconnected", False, Verdict.BAD),
    ],
)
def test_a_silent_device_is_lost(status: str, stale_too: bool, expected: Verdict) -> None:
    machines = Machines()
    machines.device(device(status))
    ((subject, found),) = machines.lost(DeviceLost(stale_too=stale_too))
    assert (subject.name, found.verdict) == ("gpu-1", expected)
    assert list(machines.lost(DeviceLost(devices=("other",)))) == []


@pytest.mark.parametrize(
    ("free", "expected"),
    [(9.9, Verdict.BAD), (10.5, Verdict.UNSURE), (11.1, Verdict.GOOD), (0, Verdict.UNSURE)],
)
def test_little_room_on_a_disk(free: float, expected: Verdict) -> None:
    machines = Machines()
    machines.device(device("healthy", free))
    assert [found.verdict for _, found in machines.low(DiskLow())] == [expected]
