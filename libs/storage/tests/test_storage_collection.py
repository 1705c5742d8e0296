"""Records go to MongoDB and come back as they were."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from pydantic import BaseModel

from andon.contracts import Conflict, Message, Time, Unavailable
from andon.storage import Change, Collection, Index, Mongo, MongoSettings, stored
from andon.testing import Restartable, eventually

NOON = datetime(2026, 1, 31, 12, 0, 0, 123457, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    row: int
    since: Time


class Part(Message):
    id: str
    at: Time
    colour: Colour = Colour.RED
    serial: str | None = None
    place: Place | None = None
    scores: tuple[float, ...] = ()
    count: int = 0


class Hour(Message):
    station: str
    hour: int
    passed: int = 0


@pytest.fixture
async def mongo(mongo_settings: MongoSettings) -> AsyncIterator[Mongo]:
    async with Mongo(mongo_settings) as mongo:
        yield mongo


@pytest.fixture
async def parts(mongo: Mongo) -> Collection[Part]:
    unique_serial = Index(("serial",), unique=True, only={"serial": {"$gt": ""}})
    indexes = (Index(("colour", "-at")), unique_serial)
    parts = Collection(mongo.database("line"), "parts", Part, indexes=indexes)
    await parts.prepare()
    await parts.prepare()
    return parts


async def test_a_record_comes_back_to_the_microsecond_with_its_zone(parts: Collection[Part]):
    part = Part(id="a", at=NOON, colour=Colour.BLUE, place=Place(row=3, since=NOON), scores=(0.5, 1.0))
    await parts.put(part)
    found = await parts.get("a")
    assert found is not None
    assert found == part
    assert found.at.utcoffset() == timedelta(0)
    assert found.at.microsecond == 123457


async def test_there_is_nothing_under_an_unknown_key(parts: Collection[Part]):
    assert await parts.get("nobody") is None
    assert await parts.delete("nobody") is False


async def test_a_put_replaces(parts: Collection[Part]):
    await parts.put(Part(id="a", at=NOON, count=1))
    await parts.put(Part(id="a", at=NOON, count=2))
    assert [part.count for part in await parts.find()] == [2]


async def test_a_second_one_is_refused_where_only_one_may_be(parts: Collection[Part]):
    await parts.add(Part(id="a", at=NOON, serial="s1"))
    with pytest.raises(Conflict):
        await parts.add(Part(id="a", at=NOON))
    with pytest.raises(Conflict):
        await parts.put(Part(id="b", at=NOON, serial="s1"))
    with pytest.raises(Conflict):
        await parts.put_many([Part(id="b", at=NOON, serial="s1")])
    await parts.add(Part(id="c", at=NOON))
    await parts.add(Part(id="d", at=NOON))


async def test_ranges_of_time_are_exact_and_zones_do_not_matter(parts: Collection[Part]):
    moments = [NOON + timedelta(microseconds=n) for n in range(5)]
    await parts.put_many([Part(id=str(n), at=at) for n, at in enumerate(moments)])
    elsewhere = moments[1].astimezone(timezone(timedelta(hours=5, minutes=30)))
    found = await parts.find({"at": {"$gte": elsewhere, "$lt": moments[4]}}, sort=["-at"])
    assert [part.id for part in found] == ["3", "2", "1"]


async def test_moments_on_the_second_sort_before_those_after_it(parts: Collection[Part]):
    whole = NOON.replace(microsecond=0)
    await parts.put_many([Part(id="later", at=whole + timedelta(microseconds=1)), Part(id="whole", at=whole)])
    assert [part.id for part in await parts.find(sort=["at"])] == ["whole", "later"]


async def test_lists_are_sorted_paged_and_limited(parts: Collection[Part]):
    await parts.put_many([Part(id=f"{n:03}", at=NOON, count=n) for n in range(130)])
    assert len(await parts.find()) == 100
    assert len(await parts.find(limit=0)) == 130
    page = await parts.find({"count": {"$gte": 10}}, sort=[("id", -1)], limit=2, skip=1)
    assert [part.id for part in page] == ["128", "127"]
    assert await parts.count({"$or": [{"id": "001"}, {"id": {"$gt": "127"}}]}) == 3


async def test_a_swap_happens_only_from_the_expected_state(parts: Collection[Part]):
    await parts.put(Part(id="a", at=NOON, count=1))
    assert await parts.swap("a", {"at": NOON, "count": 1}, {"count": 2, "colour": Colour.BLUE})
    assert not await parts.swap("a", {"at": NOON, "count": 1}, {"count": 3})
    found = await parts.get("a")
    assert found is not None
    assert (found.count, found.colour) == (2, Colour.BLUE)


async def test_a_repeated_bulk_changes_nothing(parts: Collection[Part]):
    batch = [Part(id=str(n), at=NOON) for n in range(20)]
    await parts.put_many(batch)
    await parts.put_many(batch)
    await parts.put_many([])
    assert await parts.count() == 20
    assert await parts.delete_where({"id": {"$in": ["1", "2"]}}) == 2
    assert await parts.count() == 18


async def test_a_key_may_be_made_of_fields_and_counted_under(mongo: Mongo):
    hours = Collection(mongo.database("line"), "hours", Hour, key=lambda hour: f"{hour.station}/{hour.hour}")
    await hours.put(Hour(station="s", hour=7))
    both = [
        Change("s/7", {"$inc": {"passed": 2}}),
        Change("s/8", {"$inc": {"passed": 1}, "$setOnInsert": {"station": "s", "hour": 8}}, upsert=True),
    ]
    await hours.update_many(both)
    assert await hours.update("s/8", {"$inc": {"passed": 4}})
    assert not await hours.update("s/9", {"$inc": {"passed": 4}})
    assert [(hour.hour, hour.passed) for hour in await hours.find(sort=["hour"])] == [(7, 2), (8, 5)]
    total = await hours.aggregate([{"$group": {"_id": "$station", "passed": {"$sum": "$passed"}}}])
    assert total == [{"_id": "s", "passed": 7}]


async def test_services_do_not_see_each_others_records(mongo: Mongo, parts: Collection[Part]):
    await parts.put(Part(id="a", at=NOON))
    other = Collection(mongo.database("opcua-bridge"), "parts", Part)
    assert await other.get("a") is None


def test_a_time_without_zone_is_not_stored():
    with pytest.raises(ValueError, match="zone"):
        stored({"at": datetime(2026, 1, 31)})  # noqa: DTZ001 - the point


async def test_an_outage_is_unavailable_and_passes(
    mongo_process: Restartable[str], mongo_settings: MongoSettings
):
    quick = mongo_settings.model_copy(update={"timeout_ms": 400})
    async with Mongo(quick) as mongo:
        parts = Collection(mongo.database("line"), "parts", Part, indexes=(Index(("at",)),))
        await parts.put(Part(id="a", at=NOON))
        mongo_process.kill()
        results = await asyncio.gather(
            mongo.ping(), parts.get("a"), parts.put(Part(id="b", at=NOON)), parts.find(), parts.count(),
            parts.put_many([Part(id="c", at=NOON)]), parts.prepare(), parts.swap("a", {}, {"count": 1}),
            return_exceptions=True,
        )  # fmt: skip
        assert [type(result) for result in results] == [Unavailable] * 8
        await mongo_process.start()

        async def back() -> bool:
            try:
                await mongo.ping()
            except Unavailable:
                return False
            return True

        await eventually(back)
        assert await parts.get("a") == Part(id="a", at=NOON)


async def test_many_new_records_are_written_at_once_and_a_taken_key_is_a_conflict(parts: Collection[Part]):
    await parts.add_many([Part(id=str(number), at=NOON) for number in range(50)])
    await parts.add_many([])
    assert await parts.count() == 50
    with pytest.raises(Conflict):
        await parts.add_many([Part(id="new", at=NOON), Part(id="7", at=NOON, count=9)])
    kept = await parts.get("7")
    assert kept is not None
    assert kept.count == 0
