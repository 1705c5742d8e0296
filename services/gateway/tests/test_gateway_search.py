"""Parts by what was found on them, and figures of any stretch of time, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import BadRequest, inspection
from andon.contracts.inspection import Decision
from andon.testing import build


async def test_a_search_asks_for_its_filters_and_gives_the_way_on(client, line):
    found = inspection.FoundInspections(items=(build.inspection(),), next="17:x")
    line.answers[inspection.SEARCH] = found
    wanted = {
        "station_id": "line-1",
        "decision": "fail",
        "class_name": "scratch",
        "score_from": "0.5",
        "score_below": "2",
        "since": "2026-01-30",
        "until": "2026-01-31",
        "after": "99:abc",
        "limit": "7",
    }
    answer = (await client.get("/api/v1/inspections/search", params=wanted)).json()
    assert (len(answer["items"]), answer["next"]) == (1, "17:x")
    [question] = line.questions(inspection.SEARCH)
    assert (question.class_name, question.score_from, question.score_below) == ("scratch", 0.5, 2.0)
    assert (question.decision, question.after, question.limit) == (Decision.FAIL, "99:abc", 7)
    assert question.until == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("inspections/search?after=yesterday", "after"),
        ("inspections/search?score_from=much", "score_from"),
        ("inspections/search?limit=0", "limit"),
        ("inspections/search?since=2026-02-01&until=2026-01-01", "since"),
        ("figures/hours?since=yesterday", "since"),
        ("figures/hours?since=2026-01-02&until=2026-01-01T00:00:00Z", "since"),
        ("figures/places", "station_id"),
        ("figures/places?station_id=a&columns=1000", "columns"),
    ],
)
async def test_a_bad_value_is_refused_by_its_name(client, path, field):
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(field)


async def test_hours_are_asked_once_for_many_and_refusals_are_told(client, line):
    line.answers[inspection.HOURS] = inspection.Hours(hours=())
    path = "/api/v1/figures/hours?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&station_id=a"
    for _ in range(3):
        assert (await client.get(path)).json() == {"hours": []}
    [question] = line.questions(inspection.HOURS)
    assert (question.station_id, question.until) == ("a", datetime(2026, 1, 2, tzinfo=UTC))
    line.answers[inspection.HOURS] = BadRequest("since: lies too far back", {"since": "lies too far back"})
    answer = await client.get("/api/v1/figures/hours?since=2020-01-01&until=2026-01-01")
    assert (answer.status_code, answer.json()["detail"]) == (400, "since: lies too far back")


async def test_hours_are_those_of_the_last_day_where_nothing_is_said(client, line):
    line.answers[inspection.HOURS] = inspection.Hours(hours=())
    before = datetime.now(UTC)
    assert (await client.get("/api/v1/figures/hours")).json() == {"hours": []}
    [question] = line.questions(inspection.HOURS)
    assert before <= question.until <= datetime.now(UTC)
    assert question.until - question.since == timedelta(days=1)


async def test_places_come_as_they_were_counted(client, line):
    places = inspection.Places(columns=4, rows=1, counts=(0, 2, 0, 0), parts=2, findings=3, complete=True)
    line.answers[inspection.PLACES] = places
    answer = (await client.get("/api/v1/figures/places?station_id=a&class_name=dent&columns=4")).json()
    assert (answer["counts"], answer["parts"], answer["complete"]) == ([0, 2, 0, 0], 2, True)
    [question] = line.questions(inspection.PLACES)
    assert (question.station_id, question.class_name, question.parts) == ("a", "dent", 2000)
