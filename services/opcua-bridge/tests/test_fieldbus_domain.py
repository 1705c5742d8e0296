"""Topics, payloads and registers, as tables."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts.inspection import Decision, Detection, Inspection, Times
from andon.opcua_bridge.domain import registers, telegrams
from andon.opcua_bridge.domain.lines import StationState, count
from andon.opcua_bridge.domain.registers import Fault, Faulty, Outcome, Shown, Table, Trigger
from andon.opcua_bridge.domain.telegrams import Colour, NotACommand, Topics
from andon.testing import build

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


def judged(*decisions: str, total_ms: float = 9) -> StationState:
    state = StationState("line-1")
    for seq, decision in enumerate(decisions, 1):
        state = count(state, one(str(seq), Decision(decision), total_ms), seq, NOON)
    return state


def one(name: str, decision: Decision, total_ms: float = 9) -> Inspection:
    found = tuple(
        Detection(class_name=each, confidence=0.9, bbox=(0, 0, 1, 1)) for each in ("anomaly", "anomaly")
    )
    return build.inspection(
        id=name,
        station_id="line-1",
        decision=decision,
        judged_at=NOON,
        detections=found if decision is Decision.FAIL else (),
        times=Times(decode_ms=1, inference_ms=2, total_ms=total_ms),
    )


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (100, Colour.GREEN),
        (95, Colour.GREEN),
        (94.99, Colour.AMBER),
        (85, Colour.AMBER),
        (84.99, Colour.RED),
        (0, Colour.RED),
    ],
)
def test_the_colour_of_a_pass_rate(percent: float, expected: Colour) -> None:
    assert telegrams.colour(percent) is expected


def test_a_station_s_status() -> None:
    said = json.loads(telegrams.status(judged("pass", "pass", "pass", "fail"), NOON))
    assert said == {
        "station_id": "line-1", "state": "online", "total": 4, "passed": 3, "failed": 1, "uncertain": 0,
        "incomplete": False, "pass_rate": 0.75, "window_minutes": 60, "current": True, "colour": "red",
        "last_decision": "fail", "last_inspection_at": "2026-03-01T12:00:30+00:00",
    }  # fmt: skip
    later = json.loads(telegrams.status(judged("pass"), NOON + timedelta(hours=2)))
    assert (later["pass_rate"], later["current"]) == (1.0, False)


def test_a_station_without_parts_has_no_colour() -> None:
    said = json.loads(telegrams.status(StationState("new"), NOON))
    assert (said["pass_rate"], said["colour"], said["last_decision"], said["total"]) == (None, None, None, 0)


@pytest.mark.parametrize(
    ("station", "topic"),
    [
        ("line-1", "a/b/line-1/command"),
        ("Line_1.x", "a/b/Line_1.x/command"),
        ("a/b", "a/b/a%2Fb/command"),
        ("+", "a/b/%2B/command"),
        ("#", "a/b/%23/command"),
        ("50%", "a/b/50%25/command"),
        ("é", "a/b/%C3%A9/command"),
    ],
)
def test_a_station_is_one_level_and_found_again(station: str, topic: str) -> None:
    topics = Topics("a/b")
    assert topics.of(station, "command") == topic
    assert topics.station_of(topic) == station


def test_payloads_stay_small() -> None:
    detection = Detection(class_name="x" * 40, confidence=0.123456789, bbox=(1000, 1000, 2000, 2000))
    part = build.inspection(detections=(detection,) * 1000, objects_found=1000)
    said = telegrams.inspection(part)
    assert len(said) < 4096
    assert json.loads(said)["objects_found"] == 1000


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"", "command"),
        (b"[]", "command"),
        (b"{}", "command"),
        (b'{"command": "stop"}', "command"),
        (b'{"command": "trigger", "id": ""}', "id"),
        (b'{"command": "trigger", "part_id": "a\\nb"}', "part_id"),
        (b'{"command": "trigger", "part_id": {"$gt": ""}}', "part_id"),
        (b"[" * 4000, "command"),
    ],
)
def test_what_is_no_command_is_told(payload: bytes, word: str) -> None:
    with pytest.raises(NotACommand, match=word):
        telegrams.command(payload)


def shown(state: StationState, trigger: Trigger = Trigger(), **changes: object) -> Shown:  # noqa: B008 - frozen
    values = {"state": state, "trigger": trigger, "index": 3, "ready": True, "classes": ("anomaly",)}
    return Shown(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decision", "coils", "result"),
    [
        ("pass", (False, True, False, True), 1),
        ("fail", (False, False, True, True), 2),
        ("uncertain", (False, False, False, True), 3),
    ],
)
def test_each_decision_has_its_cells(decision: str, coils: tuple[bool, ...], result: int) -> None:
    here = shown(judged(decision))
    assert registers.cells(here, Table.COILS) == coils
    assert registers.cells(here, Table.INPUTS)[0] == result
    assert registers.cells(here, Table.HOLDINGS) == (0, 3)


def test_the_last_part_s_registers() -> None:
    words = registers.cells(shown(judged("pass", "fail", total_ms=65_537.4)), Table.INPUTS)
    assert words == (2, 2, 2, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0)
    assert len(registers.cells(shown(judged("fail"), classes=()), Table.INPUTS)) == 15


@pytest.mark.parametrize(
    ("value", "words"), [(0, (0, 0)), (65_536, (1, 0)), (2**32 + 5, (65_535, 65_535)), (-1, (0, 0))]
)
def test_32_bits_are_two_words_and_stop_at_their_end(value: int, words: tuple[int, int]) -> None:
    assert registers.double(value) == words


def test_no_result_shows_while_a_trigger_runs_and_none_after_a_failed_one() -> None:
    state = judged("pass")
    running = shown(state, Trigger(coil=True, outcome=Outcome.RUNNING), ready=False)
    assert registers.cells(running, Table.COILS) == (True, False, False, False)
    assert registers.cells(running, Table.INPUTS)[:9] == (0, 0, 0, 0, 0, 0, 0, 0, 1)
    failed = Trigger(outcome=Outcome.FAILED, blank_at=state.last_seq)
    assert registers.cells(shown(state, failed), Table.INPUTS)[0] == 0
    assert registers.cells(shown(judged("pass", "pass"), failed), Table.INPUTS)[0] == 1


@pytest.mark.parametrize(("begin", "count_"), [(-1, 1), (0, 0), (0, 5), (4, 1), (65_535, 1)])
def test_cells_that_are_not_there(begin: int, count_: int) -> None:
    with pytest.raises(Faulty) as caught:
        registers.part((1, 2, 3, 4), begin, count_)
    assert caught.value.fault is Fault.ADDRESS


@pytest.mark.parametrize(
    ("stations", "configured", "expected"),
    [
        (("b", "a", "default"), (), ("default", "a", "b")),
        (("b",), (), ("default", "b")),
        (("b", "a"), ("z", "b"), ("z", "b")),
    ],
)
def test_stations_by_index(
    stations: tuple[str, ...], configured: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert registers.ordered(stations, configured) == expected
