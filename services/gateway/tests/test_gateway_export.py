"""The table of all parts: whole, harmless and never larger than a page in memory."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import Unavailable, inspection
from andon.contracts.inspection import Decision, ExportedInspection, ExportPage
from andon.gateway.visual_inspection import export
from andon.testing import build, eventually

HEADER = [
    "ID",
    "Timestamp",
    "Station",
    "Part ID",
    "Decision",
    "Confidence",
    "Objects Found",
    "Total Time (ms)",
]


def row(number: int, part_id: str | None = "p") -> ExportedInspection:
    return ExportedInspection(
        id=f"i{number}",
        judged_at=build.NOON + timedelta(microseconds=number),
        station_id="line-1",
        part_id=part_id,
        decision=Decision.FAIL,
        confidence=0.98765,
        objects_found=2,
        total_ms=21.375,
    )


def endless(question, _):
    """A page after every page."""
    number = int((question.after or "0:x").split(":")[0])
    return ExportPage(rows=tuple(row(number + n) for n in range(1000)), next=f"{number + 1000}:x")


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


async def test_the_table_has_a_line_per_part(client, line):
    pages = iter((ExportPage(rows=(row(2), row(1, None)), next="1:x"), ExportPage(rows=(), next=None)))
    line.answers[inspection.EXPORT] = lambda *_: next(pages)
    answer = await client.get("/api/v1/export/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert read(answer.text) == [
        HEADER,
        ["i2", "2026-01-31T12:00:00.000002+00:00", "line-1", "p", "fail", "0.9877", "2", "21.375"],
        ["i1", "2026-01-31T12:00:00.000001+00:00", "line-1", "", "fail", "0.9877", "2", "21.375"],
    ]


async def test_filters_are_asked_for_and_a_day_is_whole(client, line):
    line.answers[inspection.EXPORT] = ExportPage(rows=(), next=None)
    path = "/api/v1/export/csv?start_date=2026-01-30&end_date=2026-01-31&station_id=line-1&decision=fail"
    assert read((await client.get(path)).text) == [HEADER]
    [question] = line.questions(inspection.EXPORT)
    assert (question.station_id, question.decision) == ("line-1", Decision.FAIL)
    assert (question.since, question.until) == (
        datetime(2026, 1, 30, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    await client.get("/api/v1/export/csv?end_date=2026-01-31T08:00:00%2B02:00")
    assert line.questions(inspection.EXPORT)[1].until == datetime(2026, 1, 31, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "=cmd|'/c calc'!A1"])
async def test_no_cell_is_a_formula(client, line, text):
    line.answers[inspection.EXPORT] = ExportPage(rows=(row(1, text),), next=None)
    assert read((await client.get("/api/v1/export/csv")).text)[1][3] == f"'{text}"


@pytest.mark.long
async def test_a_client_that_leaves_ends_the_work(client, line):
    line.answers[inspection.EXPORT] = endless
    async with client.stream("GET", "/api/v1/export/csv") as answer:
        lines = answer.aiter_lines()
        for _ in range(2500):
            await anext(lines)
    asked = len(line.questions(inspection.EXPORT))

    async def quiet() -> bool:
        nonlocal asked
        before, asked = asked, len(line.questions(inspection.EXPORT))
        await asyncio.sleep(0.2)
        return before == asked == len(line.questions(inspection.EXPORT))

    await eventually(quiet)


async def test_a_client_that_reads_slowly_holds_the_work_up(client, line):
    line.answers[inspection.EXPORT] = endless
    async with client.stream("GET", "/api/v1/export/csv") as answer:
        await anext(answer.aiter_lines())
        counts = [0]

        async def stands_still() -> bool:
            await asyncio.sleep(0.3)
            counts.append(len(line.questions(inspection.EXPORT)))
            return counts[-1] == counts[-2]

        await eventually(stands_still, within=20)
        assert counts[-1] < 500


async def test_what_is_away_from_the_start_is_503(client, line):
    line.answers[inspection.EXPORT] = Unavailable("The store is away.")
    assert (await client.get("/api/v1/export/csv")).status_code == 503


async def test_a_short_outage_in_the_middle_is_ridden_out(client, line, monkeypatch):
    monkeypatch.setattr(export, "_PAUSE", 0.01)
    asked = iter((row(2), Unavailable("away"), Unavailable("away"), row(1), None))

    def answer(*_):
        found = next(asked)
        if isinstance(found, Exception):
            raise found
        return ExportPage(rows=(found,), next="1:x") if found else ExportPage(rows=(), next=None)

    line.answers[inspection.EXPORT] = answer
    assert [cells[0] for cells in read((await client.get("/api/v1/export/csv")).text)] == ["ID", "i2", "i1"]
