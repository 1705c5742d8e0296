"""Records are kept once and counted once, whatever dies in between."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import Unavailable
from andon.contracts.inspection import Decision, Detection, Times
from andon.inspection.domain import rollups
from andon.inspection.store.counts import Counts
from andon.inspection.store.ledger import Ledger
from andon.inspection.store.records import RecordStore
from andon.inspection.store.removals import Removals
from andon.inspection.store.rows import Why
from andon.storage import Mongo
from andon.testing import build, eventually

NOW = datetime.now(UTC)


@pytest.fixture
async def database(mongo_settings):
    mongo = Mongo(mongo_settings)
    yield mongo.database("inspection")
    await mongo.close()


@pytest.fixture
async def store(database):
    store = RecordStore(database)
    await store.prepare()
    await Counts(database).prepare()
    return store


class Pictures(set):
    """What an object store would hold, by key."""

    async def drop(self, keys):
        self.difference_update(keys)


@pytest.fixture
def pictures():
    return Pictures()


@pytest.fixture
def removals(database, pictures):
    return Removals(database, pictures.drop)


def part(number: int, **changes):
    return build.inspection(frame_id=f"f{number}", **({"judged_at": NOW} | changes))


def pictured(number: int, **changes):
    return part(
        number,
        image=build.stored_image(key=f"images/{number}", size=1000 + number),
        annotated=build.stored_image(key=f"annotated/{number}", size=10),
        **changes,
    )


async def totals(database) -> tuple[int, int]:
    rows = await Counts(database).read()
    return sum(row.total for row in rows), sum(row.failed for row in rows)


async def listed(database) -> list:
    return [row async for row in database["records"].find({"at": {"$exists": True}})]


def dies(owner, attribute="_ledger"):
    """Let what it counts next fail, as if the process had been killed between the two writes."""

    class Dying(Ledger):
        async def count(self, amounts):  # noqa: ARG002 - its name in the ledger
            raise ConnectionError("killed")

    setattr(owner, attribute, Dying(owner.database))
    return owner


async def test_parts_that_come_together_are_kept_and_counted(store, database):
    parts = [part(n, decision=Decision.FAIL if n % 4 == 0 else Decision.PASS) for n in range(40)]
    assert await asyncio.gather(*map(store.record, parts)) == parts
    assert await totals(database) == (40, 10)
    assert len(await listed(database)) == 40
    assert await store.get(parts[3].id) == parts[3]


async def test_a_frame_judged_again_keeps_its_first_judgement_and_counts_once(store, database):
    first = await store.record(part(1))
    again = await RecordStore(database).record(part(1, anomaly_score=9.0))
    assert again == first
    assert await totals(database) == (1, 0)


async def test_a_record_whose_writer_died_before_counting_is_counted_by_the_next(store, database):
    with pytest.raises(ConnectionError):
        await dies(RecordStore(database)).record(part(1))
    assert await totals(database) == (0, 0)
    await store.record(part(1))
    await store.record(part(1))
    assert await totals(database) == (1, 0)


async def test_a_later_batch_of_the_same_process_does_not_vouch_for_one_that_failed(database, store):
    class FailsOnce(Ledger):
        failed = False

        async def count(self, amounts):
            if not self.failed:
                self.failed = True
                raise Unavailable("the store went away")
            await super().count(amounts)

    flaky = RecordStore(database)
    flaky._ledger = FailsOnce(database)
    with pytest.raises(Unavailable):
        await flaky.record(part(1))
    await flaky.record(part(2))
    await flaky.record(part(1))
    assert await totals(database) == (2, 0)


async def test_two_processes_with_the_same_frames_count_each_once(store, database):
    other = RecordStore(database)
    parts = [part(n) for n in range(30)]
    await asyncio.gather(*map(store.record, parts), *map(other.record, reversed(parts)))
    assert await totals(database) == (30, 0)


async def test_a_deleted_record_leaves_lists_counts_and_pictures_and_does_not_come_back(
    store, database, removals, pictures
):
    pictures |= {f"{kind}/{n}" for kind in ("images", "annotated") for n in range(3)}
    await asyncio.gather(*(store.record(pictured(n, decision=Decision.FAIL)) for n in range(3)))
    gone = await removals.take_out([part(1).id], Why.DELETED)
    assert (gone.records, gone.files, gone.bytes) == (1, 2, 1011)
    assert pictures == {"images/0", "annotated/0", "images/2", "annotated/2"}
    assert (await removals.take_out([part(1).id, "unknown"], Why.DELETED)).records == 0
    assert await store.get(part(1).id) is None
    assert await totals(database) == (2, 2)
    await store.record(pictured(1, decision=Decision.FAIL))
    assert await totals(database) == (2, 2)
    assert len(await listed(database)) == 2


async def test_pictures_that_a_replay_of_a_deleted_part_brings_back_are_removed_again(
    store, removals, pictures
):
    await store.record(pictured(1))
    await removals.take_out([part(1).id], Why.DELETED)
    await store.record(pictured(1))
    pictures |= {"images/1", "annotated/1", "images/2"}
    await removals.sweep(timedelta(0))
    assert pictures == {"images/2"}


async def test_an_id_is_free_again_once_no_replay_can_come(store, database, removals):
    await store.record(pictured(1))
    await removals.take_out([part(1).id], Why.DELETED)
    await removals.sweep(timedelta(0), timedelta(0))
    assert await database["records"].count_documents({}) == 0
    assert await database["leaving"].count_documents({}) == 0


class DropsNothing:
    """Killed before the pictures went."""

    async def drop(self, _):
        raise ConnectionError("killed")


@pytest.mark.parametrize("why", list(Why))
@pytest.mark.parametrize("counts", [False, True])
async def test_a_removal_that_was_cut_off_is_finished_by_a_sweep(store, removals, pictures, counts, why):
    database = store.database
    pictures |= {"images/1", "annotated/1"}
    await store.record(pictured(1))
    dying = Removals(database, DropsNothing().drop)
    with pytest.raises(ConnectionError):
        await (dying if counts else dies(dying)).take_out([part(1).id], why)
    assert await store.get(part(1).id) is None
    assert await removals.sweep() == 0  # whoever began it may still be at it
    assert pictures
    assert await removals.sweep(timedelta(0)) == 1
    assert not pictures
    [row] = await Counts(database).read()
    assert (row.total, row.remaining(None), row.stored) == (1 if why is Why.AGED else 0, 0, {})
    assert await removals.sweep(timedelta(0)) == 0


async def test_a_record_that_nobody_counted_can_be_removed(store, database, removals):
    with pytest.raises(ConnectionError):
        await dies(RecordStore(database)).record(pictured(1))
    with pytest.raises(ConnectionError):
        await dies(Removals(database, DropsNothing().drop)).take_out([part(1).id], Why.DELETED)
    await removals.sweep(timedelta(0))
    [row] = await Counts(database).read()
    assert (row.total, row.remaining(None)) == (0, 0)


async def test_a_record_without_its_pictures_stays_and_counts(store, database, removals, pictures):
    pictures |= {"images/1", "annotated/1"}
    await store.record(pictured(1))
    with pytest.raises(ConnectionError):
        await dies(Removals(database, pictures.drop)).strip([part(1).id])
    await removals.sweep(timedelta(0))
    found = await store.get(part(1).id)
    assert found is not None
    assert (found.image, found.annotated, pictures) == (None, None, set())
    [row] = await Counts(database).read()
    assert (row.total, row.remaining(None), row.stored) == (1, 1, {})


async def test_a_held_record_is_neither_stripped_nor_taken(store, database, removals):
    await store.record(pictured(1))
    await store.hold(part(1).id, "manual", "eve", NOW)
    held = await store.hold(part(1).id, "manual", "bob", NOW)
    assert [hold.by for hold in held.holds] == ["eve"]
    await store.hold(part(1).id, "labelled", "bob", NOW)
    assert (await removals.take_out([part(1).id], Why.AGED)).records == 0
    assert (await removals.strip([part(1).id])).files == 0
    await store.release(part(1).id, "manual")
    assert (await removals.take_out([part(1).id], Why.AGED)).records == 0
    await store.release(part(1).id, "labelled")
    assert (await removals.take_out([part(1).id], Why.AGED)).records == 1
    assert await store.hold(part(1).id, "manual", "eve", NOW) is None


def drawn(dice: random.Random, number: int):
    """A part as it may come: any station, hour, decision, detections, pictures."""
    names = ("scratch", "dent", "50 % off.$")
    found = [
        Detection(class_name=dice.choice(names), confidence=0.5, bbox=(0, 0, 1, 1))
        for _ in range(dice.randint(0, 3))
    ]
    make = pictured if dice.random() < 0.7 else part
    return make(
        number,
        station_id=dice.choice(("a", "b")),
        decision=dice.choice(list(Decision)),
        judged_at=NOW - timedelta(minutes=dice.randint(0, 300)),
        detections=tuple(found),
        times=Times(decode_ms=1, inference_ms=1, total_ms=round(dice.uniform(1, 700), 3)),
    )


def recount(parts, amounts) -> dict:
    """What counts should say of these, by station and hour."""
    hours: dict = {}
    for one in parts:
        key = f"{one.station_id}/{rollups.hour_of(one.judged_at):%Y-%m-%dT%H}"
        hours[key] = rollups.summed(hours.get(key, {}), amounts(one))
    return {key: adds for key, adds in hours.items() if adds}


def flat(document, before="") -> dict:
    """A document's numbers by dotted name."""
    found: dict = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        elif isinstance(value, int) and value:
            found[f"{before}{name}"] = value
    return found


