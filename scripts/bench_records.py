"""Lists, single records, figures and the export among 200,000 records: how long they take and by which plan.

`python scripts/bench_records.py` starts servers of its own; `seed`, `questions` and `timed` serve others.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from andon.contracts import Query, inspection
from andon.contracts.inspection import Decision, Detection, Inspection
from andon.inspection.app import SERVICE, InspectionSettings
from andon.inspection.store.counts import Counts
from andon.inspection.store.ledger import Ledger, by_hour
from andon.inspection.store.records import RecordStore
from andon.inspection.store.rows import entry_of, owed, row_of
from andon.messaging import BusSettings, Service, declare_topology
from andon.runtime import serving
from andon.storage import Database, Mongo, MongoSettings, S3Settings
from andon.testing import build
from andon.testing._servers import Servers

STATIONS = tuple(f"line-{number}" for number in range(1, 9))
DAYS = 30
BUSY, RUSH = 9.0, 0.3
"""Hours ago that a busy hour begins, and the share of parts that come in it."""
_BATCH = 2000
Question = tuple[str, Query[Any, Any], Any]


@dataclass(frozen=True)
class Waits:
    """How long answers to one kind of question took, in ms."""

    name: str
    each: Sequence[float]

    def at(self, share: float) -> float:
        ordered = sorted(self.each)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def parts(count: int, now: datetime) -> Iterator[Inspection]:
    """A month of eight stations, oldest first; three of ten parts come in one busy hour of their day."""
    dice = random.Random(7)

    def moment() -> datetime:
        hours = BUSY + dice.random() if dice.random() < RUSH else dice.uniform(0, 24)
        return now - timedelta(days=dice.randrange(DAYS), hours=hours)

    for number, at in enumerate(sorted(moment() for _ in range(count))):
        decision = dice.choices(list(Decision), (92, 5, 3))[0]
        found = Detection(class_name="anomaly", confidence=0.9, bbox=(10, 10, 90, 90), area_px=500)
        yield build.inspection(
            frame_id=f"bench-{number}",
            part_id=f"P-{number:07d}",
            station_id=dice.choice(STATIONS),
            decision=decision,
            judged_at=at,
            captured_at=at,
            detections=() if decision is Decision.PASS else (found,) * dice.randint(1, 3),
            image=build.stored_image(key=f"images/bench/{number}.jpg", size=168_000),
        )


async def seed(database: Database, count: int) -> list[str]:
    """Write records and their counts as the service would, only in larger batches; some of their ids."""
    await RecordStore(database).prepare()
    await Counts(database).prepare()
    ledger, ids = Ledger(database), list[str]()
    made = parts(count, datetime.now(UTC))
    for _ in range(0, count, _BATCH):
        with ledger.numbered():
            taken = [part for _, part in zip(range(_BATCH), made, strict=False)]
            rows = [{"_id": part.id} | row_of(part, ledger.stamp) for part in taken]
            await database["records"].insert_many(rows, ordered=False)
            await ledger.count(by_hour((entry_of(row).hour, owed(row)) for row in rows))
            ids += [part.id for part in taken[::50]]
    return ids


def questions(ids: Sequence[str]) -> list[Question]:
    """One of each kind, drawn anew with every call."""
    station, now = random.choice(STATIONS), datetime.now(UTC)
    since = now - timedelta(days=random.uniform(1, DAYS))
    span: dict[str, Any] = {"since": since, "until": since + timedelta(hours=random.uniform(1, 30))}
    ask = inspection.ListInspections
    return [
        ("get", inspection.GET, inspection.GetInspection(id=random.choice(ids))),
        ("list, newest 50", inspection.LIST, ask()),
        ("list of a station", inspection.LIST, ask(station_id=station)),
        ("list of fails", inspection.LIST, ask(decision=Decision.FAIL)),
        ("list of a station's fails", inspection.LIST, ask(station_id=station, decision=Decision.FAIL)),
        ("list between two times", inspection.LIST, ask(**span)),
        ("list of a station between two times", inspection.LIST, ask(station_id=station, **span)),
        ("list from a random offset", inspection.LIST, ask(offset=random.randrange(190_000))),
        ("list of a part", inspection.LIST, ask(part_id=f"P-{random.randrange(190_000):07d}")),
        ("statistics, a day", inspection.STATISTICS, inspection.GetStatistics()),
        ("statistics, a week", inspection.STATISTICS, inspection.GetStatistics(hours=168)),
        ("trends, a week by the hour", inspection.TRENDS, inspection.GetTrends(hours=168)),
        ("usage", inspection.USAGE, inspection.GetUsage()),
    ]


async def timed(
    ask: Callable[[Query[Any, Any], Any], Coroutine[Any, Any, Any]], ids: Sequence[str], rounds: int
) -> list[Waits]:
    """Every kind of question, so many times, one after the other."""
    waits: dict[str, list[float]] = {}
    for round_ in range(-5, rounds):
        for name, query, question in questions(ids):
            began = time.perf_counter()
            await ask(query, question)
            if round_ >= 0:
                waits.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
    return [Waits(name, each) for name, each in waits.items()]


async def settled(bus: Service) -> None:
    """What changed a moment ago is read again for ten seconds: after the seeding, that is every hour."""
    for _ in range(25):
        await bus.ask(inspection.STATISTICS, inspection.GetStatistics(), timeout=60)
        await asyncio.sleep(1)


async def exported(bus: Service) -> tuple[int, float]:
    """Walk through everything once: rows and seconds."""
    question, rows, began = inspection.ExportInspections(), 0, time.perf_counter()
    while True:
        page = await bus.ask(inspection.EXPORT, question, timeout=30)
        rows += len(page.rows)
        if page.next is None:
            return rows, time.perf_counter() - began
        question = question.model_copy(update={"after": page.next})


async def plans(database: Database) -> list[str]:
    """What the server's explain says of each shape of query that lists use."""
    now = int(datetime.now(UTC).timestamp() * 1e6)
    span = {"at": {"$gte": now - 3_600_000_000, "$lt": now}}
    shapes = (
        span,
        {"station_id": STATIONS[0], **span},
        {"decision": "fail", **span},
        {"station_id": STATIONS[0], "decision": "fail", **span},
        {"part_id": "P-0000001"},
    )
    told = list[str]()
    for where in shapes:
        cursor = database["records"].find(where).sort([("at", -1), ("_id", -1)]).limit(50)
        plan = (await cursor.explain())["queryPlanner"]["winningPlan"]
        told.append(f"{' + '.join(where)}: {' <- '.join(_stages(plan))}")
    return told


