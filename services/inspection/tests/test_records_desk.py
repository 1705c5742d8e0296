"""Records as they are asked for over the bus: listed, walked through, held, deleted."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import BadRequest, Conflict, NotFound, inspection
from andon.contracts.inspection import Decision
from andon.inspection.app import SERVICE, InspectingSettings, InspectionSettings
from andon.inspection.store.records import RecordStore
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Blobs, Mongo
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
    async with serving(SERVICE, settings), Service("integrations", settings.bus) as bus:
        yield bus


@pytest.fixture
async def store(settings):
    async with Mongo(settings.mongo) as mongo:
        yield RecordStore(mongo.database("inspection"))


def history(count: int) -> list:
    """Half of them in two minutes of one hour, the others over two days; some at the very same moment."""
    dice = random.Random(1)
    parts = []
    for number in range(count):
        dense = timedelta(seconds=dice.randint(0, 119))
        at = DENSE + dense if number % 2 else NOW - timedelta(seconds=dice.randint(1, 170_000))
        parts.append(
            build.inspection(
                frame_id=f"f{number}",
                part_id=f"p{number % 50}" if number % 3 else None,
                station_id=dice.choice(("a", "b", "b", "b")),
                decision=dice.choices(list(Decision), (8, 1, 1))[0],
                judged_at=at,
            )
        )
    return sorted(parts, key=lambda part: (part.judged_at, part.id), reverse=True)


async def keep(store, parts) -> None:
    await asyncio.gather(*map(store.record, parts))


def fits(part, question) -> bool:
    return (
        question.station_id in (None, part.station_id)
        and question.decision in (None, part.decision)
        and getattr(question, "part_id", None) in (None, part.part_id)
        and (question.since is None or part.judged_at >= question.since)
        and (question.until is None or part.judged_at < question.until)
    )


@pytest.mark.long
async def test_a_list_is_what_filters_ask_for_newest_first(bus, store):
    parts = history(600)
    await keep(store, parts)
    dice = random.Random(2)
    edges = [None, None, DENSE, DENSE + timedelta(seconds=61.5), NOW, NOW - timedelta(hours=9, minutes=7.3)]
    for _ in range(60):
        since, until = dice.choice(edges), dice.choice(edges)
        if since and until and since > until:
            since, until = until, since
        question = inspection.ListInspections(
            station_id=dice.choice((None, "a", "b", "none")),
            decision=dice.choice((None, *Decision)),
            part_id=dice.choice((None, None, None, "p7", "p49")),
            since=since,
            until=until,
            limit=dice.choice((1, 7, 50, 500)),
            offset=dice.choice((0, 0, 3, 111, 451, 5000)),
        )
        wanted = [part for part in parts if fits(part, question)]
        found = await bus.ask(inspection.LIST, question)
        assert found.total == len(wanted), question
        page = wanted[question.offset : question.offset + question.limit]
        assert [part.id for part in found.items] == [part.id for part in page], question


async def test_a_part_just_judged_is_in_the_next_answer(bus, store):
    await keep(store, history(20))
    for number in range(5):
        new = build.inspection(frame_id=f"new{number}", judged_at=datetime.now(UTC))
        await store.record(new)
        found = await bus.ask(inspection.LIST, inspection.ListInspections(limit=1))
        assert (found.total, found.items[0].id) == (21 + number, new.id)
        figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(hours=168))
        assert figures.total_inspections == 21 + number


@pytest.mark.long
@pytest.mark.parametrize("limit", [1000, 37])
async def test_a_walk_through_history_gives_every_record_once_newest_first(bus, store, limit):
    parts = history(700)
    await keep(store, parts)
    edge = DENSE + timedelta(seconds=31)
    for question in (
        inspection.ExportInspections(limit=limit),
        inspection.ExportInspections(limit=limit, station_id="b", since=edge),
        inspection.ExportInspections(limit=limit, decision=Decision.FAIL, until=edge),
    ):
        rows, page = [], question
        while True:
            found = await bus.ask(inspection.EXPORT, page)
            assert len(found.rows) <= limit
            rows += found.rows
            if found.next is None:
                break
            page = question.model_copy(update={"after": found.next})
        assert [row.id for row in rows] == [part.id for part in parts if fits(part, question)]


async def test_what_comes_or_goes_during_a_walk_neither_doubles_nor_hides_others(bus, store):
    parts = history(120)
    await keep(store, parts)
    first = await bus.ask(inspection.EXPORT, inspection.ExportInspections(limit=50))
    await store.record(build.inspection(frame_id="new", judged_at=datetime.now(UTC)))
    question = inspection.DeleteInspection(id=parts[60].id, by="me")
    await bus.ask(inspection.DELETE, question)
    rest = await bus.ask(inspection.EXPORT, inspection.ExportInspections(limit=500, after=first.next))
    expected = [part.id for part in parts if part is not parts[60]]
    assert [row.id for row in (*first.rows, *rest.rows)] == expected


async def test_since_after_until_is_refused_and_named(bus):
    since, until = NOW, NOW - timedelta(hours=1)
    for query, question in (
        (inspection.LIST, inspection.ListInspections(since=since, until=until)),
        (inspection.EXPORT, inspection.ExportInspections(since=since, until=until)),
    ):
        with pytest.raises(BadRequest) as refused:
            await bus.ask(query, question)
        assert refused.value.problem.fields.keys() == {"since"}


async def test_a_held_record_can_not_be_deleted_until_it_is_released(bus, store, settings):
    part = build.inspection(judged_at=NOW, image=build.stored_image(key="images/x"))
    async with Blobs(settings.s3) as blobs:
        await blobs.put("images/x", b"picture")
        await store.record(part)
        held = await bus.ask(inspection.HOLD, inspection.HoldInspection(id=part.id, by="eve"))
        assert [(hold.reason, hold.by) for hold in held.holds] == [("manual", "eve")]
        with pytest.raises(Conflict, match="manual"):
            await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=part.id, by="me"))
        assert await blobs.exists("images/x")
        free = await bus.ask(inspection.RELEASE, inspection.ReleaseInspection(id=part.id, by="eve"))
        assert free.holds == ()
        await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=part.id, by="me"))
        assert not await blobs.exists("images/x")
    for query, question in (
        (inspection.DELETE, inspection.DeleteInspection(id=part.id, by="me")),
        (inspection.HOLD, inspection.HoldInspection(id="unknown", by="me")),
        (inspection.RELEASE, inspection.ReleaseInspection(id="unknown", by="me")),
        (inspection.GET, inspection.GetInspection(id=part.id)),
    ):
        with pytest.raises(NotFound):
            await bus.ask(query, question)
