"""When a line is bad, and what becomes of an alert, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.alerting.domain import (
    Bucket,
    Finding,
    Lines,
    PassRateRule,
    Verdict,
    acknowledged,
    counted,
    find,
    opened,
    resolved,
    resumed,
    said,
)
from andon.contracts.alerting import AlertState
from andon.contracts.inspection import Decision
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOON.timestamp() // 60)
RULE = PassRateRule()
OPEN, ACKNOWLEDGED, RESOLVED = AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED


def buckets(passed: int, total: int, minutes_ago: int = 0) -> tuple[Bucket, ...]:
    return (Bucket(MINUTE - minutes_ago, passed, total),)


@pytest.mark.parametrize(
    ("passed", "total", "expected"),
    [
        (0, 0, Verdict.UNSURE),
        (0, 19, Verdict.UNSURE),
        (0, 20, Verdict.BAD),
        (87, 100, Verdict.BAD),
        (89, 100, Verdict.BAD),
        (90, 100, Verdict.UNSURE),
        (91, 100, Verdict.UNSURE),
        (92, 100, Verdict.GOOD),
        (100, 100, Verdict.GOOD),
    ],
)
def test_the_rate_over_enough_parts_decides(passed: int, total: int, expected: Verdict) -> None:
    assert find(RULE, buckets(passed, total), NOON).verdict is expected


@pytest.mark.parametrize(
    ("minutes_ago", "expected"), [(0, Verdict.BAD), (14, Verdict.BAD), (15, Verdict.UNSURE)]
)
def test_only_the_window_counts(minutes_ago: int, expected: Verdict) -> None:
    assert find(RULE, buckets(0, 50, minutes_ago), NOON).verdict is expected


def test_a_target_of_one_can_be_reached() -> None:
    assert find(PassRateRule(target=1.0), buckets(50, 50), NOON).verdict is Verdict.GOOD


def test_a_part_counts_at_its_station_in_its_minute() -> None:
    lines = Lines()
    for seq, (station, decision, minutes_ago) in enumerate(
        [("a", "pass", 0), ("a", "fail", 3), ("a", "uncertain", 3), ("b", "pass", 0), ("b", "pass", 99)], 1
    ):
        at = NOON - timedelta(minutes=minutes_ago)
        part = build.inspection(id=str(seq), station_id=station, decision=decision, judged_at=at)
        lines = counted(lines, part, seq, NOON, 15)
    assert lines.stations == {
        "a": (Bucket(MINUTE - 3, 0, 2), Bucket(MINUTE, 1, 1)),
        "b": (Bucket(MINUTE, 1, 1),),
    }
    assert lines.last_seq == 5


def test_an_event_that_was_seen_changes_nothing() -> None:
    lines = counted(Lines(), build.inspection(judged_at=NOON), 7, NOON, 15)
    assert counted(lines, build.inspection(judged_at=NOON, decision=Decision.FAIL), 7, NOON, 15) is lines


def test_buckets_stay_bounded() -> None:
    lines = Lines()
    for i in range(500):
        now = NOON + timedelta(minutes=i)
        lines = counted(lines, build.inspection(judged_at=now), i + 1, now, 15)
    assert len(lines.stations["default"]) == 15


def test_a_stream_that_began_anew_is_counted_from_nothing() -> None:
    lines = counted(Lines(), build.inspection(judged_at=NOON), 7, NOON, 15)
    assert resumed(lines, 7) is lines
    assert resumed(lines, 6) == Lines()


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
    rule = PassRateRule(target=target)
    record = opened(rule, "line-1", Finding(Verdict.BAD, passed, total), 0, NOON)
    assert record.title == "Pass rate below threshold"
    assert record.severity == "warning"
    assert record.message.startswith(beginning)
    assert record.message.endswith(f"{passed} of {total} parts passed in the last 15 minutes")


FOUND = Finding(Verdict.BAD, 1, 20)


def test_two_who_open_the_same_alert_give_it_the_same_id() -> None:
    ids = [
        opened(RULE, *where, NOON).id
        for where in (("a", FOUND, 0), ("a", FOUND, 0), ("a", FOUND, 1), ("b", FOUND, 0))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_an_alert_is_settled_once_it_is_over_and_told() -> None:
    record = opened(RULE, "a", FOUND, 0, NOON)
    steps = [record, acknowledged(record, "olga", NOON)]
    steps.append(resolved(steps[-1], NOON))
    steps.append(said(steps[-1]))
    assert [(each.state, each.unsaid, each.version, each.settled) for each in steps] == [
        (OPEN, (OPEN,), 0, False),
        (ACKNOWLEDGED, (OPEN, ACKNOWLEDGED), 1, False),
        (RESOLVED, (OPEN, ACKNOWLEDGED, RESOLVED), 2, False),
        (RESOLVED, (), 3, True),
    ]


def test_what_is_done_is_not_done_again() -> None:
    seen = acknowledged(opened(RULE, "a", FOUND, 0, NOON), "olga", NOON)
    assert acknowledged(seen, "otto", NOON) is seen
    over = resolved(seen, NOON)
    assert resolved(over, NOON) is over


def test_an_alert_that_is_over_can_still_be_acknowledged_and_stays_over() -> None:
    over = said(resolved(opened(RULE, "a", FOUND, 0, NOON), NOON))
    seen = acknowledged(over, "olga", NOON)
    assert (seen.state, seen.acknowledged_by, seen.unsaid, seen.settled) == (
        RESOLVED,
        "olga",
        (ACKNOWLEDGED,),
        False,
    )