def _stages(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["stage"] + (f" {plan['indexName']}" if "indexName" in plan else "")
    if "inputStage" in plan:
        yield from _stages(plan["inputStage"])


async def run(settings: InspectionSettings, count: int, rounds: int) -> None:
    await declare_topology(settings.bus)
    async with Mongo(settings.mongo) as mongo:
        database, began = mongo.database("inspection"), time.perf_counter()
        ids = await seed(database, count)
        print(f"{count} records seeded in {time.perf_counter() - began:.0f} s")
        async with serving(SERVICE, settings), Service("integrations", settings.bus) as bus:
            await settled(bus)
            for waits in await timed(bus.ask, ids, rounds):
                print(f"{waits.name:40} p50 {waits.at(0.5):7.1f} ms   p99 {waits.at(0.99):7.1f} ms")
            rows, seconds = await exported(bus)
            print(f"export: {rows} rows in {seconds:.1f} s, {rows / seconds:.0f} a second")
        print("explain:", *await plans(database), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=200)
    chosen = parser.parse_args()
    servers = Servers()
    try:
        s3 = servers.s3()
        with tempfile.TemporaryDirectory() as folder:
            settings = InspectionSettings(
                bus=BusSettings(url=servers.nats_url()),
                mongo=MongoSettings(uri=servers.mongo_uri(), timeout_ms=60_000),
                s3=S3Settings(
                    endpoint=s3.endpoint, access_key=s3.access_key, secret_key=SecretStr(s3.secret_key)
                ),
                data=Path(folder),
            )
            asyncio.run(run(settings, chosen.count, chosen.rounds))
    finally:
        servers.end()


if __name__ == "__main__":
    main()
