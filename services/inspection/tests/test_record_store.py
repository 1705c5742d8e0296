"""Records are kept once and counted once, whatever dies in between."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import Unavailable
from andon.contracts.inspection import Decision
from andon.inspection.domain import rollups
from andon.inspection.store.records import RecordStore
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
    return store


def part(number: int, **changes):
    return build.inspection(frame_id=f"f{number}", **({"judged_at": NOW} | changes))


async def totals(store: RecordStore) -> tuple[int, int]:
    rows = await store.rollups(None)
    return sum(row.total for row in rows), sum(row.failed for row in rows)


async def recounted(store: RecordStore) -> int:
    return await store.database["records"].count_documents({"deleted": False})


async def test_parts_that_come_together_are_kept_and_counted(store):
    parts = [part(n, decision=Decision.FAIL if n % 4 == 0 else Decision.PASS) for n in range(40)]
    assert await asyncio.gather(*map(store.record, parts)) == parts
    assert await totals(store) == (40, 10)
    assert await recounted(store) == 40
    assert await store.get(parts[3].id) == parts[3]


async def test_a_frame_judged_again_keeps_its_first_judgement_and_counts_once(store, database):
    first = await store.record(part(1))
    again = await RecordStore(database).record(part(1, anomaly_score=9.0))
    assert again == first
    assert await totals(store) == (1, 0)


class DiesBeforeCounting(RecordStore):
    async def _count(self, *_, **__):
        raise ConnectionError("killed")


async def test_a_record_whose_writer_died_before_counting_is_counted_by_the_next(store, database):
    dead = DiesBeforeCounting(database)
    with pytest.raises(ConnectionError):
        await dead.record(part(1))
    assert await totals(store) == (0, 0)
    await store.record(part(1))
    await store.record(part(1))
    assert await totals(store) == (1, 0)


async def test_a_later_batch_of_the_same_process_does_not_vouch_for_one_that_failed(database, store):
    class FailsOnce(RecordStore):
        failed = False

        async def _count(self, parts, sign=1):
            if not self.failed:
                self.failed = True
                raise Unavailable("the store went away")
            await super()._count(parts, sign)

    flaky = FailsOnce(database)
    with pytest.raises(Unavailable):
        await flaky.record(part(1))
    await flaky.record(part(2))
    await flaky.record(part(1))
    assert await totals(store) == (2, 0)


async def test_two_processes_with_the_same_frames_count_each_once(store, database):
    other = RecordStore(database)
    parts = [part(n) for n in range(30)]
    await asyncio.gather(*map(store.record, parts), *map(other.record, reversed(parts)))
    assert await totals(store) == (30, 0)


async def test_a_removed_record_leaves_lists_and_counts_exactly(store):
    await asyncio.gather(*(store.record(part(n, decision=Decision.FAIL)) for n in range(3)))
    gone = await store.remove(part(1).id)
    assert gone is not None
    assert gone.frame_id == "f1"
    assert await store.remove(part(1).id) is None
    assert await store.get(part(1).id) is None
    assert await totals(store) == (2, 2)
    await store.record(part(1, decision=Decision.FAIL))
    assert await totals(store) == (2, 2)
    assert await recounted(store) == 2


async def test_a_removal_that_was_cut_off_is_finished_by_a_repeat(store, database):
    await store.record(part(1))
    with pytest.raises(ConnectionError):
        await DiesBeforeCounting(database).remove(part(1).id)
    assert await store.remove(part(1).id) is not None
    assert await totals(store) == (0, 0)
    assert await store.remove(part(1).id) is None


async def test_pages_come_newest_first_from_the_hours_that_hold_them(store):
    at = [NOW - timedelta(minutes=20 * n) for n in range(12)]
    await asyncio.gather(*(store.record(part(n, judged_at=moment)) for n, moment in enumerate(at)))
    counts = await store.rollups(None)
    seen = []
    for offset in range(0, 12, 5):
        window = rollups.window(counts, None, 5, offset)
        assert window is not None
        seen += [row.frame_id for row in await store.page(None, None, window, 5)]
    assert seen == [f"f{n}" for n in range(12)]


async def test_an_outage_is_said_as_such_and_nothing_is_lost_or_doubled(mongo_process, mongo_settings):
    mongo = Mongo(mongo_settings)
    store = RecordStore(mongo.database("inspection"))
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
    assert await totals(store) == (2, 0)
    await mongo.close()
