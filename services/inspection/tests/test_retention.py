"""What is old goes and what is held stays, also when the process is killed in between."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest

from andon.contracts import inspection
from andon.contracts.inspection import Decision, EvidenceRemoved
from andon.inspection.app import SERVICE, InspectingSettings, InspectionSettings
from andon.inspection.domain.retention import GIBIBYTE
from andon.inspection.handlers.retention import RetentionSettings
from andon.inspection.store.records import RecordStore
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Blobs, Mongo
from andon.testing import build, eventually

NOW = datetime.now(UTC)
NEVER = 1e9
"""Seconds until the schedule's next cleanup."""


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings, tmp_path):
    return InspectionSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        s3=blob_settings,
        data=tmp_path,
        inspecting=InspectingSettings(refresh_seconds=5),
        retention=RetentionSettings(days=30, record_days=60, every_seconds=NEVER, sweep_seconds=0.1),
    )


class Listener(Service):
    def __init__(self, settings):
        super().__init__("gateway", settings)
        self.heard: list[EvidenceRemoved] = []
        self.follows((inspection.EVIDENCE_REMOVED,), self._hear, after=self._start)

    async def _hear(self, message, _):
        self.heard.append(message)

    async def _start(self):
        return 0


@pytest.fixture
async def bus(settings):
    async with Listener(settings.bus) as bus:
        yield bus


@pytest.fixture
async def blobs(settings):
    async with Blobs(settings.s3) as blobs:
        await blobs.prepare()
        yield blobs


@pytest.fixture
async def store(settings):
    async with Mongo(settings.mongo) as mongo:
        store = RecordStore(mongo.database("inspection"))
        await store.prepare()
        # The schedule has just had its turn, unless a test says otherwise.
        await store.database["leases"].insert_one({"_id": "retention", "until": 0, "done": 1 << 60})
        yield store


async def judged(store, blobs, number, days, **changes):
    """A part of so many days ago with both pictures, 100 and 10 bytes."""
    pictures = {
        "image": build.stored_image(key=f"images/{number}", size=100),
        "annotated": build.stored_image(key=f"annotated/{number}", size=10),
    }
    at = NOW - timedelta(days=days, hours=2)
    part = build.inspection(**({"frame_id": f"f{number}", "judged_at": at} | pictures | changes))
    for image in (part.image, part.annotated):
        if image is not None:
            await blobs.put(image.key, b"x" * image.size)
    return await store.record(part)


async def listed(bus) -> dict[str, inspection.Inspection]:
    found = await bus.ask(inspection.LIST, inspection.ListInspections(limit=500))
    assert found.total == len(found.items)
    return {part.frame_id: part for part in found.items}


def clean(bus, days=None):
    return bus.ask(inspection.CLEAN, inspection.CleanStorage(days=days, by="eve"), timeout=30)


async def test_old_records_and_pictures_go_by_their_own_ages_and_holds_stay(settings, bus, blobs, store):
    await judged(store, blobs, 1, days=0)
    await judged(store, blobs, 2, days=45)
    await judged(store, blobs, 3, days=70)
    await judged(store, blobs, 4, days=70, decision=Decision.FAIL)
    held = await judged(store, blobs, 5, days=45)
    await store.hold(held.id, "labelled", "review", NOW)
    held = await judged(store, blobs, 6, days=70, decision=Decision.UNCERTAIN)
    await store.hold(held.id, "manual", "eve", NOW)
    async with serving(SERVICE, settings):
        told = await clean(bus)
        assert (told.inspections_removed, told.evidence_removed, told.deleted_count) == (1, 1, 4)
        assert (told.freed_bytes, told.held, told.complete, told.by) == (220, 3, True, "eve")
        assert told.cutoff - told.records_cutoff == timedelta(days=30)
        parts = await listed(bus)
        assert parts.keys() == {"f1", "f2", "f4", "f5", "f6"}
        assert {name for name, part in parts.items() if part.image is None} == {"f2"}
        assert await blobs.list("images/") == ["images/1", "images/4", "images/5", "images/6"]
        assert await blobs.list("annotated/") == [f"annotated/{n}" for n in (1, 4, 5, 6)]
        await eventually(lambda: [news.inspections_removed for news in bus.heard] == [1])
        again = await clean(bus)
        assert (again.inspections_removed, again.deleted_count, again.held) == (0, 0, 3)


async def test_days_that_are_asked_for_count_for_records_and_pictures(settings, bus, blobs, store):
    for number, days in enumerate((0, 1, 2, 3)):
        await judged(store, blobs, number, days)
    async with serving(SERVICE, settings):
        told = await clean(bus, days=2)
        assert (told.inspections_removed, told.evidence_removed) == (2, 0)
        assert (await listed(bus)).keys() == {"f0", "f1"}


async def test_failed_parts_age_like_others_when_they_are_not_held(settings, bus, blobs, store):
    policy = settings.retention.model_copy(update={"hold_failed": False})
    await judged(store, blobs, 1, days=70, decision=Decision.FAIL)
    async with serving(SERVICE, settings.model_copy(update={"retention": policy})):
        assert (await clean(bus)).inspections_removed == 1


async def test_what_was_judged_counts_after_it_aged_and_not_after_it_was_deleted(settings, bus, blobs, store):
    async with serving(SERVICE, settings):
        old = await judged(store, blobs, 1, days=3)
        gone = await judged(store, blobs, 2, days=3)
        await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=gone.id, by="eve"))
        await clean(bus, days=1)
        assert await listed(bus) == {}
        figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(hours=168))
        assert figures.total_inspections == 1
        await store.record(old)  # a replay brings back neither the record nor the count
        assert await listed(bus) == {}


