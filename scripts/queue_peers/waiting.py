"""A queue that is full before the measurement begins."""

from datetime import UTC, datetime

from andon.contracts import queue
from andon.contracts.queue import (
    DeviceFacts,
    DeviceHeartbeat,
    LeaseJobs,
    NewJob,
    QueueSettings,
    Report,
    Requirements,
    Stage,
)
from andon.messaging import Service
from andon.queue.domain.ids import new_id
from andon.queue.domain.record import Record
from andon.queue.domain.submission import submitted
from andon.queue.store.documents import Document, document_of
from andon.storage import Mongo, MongoSettings

PAGE = 250
KINDS = 100
"""Users, projects and wishes that differ among the jobs that wait."""


async def fill(database: str, count: int) -> None:
    """Jobs of many kinds for devices that serve another queue, as they lie there long after their submit."""
    now = datetime.now(UTC)
    kinds = [document_of(_told(submitted(_wish(kind), QueueSettings(), now))) for kind in range(KINDS)]
    async with Mongo(MongoSettings(uri=database)) as mongo:
        jobs = mongo.database("queue")["jobs"]
        for first in range(0, count, PAGE):
            numbers = range(first, first + PAGE)
            await jobs.insert_many([_like(kinds[n % KINDS], n, new_id(now)) for n in numbers], ordered=False)


def _wish(kind: int) -> NewJob:
    needs = Requirements(cpu=1 + kind % 4)
    return NewJob(name="waits", queue="bulk", user=f"u{kind}", project=f"p{kind % 10}", requirements=needs)


def _told(record: Record) -> Record:
    return record.model_copy(update={"outbox": (), "unsaid_at": None})


def _like(document: Document, number: int, job_id: str) -> Document:
    aliases = {"clearml": job_id.replace("-", ""), "cvlab": None}
    return {**document, "_id": job_id, "aliases": aliases, "rank": document["rank"] + number}


async def seen(bus: Service) -> None:
    """Until the service knows what waits: it hands one out, which is given back."""
    facts = DeviceFacts(cpu_cores=64, memory_total=10**12)
    await bus.ask(queue.HEARTBEAT, DeviceHeartbeat(id="probe", facts=facts), timeout=60)
    wish = LeaseJobs(device="probe", queues=("bulk",), wait_seconds=20)
    while not (grants := (await bus.ask(queue.LEASE, wish, timeout=60)).grants):
        pass
    given = Report(job_id=grants[0].job.id, token=grants[0].lease.token, stage=Stage.RELEASED)
    await bus.ask(queue.REPORT, given, timeout=60)
