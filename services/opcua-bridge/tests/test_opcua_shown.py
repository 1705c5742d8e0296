"""Alarms, vision systems, the past and the service level, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts.alerting import Alert, AlertState, Severity
from andon.contracts.station import Mode
from andon.opcua_bridge.domain.alarms import alarm_of, event_ids
from andon.opcua_bridge.domain.lines import StationState, count
from andon.opcua_bridge.domain.past import Mark, Span, mark_of, moment
from andon.opcua_bridge.domain.readings import Health, Quality, View, readings, service_level
from andon.opcua_bridge.domain.vision import Sight, State, Step, state_of, step_of
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def alert(**changes: object) -> Alert:
    values = {
        "id": "al-1", "rule": "pass-rate", "station_id": "line-1", "severity": Severity.CRITICAL,
        "title": "Low", "message": "low", "state": AlertState.OPEN, "timestamp": NOON,
    }  # fmt: skip
    return Alert(**{**values, **changes})  # type: ignore[arg-type]


def test_an_alert_is_an_alarm_with_a_state_for_each_of_its_own() -> None:
    opened = alarm_of(alert())
    assert (opened.condition, opened.severity) == ("alarm/pass-rate/line-1", 900)
    assert (opened.active, opened.acknowledged, opened.confirmed, opened.retained) == (
        True,
        False,
        False,
        True,
    )
    seen = alert(state=AlertState.ACKNOWLEDGED, acknowledged_at=LATER, acknowledged_by="olga")
    acknowledged = alarm_of(seen, confirmed_by="olga")
    assert (acknowledged.acknowledged, acknowledged.confirmed, acknowledged.at) == (True, True, LATER)
    over = alarm_of(alert(state=AlertState.RESOLVED, resolved_at=LATER))
    assert (over.active, over.retained, over.at) == (False, False, LATER)


def test_events_of_an_alert_are_told_apart_and_known_again() -> None:
    first, other = alert(), alert(id="al-2")
    assert alarm_of(first).event_id == alarm_of(alert()).event_id
    assert alarm_of(first).event_id != alarm_of(other).event_id
    over = alert(state=AlertState.RESOLVED, resolved_at=LATER)
    assert alarm_of(first).event_id in event_ids(over)
    assert alarm_of(other).event_id not in event_ids(over)
    escalated = alert(severity=Severity.ERROR)
    assert alarm_of(escalated).event_id != alarm_of(first).event_id
    assert alarm_of(escalated).event_id in event_ids(over)


@pytest.mark.parametrize(
    ("sight", "state", "step"),
    [
        (Sight(None), State.PREOPERATIONAL, Step.INITIALIZED),
        (Sight(build.station(mode=Mode.TEACH)), State.PREOPERATIONAL, Step.INITIALIZED),
        (Sight(build.station(recipe=None)), State.PREOPERATIONAL, Step.INITIALIZED),
        (Sight(build.station()), State.OPERATIONAL, Step.READY),
        (Sight(build.station(), last_at=NOON - timedelta(seconds=9)), State.OPERATIONAL, Step.CONTINUOUS),
        (Sight(build.station(), last_at=NOON - timedelta(seconds=11)), State.OPERATIONAL, Step.READY),
        (Sight(build.station(), jobs=1, last_at=NOON), State.OPERATIONAL, Step.SINGLE),
        (Sight(build.station(), camera_away=True), State.ERROR, Step.INITIALIZED),
        (Sight(build.station(), halted=True, camera_away=True), State.HALTED, Step.INITIALIZED),
    ],
)
def test_a_vision_system_is_in_the_state_of_its_station(sight: Sight, state: State, step: Step) -> None:
    assert (state_of(sight), step_of(sight, NOON)) == (state, step)


@pytest.mark.parametrize(
    ("health", "level"),
    [
        (Health(), 255),
        (Health(store=False), 199),
        (Health(complete=False), 190),
        (Health(caught_up=False), 100),
        (Health(bus=False), 50),
        (Health(bus=False, caught_up=False), 1),
    ],
)
def test_the_service_level_is_healthy_only_when_all_is_well(health: Health, level: int) -> None:
    assert service_level(health) == level


def test_what_can_not_be_renewed_is_the_last_usable_value() -> None:
    state = count(StationState("line-1"), build.inspection(station_id="line-1", judged_at=NOON), 1, NOON)
    assert {each.quality for each in readings(state, View(NOON))} == {Quality.GOOD}
    assert {each.quality for each in readings(state, View(NOON, stale=True))} == {Quality.LAST_USABLE}
    waiting = View(NOON, stale=True, caught_up=False)
    assert {each.quality for each in readings(state, waiting)} == {Quality.INITIAL}


def test_a_moment_is_the_same_when_the_stream_is_read_again() -> None:
    part = build.inspection(station_id="line-1", judged_at=NOON)
    state = count(StationState("line-1"), part, 7, NOON)
    late = count(StationState("line-1"), part, 7, LATER)
    assert moment(state, part, 7) == moment(late, part, 7)
    assert (moment(state, part, 7).passed, moment(state, part, 7).pass_rate) == (1, 100)


@pytest.mark.parametrize(
    ("start", "end", "bounds"),
    [
        (NOON, LATER, (False, NOON, LATER)),
        (LATER, NOON, (True, NOON, LATER)),
        (NOON, None, (False, NOON, None)),
        (None, LATER, (True, None, LATER)),
    ],
)
def test_a_span_has_an_order_and_bounds(
    start: datetime | None, end: datetime | None, bounds: tuple[bool, datetime | None, datetime | None]
) -> None:
    span = Span(start, end, None, 10)
    assert (span.backwards, span.oldest, span.newest) == bounds


def test_a_mark_is_read_as_it_was_written() -> None:
    assert mark_of(bytes(Mark(NOON, 7))) == Mark(NOON, 7)
    for broken in (
        b"",
        b"\xff\xfe",
        b"2026-03-01T12:00:00|7",
        b"yesterday|7",
        b"2026-03-01T12:00:00+00:00|x",
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
            mark_of(broken)