async def counted(database, wanted) -> dict:
    """What the counts say, without what they need for themselves."""
    own = ("_id", "writers", "shut_out", "hour", "changed", "station_id")
    hours = {}
    async for row in database["rollups"].find():
        adds = flat({name: value for name, value in row.items() if name not in own})
        if mine := {name: value for name, value in adds.items() if wanted(name)}:
            hours[row["_id"]] = mine
    return hours


async def live(dice: random.Random, database, pictures, parts) -> None:
    """Parts come, come again and go, in several processes of which some die."""
    writers = [RecordStore(database) for _ in range(2)]
    removers = [Removals(database, pictures.drop) for _ in range(2)]

    async def step() -> None:
        one, some = dice.choice(parts), [each.id for each in dice.sample(parts, 3)]
        writer = dies(RecordStore(database)) if dice.random() < 0.1 else dice.choice(writers)
        remover = dies(Removals(database, pictures.drop)) if dice.random() < 0.15 else dice.choice(removers)
        work = (
            lambda: writer.record(one),
            lambda: remover.take_out(some, Why.DELETED),
            lambda: remover.take_out(some, Why.AGED),
            lambda: remover.strip(some),
        )
        with suppress(ConnectionError, Unavailable):
            await dice.choices(work, (7, 1, 1, 1))[0]()

    for _ in range(30):
        await asyncio.gather(*(step() for _ in range(4)))
    while await removers[0].sweep(timedelta(0)):
        pass


