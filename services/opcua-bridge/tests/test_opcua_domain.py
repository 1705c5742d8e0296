"""What a station's nodes say, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts.inspection import Decision, Inspection, Times
from andon.opcua_bridge.domain.lines import (
    RECENT_IDS,
    Lines,
    Rate,
    StationState,
    count,
    judged,
    pass_rate,
    resumed,
    with_station,
)
from andon.opcua_bridge.domain.place import Held
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def part(
    name: str, decision: Decision = Decision.PASS, at: datetime = NOON, station: str = "line-1"
) -> Inspection:
    times = Times(decode_ms=1, inference_ms=7, total_ms=9)
    return build.inspection(
        id=name, station_id=station, decision=decision, objects_found=2, judged_at=at, times=times
    )


def folded(*parts: Inspection, now: datetime = NOON) -> StationState:
    state = StationState("line-1")
    for seq, each in enumerate(parts, 1):
        state = count(state, each, seq, now)
    return state


def test_each_decision_has_its_counter() -> None:
    state = folded(*(part(str(i), Decision(d)) for i, d in enumerate(["pass", "fail", "pass", "uncertain"])))
    assert (state.passed, state.failed, state.uncertain) == (2, 1, 1)


def test_the_last_result_is_the_latest_event() -> None:
    state = folded(part("a"), part("b", Decision.FAIL))
    assert state.last is not None
    assert (state.last.decision, state.last.objects_found, state.last.cycle_ms) == (Decision.FAIL, 2, 7)


def test_an_event_that_was_seen_changes_nothing() -> None:
    state = folded(part("a"), part("b"))
    assert count(state, part("b"), 2, NOON) is state
    assert count(state, part("c"), 1, NOON) is state


def test_an_inspection_said_again_at_a_new_place_is_not_counted_again() -> None:
    again = count(folded(part("a"), part("b")), part("a"), 3, NOON)
    assert (again.passed, again.last_seq) == (2, 3)


def test_known_ids_are_bounded_and_the_latest_stay() -> None:
    state = folded(*(part(str(i)) for i in range(RECENT_IDS + 10)))
    assert len(state.recent) == RECENT_IDS * 8
    assert count(state, part("10"), RECENT_IDS + 11, NOON).passed == state.passed
    assert count(state, part("9"), RECENT_IDS + 11, NOON).passed == state.passed + 1


@pytest.mark.parametrize(
    ("minutes_later", "expected"),
    [
        (0, Rate(50, True)),
        (59, Rate(50, True)),
        (60, Rate(50, False)),
        (600, Rate(50, False)),
    ],
)
def test_pass_rate_decays_with_time_alone(minutes_later: int, expected: Rate) -> None:
    state = folded(part("a"), part("b", Decision.FAIL))
    assert pass_rate(state, NOON + timedelta(minutes=minutes_later)) == expected


def test_old_minutes_leave_the_window_one_by_one() -> None:
    state = folded(
        part("a", Decision.FAIL, NOON - timedelta(minutes=30)),
        part("b", Decision.PASS),
        part("c", Decision.PASS),
    )
    assert pass_rate(state, NOON) == Rate(200 / 3, True)
    assert pass_rate(state, NOON + timedelta(minutes=30)) == Rate(100, True)


def test_a_late_part_counts_in_its_own_minute() -> None:
    state = folded(part("a"), part("late", Decision.FAIL, NOON - timedelta(minutes=59)))
    assert pass_rate(state, NOON) == Rate(50, True)
    assert pass_rate(state, NOON + timedelta(minutes=1)) == Rate(100, True)
    assert state.failed == 1


def test_a_part_older_than_the_window_counts_but_not_in_the_rate() -> None:
    state = folded(part("a"), part("old", Decision.FAIL, NOON - timedelta(hours=2)))
    assert (state.failed, pass_rate(state, NOON)) == (1, Rate(100, True))


def test_a_clock_far_ahead_does_not_own_the_window() -> None:
    state = folded(part("a"), part("ahead", Decision.FAIL, NOON + timedelta(hours=3)))
    assert (state.failed, pass_rate(state, NOON)) == (1, Rate(100, True))


def test_without_parts_there_is_no_rate() -> None:
    assert pass_rate(StationState("line-1"), NOON) is None


def test_buckets_stay_bounded_over_days() -> None:
    state = StationState("line-1")
    for i in range(3000):
        at = NOON + timedelta(minutes=i)
        state = count(state, part(str(i), at=at), i + 1, at)
    assert len(state.buckets) <= 61
    assert state.passed == 3000


def test_stations_are_counted_apart_and_known_before_their_first_part() -> None:
    lines = with_station(Lines(), "line-9")
    lines = judged(lines, part("a"), 4, NOON, NOON)
    lines = judged(lines, part("b", station="line-2"), 6, NOON, NOON)
    assert {key: each.passed for key, each in lines.stations.items()} == {
        "line-9": 0,
        "line-1": 1,
        "line-2": 1,
    }
    assert lines.last_seq == 6
    assert judged(lines, part("c"), 6, NOON, NOON) is lines


LATER = NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("held", "last_seq", "incomplete"),
    [
        pytest.param(Held(1, 2, NOON, NOON), 2, False, id="nothing new"),
        pytest.param(Held(1, 9, LATER, NOON), 2, False, id="more to read"),
        pytest.param(Held(3, 9, LATER, None), 2, False, id="all that was read has aged out"),
        pytest.param(Held(4, 9, LATER, None), 2, True, id="something unread has aged out"),
        pytest.param(Held(10, 9, None, None), 2, True, id="everything unread has aged out"),
        pytest.param(Held(1, 0, None, None), 0, False, id="made anew and empty"),
        pytest.param(Held(1, 1, LATER, None), 0, False, id="made anew and shorter"),
        pytest.param(Held(1, 7, LATER, LATER), 0, False, id="made anew and longer"),
        pytest.param(Held(1, 1, NOON, None), 1, False, id="lost its tail"),
    ],
)
def test_where_reading_goes_on(held: Held, last_seq: int, incomplete: bool) -> None:
    lines = judged(judged(Lines(), part("a"), 1, NOON, NOON), part("b"), 2, NOON, NOON)
    found = resumed(lines, held)
    assert (found.last_seq, found.incomplete) == (last_seq, incomplete)
    assert found.stations["line-1"].passed == 2
    assert found.stations["line-1"].last_seq <= last_seq


def test_a_first_start_counts_from_what_the_stream_holds() -> None:
    assert not resumed(Lines(), Held(500, 900, NOON, None)).incomplete


def test_a_stream_made_anew_does_not_count_known_inspections_again() -> None:
    lines = judged(Lines(), part("a"), 8, NOON, NOON)
    lines = resumed(lines, Held(1, 1, LATER, None))
    lines = judged(lines, part("a"), 1, LATER, LATER)
    lines = judged(lines, part("b"), 2, LATER, LATER)
    assert lines.stations["line-1"].passed == 2