@pytest.mark.long
async def test_above_the_limit_the_oldest_pictures_go_first(settings, bus, blobs, store):
    for number in range(6):
        await judged(store, blobs, number, days=6 - number)
    failed = {"decision": Decision.FAIL}
    await judged(store, blobs, 9, days=9, **failed)
    policy = settings.retention.model_copy(update={"max_gb": 500 / GIBIBYTE})
    async with serving(SERVICE, settings.model_copy(update={"retention": policy})):
        told = await clean(bus)  # 770 bytes are there, 500 may be
        assert (told.evidence_removed, told.inspections_removed, told.freed_bytes) == (3, 0, 330)
        parts = await listed(bus)
        assert {name for name, part in parts.items() if part.image} == {"f9", "f3", "f4", "f5"}


async def test_usage_is_counted_by_station_and_kind(settings, bus, blobs, store):
    await judged(store, blobs, 1, days=0, station_id="a")
    await judged(store, blobs, 2, days=0, station_id="a", annotated=None)
    gone = await judged(store, blobs, 3, days=1, station_id="b")
    await judged(store, blobs, 4, days=1, station_id="b", image=None, annotated=None)
    async with serving(SERVICE, settings):
        await bus.ask(inspection.DELETE, inspection.DeleteInspection(id=gone.id, by="eve"))
        used = await bus.ask(inspection.USAGE, inspection.GetUsage())
        found = [(each.station_id, each.kind, each.files, each.bytes) for each in used.evidence]
        assert found == [("a", "annotated", 1, 10), ("a", "images", 2, 200)]
        assert (used.records, used.image_days, used.record_days, used.hold_failed) == (3, 30, 60, True)
        assert used.database_bytes > 1000


async def test_the_schedule_cleans_up_once_over_all_replicas(settings, bus, blobs, store):
    await store.database["leases"].update_one({"_id": "retention"}, {"$set": {"done": 0}})
    await judged(store, blobs, 1, days=70)
    async with serving(SERVICE, settings), serving(SERVICE, settings):
        await eventually(lambda: bus.heard)
        assert (bus.heard[0].inspections_removed, bus.heard[0].by) == (1, "schedule")
        assert await listed(bus) == {}
        done = (await store.database["leases"].find_one({"_id": "retention"}))["done"]
        assert 0 < done < 1 << 60

        async def had_turns() -> bool:  # both replicas looked again since, and found nothing due
            return (await store.database["leases"].find_one({"_id": "retention"}))["until"] == 0

        await eventually(had_turns)
        assert len(bus.heard) == 1


async def test_two_cleanups_at_once_take_turns(settings, bus, blobs, store):
    for number in range(8):
        await judged(store, blobs, number, days=70)
    async with serving(SERVICE, settings):
        told = await asyncio.gather(clean(bus), clean(bus))
        assert sorted(each.inspections_removed for each in told) == [0, 8]


def environment(settings) -> dict[str, str]:
    s3, given = settings.s3, settings.retention
    return os.environ | {
        "ANDON_BUS__URL": settings.bus.url,
        "ANDON_MONGO__URI": settings.mongo.uri,
        "ANDON_MONGO__PREFIX": settings.mongo.prefix,
        "ANDON_S3__ENDPOINT": s3.endpoint,
        "ANDON_S3__ACCESS_KEY": s3.access_key,
        "ANDON_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
        "ANDON_S3__BUCKET": s3.bucket,
        "ANDON_DATA": str(settings.data),
        "ANDON_RETENTION__DAYS": str(given.days),
        "ANDON_RETENTION__RECORD_DAYS": str(given.record_days),
        "ANDON_RETENTION__SWEEP_SECONDS": "0.1",
        "ANDON_RETENTION__EVERY_SECONDS": str(NEVER),
    }


@pytest.mark.long
async def test_a_cleanup_that_is_killed_leaves_nothing_behind_and_counts_right(settings, bus, blobs, store):
    await asyncio.gather(*(judged(store, blobs, number, days=70) for number in range(250)))
    leases, records = store.database["leases"], store.database["records"]
    await leases.update_one({"_id": "retention"}, {"$set": {"done": 0}})  # due at once
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "inspection",
        env=environment(settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    async def on_their_way_out() -> bool:
        return await records.count_documents({"leaving": {"$exists": True}}) > 0

    try:
        await eventually(on_their_way_out, within=30, every=0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert await records.count_documents({"gone": {"$exists": True}}) < 250
    journal = store.database["leaving"]
    await journal.update_many({"since": {"$exists": True}}, {"$set": {"since": 0}})  # half a minute later
    await leases.update_one({"_id": "retention"}, {"$set": {"until": 0}})  # and two

    async with serving(SERVICE, settings):

        async def nothing_open() -> bool:
            return not await journal.count_documents({"since": {"$exists": True}})

        await eventually(nothing_open, within=20)
        told = await clean(bus)
        assert told.complete
        assert await listed(bus) == {}
        used = await bus.ask(inspection.USAGE, inspection.GetUsage())
        assert (used.records, used.evidence) == (0, ())
        assert await blobs.list("images/") == []
        assert await blobs.list("annotated/") == []
        [row] = [row async for row in store.database["rollups"].find()]
        assert (row["total"], row["kept"], row["have"]["pass"]) == (250, 0, 0)