@pytest.mark.parametrize("seed", range(2))
async def test_counts_are_what_a_recount_gives_after_any_history(store, database, pictures, seed):
    dice = random.Random(seed)
    parts = {one.id: one for one in (drawn(dice, n) for n in range(60))}
    await live(dice, database, pictures, list(parts.values()))
    rows = await listed(database)
    for row in rows:  # whoever died before counting: a replay of the frame counts it
        await store.record(parts[row["_id"]])
    there = [found for row in rows if (found := await store.get(row["_id"]))]
    aged = [parts[key] for key in await left(database, Why.AGED)]
    assert there
    assert aged
    assert await left(database, Why.DELETED)

    present = ("kept", "have.", "minutes.", "files.", "bytes.")
    kept = await counted(database, lambda name: name.startswith(present))
    assert kept == recount(there, rollups.kept)
    judged = await counted(database, lambda name: not name.startswith(present))
    assert judged == recount([*there, *aged], rollups.judged)


async def left(database, why) -> set:
    return {row["_id"] async for row in database["records"].find({"gone": str(why)})}


async def test_counts_in_memory_follow_what_other_processes_count(store, database):
    mine = Counts(database)
    assert await mine.read() == []
    await store.record(part(1))
    assert [row.total for row in await mine.read()] == [1]
    await RecordStore(database).record(part(2, judged_at=NOW - timedelta(days=40)))
    seen = await asyncio.gather(*(mine.read() for _ in range(5)))
    assert {sum(row.total for row in rows) for rows in seen} == {2}


async def test_hours_without_records_are_not_held_in_memory_for_ever(store, database, removals):
    mine = Counts(database)
    old = part(1, judged_at=NOW - timedelta(days=40))
    await store.record(old)
    assert len(await mine.read()) == 1
    await removals.take_out([old.id], Why.AGED)
    assert await mine.read() == []


async def test_an_outage_is_said_as_such_and_nothing_is_lost_or_doubled(mongo_process, mongo_settings):
    mongo = Mongo(mongo_settings)
    database = mongo.database("inspection")
    store = RecordStore(database)
    await store.prepare()
    await store.record(part(1))
    mongo_process.kill()
    with pytest.raises(Unavailable):
        await store.record(part(2))
    await mongo_process.start()

    async def works() -> bool:
        try:
            await store.record(part(2))
        except Unavailable:
            return False
        return True

    await eventually(works, within=30)
    assert await totals(database) == (2, 0)
    await mongo.close()
