"""Records as people look for them: by class and score, by where findings lie, by the hour."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import BadRequest, inspection
from andon.contracts.inspection import Decision, Detection
from andon.inspection.app import SERVICE, InspectingSettings, InspectionSettings
from andon.inspection.domain.places import Looked, gridded
from andon.inspection.handlers import search
from andon.inspection.store.records import RecordStore
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Mongo
from andon.testing import build

NOW = datetime.now(UTC)
DENSE = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=30)


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    inspecting = InspectingSettings(refresh_seconds=5)
    return InspectionSettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, data=tmp_path, inspecting=inspecting
    )


@pytest.fixture
async def bus(settings):
    """Whoever asks, with the service running."""
    async with serving(SERVICE, settings), Service("gateway", settings.bus) as bus:
        yield bus


@pytest.fixture
async def store(settings):
    async with Mongo(settings.mongo) as mongo:
        yield RecordStore(mongo.database("inspection"))


def found(class_name: str, bbox=(10, 20, 40, 60)) -> Detection:
    return Detection(class_name=class_name, confidence=0.8, bbox=bbox)


def history(count: int) -> list:
    """Many in two minutes of one hour, some at the very same moment; every sixth has a finding."""
    dice = random.Random(3)
    parts = []
    for number in range(count):
        dense = DENSE + timedelta(seconds=dice.randint(0, 119))
        classes = (("scratch",), ("d.ent",), ("scratch", "d.ent"))[number // 6 % 3] if number % 6 == 0 else ()
        parts.append(
            build.inspection(
                frame_id=f"f{number}",
                part_id=f"p{number % 40}",
                station_id=dice.choice(("a", "b")),
                decision=Decision.FAIL if classes else Decision.PASS,
                anomaly_score=round(dice.uniform(0.05, 1.5), 3),
                detections=tuple(map(found, classes)),
                judged_at=dense if number % 2 else NOW - timedelta(seconds=dice.randint(1, 170_000)),
            )
        )
    return sorted(parts, key=lambda part: (part.judged_at, part.id), reverse=True)


async def keep(store, parts) -> None:
    await asyncio.gather(*map(store.record, parts))


def fits(part, question) -> bool:
    return (
        question.station_id in (None, part.station_id)
        and question.decision in (None, part.decision)
        and question.part_id in (None, part.part_id)
        and (
            question.class_name is None or question.class_name in {one.class_name for one in part.detections}
        )
        and (question.score_from is None or part.anomaly_score >= question.score_from)
        and (question.score_below is None or part.anomaly_score < question.score_below)
        and (question.since is None or part.judged_at >= question.since)
        and (question.until is None or part.judged_at < question.until)
    )


async def every_page(bus, question) -> list[str]:
    ids, after = [], None
    for _ in range(1000):
        page = await bus.ask(inspection.SEARCH, question.model_copy(update={"after": after}))
        assert len(page.items) <= question.limit
        ids += [part.id for part in page.items]
        if (after := page.next) is None:
            return ids
    raise AssertionError("the search has no end")


@pytest.mark.long
@pytest.mark.parametrize("stride", [2000, 60])
async def test_a_search_gives_what_its_filters_ask_for_once_newest_first(bus, store, stride, monkeypatch):
    monkeypatch.setattr(search, "_STRIDE", stride)
    monkeypatch.setattr(search, "_FAR", 2 * stride)
    parts = history(400)
    await keep(store, parts)
    edge = DENSE + timedelta(seconds=61.5)
    for wanted in (
        {"limit": 60},
        {"limit": 7, "class_name": "d.ent"},
        {"limit": 50, "score_from": 0.9, "score_below": 1.2},
        {"limit": 20, "station_id": "a", "decision": Decision.FAIL, "class_name": "scratch", "until": edge},
        {"limit": 3, "part_id": "p6"},
        {"limit": 3, "part_id": "p6", "class_name": "scratch", "since": edge},
        {"limit": 10, "class_name": "nothing-of-the-kind"},
        {"limit": 10, "class_name": "$where"},
    ):
        question = inspection.SearchInspections.model_validate(wanted)
        assert await every_page(bus, question) == [part.id for part in parts if fits(part, question)], wanted


async def test_parts_that_come_during_a_search_move_no_page(bus, store):
    parts = history(60)
    await keep(store, parts)
    first = await bus.ask(inspection.SEARCH, inspection.SearchInspections(limit=20))
    await store.record(build.inspection(frame_id="new", judged_at=datetime.now(UTC)))
    rest = await bus.ask(inspection.SEARCH, inspection.SearchInspections(limit=500, after=first.next))
    assert [part.id for part in (*first.items, *rest.items)] == [part.id for part in parts]


async def test_places_name_how_many_parts_they_are_of(bus, store):
    for number in range(5):
        top = found("scratch", (0, 0, 160, 120))
        part = build.inspection(
            frame_id=f"f{number}",
            station_id="a",
            decision=Decision.FAIL if number < 4 else Decision.PASS,
            detections=(top, found("dent", (600, 440, 640, 480)))[: 2 if number < 2 else 1]
            if number < 4
            else (),
            judged_at=NOW - timedelta(hours=number),
        )
        await store.record(part)
    every = await bus.ask(inspection.PLACES, inspection.GetPlaces(station_id="a", columns=4))
    assert (every.columns, every.rows, every.parts, every.findings) == (4, 3, 4, 6)
    assert every.counts == (4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
    assert (every.complete, every.newest) == (True, NOW)
    some = await bus.ask(inspection.PLACES, inspection.GetPlaces(station_id="a", columns=4, parts=3))
    assert (some.parts, some.complete, some.oldest) == (3, False, NOW - timedelta(hours=2))
    dents = await bus.ask(
        inspection.PLACES, inspection.GetPlaces(station_id="a", columns=4, class_name="dent")
    )
    assert (dents.parts, sum(dents.counts)) == (2, 2)
    nothing = await bus.ask(inspection.PLACES, inspection.GetPlaces(station_id="none"))
    assert (nothing.parts, sum(nothing.counts), nothing.newest) == (0, 0, None)


async def test_hours_add_up_to_what_was_judged(bus, store):
    parts = history(120)
    await keep(store, parts)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    asked = inspection.GetHours(since=hour - timedelta(hours=60), until=hour + timedelta(hours=1))
    figures = await bus.ask(inspection.HOURS, asked)
    assert [row.hour for row in figures.hours] == sorted(row.hour for row in figures.hours)
    assert sum(row.total for row in figures.hours) == 120
    assert sum(row.failed for row in figures.hours) == sum(part.decision is Decision.FAIL for part in parts)
    assert sum(row.defects.get("d.ent", 0) for row in figures.hours) == 13
    [dense] = [row for row in figures.hours if row.hour == DENSE and row.station_id == "a"]
    there = [
        part
        for part in parts
        if part.station_id == "a" and DENSE <= part.judged_at < DENSE + timedelta(hours=1)
    ]
    assert (dense.total, dense.scored) == (len(there), len(there))
    one = await bus.ask(inspection.HOURS, asked.model_copy(update={"station_id": "b", "since": DENSE}))
    assert {row.station_id for row in one.hours} == {"b"}
    with pytest.raises(BadRequest, match="since"):
        await bus.ask(inspection.HOURS, asked.model_copy(update={"since": NOW - timedelta(days=40)}))


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ((0, 0, 1, 1), {0}),
        ((0, 0, 100, 100), set(range(16))),
        ((25, 0, 50, 25), {1}),
        ((24, 0, 51, 25), {0, 1, 2}),
        ((-50, -50, 0, 0), {0}),
        ((500, 500, 900, 900), {15}),
        ((30, 30, 30, 30), {5}),
    ],
)
def test_a_box_touches_the_cells_it_lies_in(box, cells):
    grid = gridded(4, [Looked(100, 100, (box, box))])
    assert {cell for cell, count in enumerate(grid.counts) if count} == cells
    assert max(grid.counts) == 1
    assert gridded(4, [Looked(0, 0, (box,))]).parts == 0
