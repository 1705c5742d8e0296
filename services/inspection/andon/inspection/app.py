"""Puts the inspection service together."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import (
    Refused,
    batch,
    camera,
    inspection,
    station,
    training,
)
from andon.inspection.adapters.archives import Limits
from andon.inspection.adapters.evidence import EvidenceStore
from andon.inspection.adapters.folders import Roots
from andon.inspection.adapters.luggage import Luggage
from andon.inspection.adapters.models import ModelShelf
from andon.inspection.adapters.repository import repository_of
from andon.inspection.answering import Beside, answering, defaults
from andon.inspection.camera.stream import Streams
from andon.inspection.domain.stations import changed
from andon.inspection.handlers.batch import BatchDesk
from andon.inspection.handlers.batch_job import Tools
from andon.inspection.handlers.batch_run import BatchRunner, BatchSettings
from andon.inspection.handlers.capture import CameraDesk, CameraSettings
from andon.inspection.handlers.desk import StationDesk
from andon.inspection.handlers.frames import Inspector
from andon.inspection.handlers.opinions import Opinions
from andon.inspection.handlers.questions import QuestionSettings
from andon.inspection.handlers.records import RecordDesk
from andon.inspection.handlers.retention import Retention, RetentionSettings
from andon.inspection.handlers.search import SearchDesk
from andon.inspection.handlers.versions import VersionDesk
from andon.inspection.store.batches import BatchStore
from andon.inspection.store.cameras import CameraStore
from andon.inspection.store.configuration import ConfigurationStore
from andon.inspection.store.counts import Counts
from andon.inspection.store.leases import Lease
from andon.inspection.store.pages import Pages
from andon.inspection.store.records import RecordStore
from andon.inspection.store.removals import Removals
from andon.inspection.store.search import Search
from andon.inspection.store.stations import RefusalStore, SampleStore, StationStore
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.security import Safe
from andon.serving import ModelHost, ServingSettings, serving_checks
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.telemetry import log

_log = log(__name__)


class InspectingSettings(BaseModel):
    """How much is in work at a time."""

    workers: Annotated[int, Field(ge=1, le=256)] = 32
    """Frames in work at once; what waits beyond stays in the stream."""
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    """For decoding, measuring and drawing."""
    trial_seconds: Annotated[float, Field(gt=0)] = 5.0
    """A model on trial that has not answered by then is passed over."""
    refresh_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How soon a change by another replica is taken over."""


class InspectionSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    serving: ServingSettings = ServingSettings()
    inspecting: InspectingSettings = InspectingSettings()
    camera: CameraSettings = CameraSettings()
    batch: BatchSettings = BatchSettings()
    retention: RetentionSettings = RetentionSettings()
    questions: QuestionSettings = QuestionSettings()


def build(settings: InspectionSettings) -> Application:
    """Name the concrete parts and tie them to the bus."""
    bus = Service("inspection", settings.bus)
    mongo, blobs = Mongo(settings.mongo), Blobs(settings.s3)
    database = mongo.database("inspection")
    host = ModelHost(settings.serving.keep_models)
    stations, samples, refusals = StationStore(database), SampleStore(database), RefusalStore(database)
    records, evidence = RecordStore(database), EvidenceStore(blobs)
    repository = repository_of(settings.serving, blobs)
    models = ModelShelf(blobs, host, settings.serving, settings.data / "models", repository)
    threads = ThreadPoolExecutor(settings.inspecting.threads, thread_name_prefix="look")
    opinions = Opinions(models, settings.inspecting.trial_seconds)
    inspector = Inspector(stations, samples, refusals, records, evidence, opinions, bus, threads)
    configuration = ConfigurationStore(
        database, defaults(settings.retention, settings.batch, settings.questions)
    )
    station_desk = StationDesk(stations, samples, models, bus, configuration.keep_passed)
    _wire(bus, inspector, station_desk, settings.inspecting.workers)
    record_desk, retention = _keeping(bus, settings.retention, inspector, configuration)

    streams = _cameras(bus, settings.camera, CameraStore(database, Safe(settings.camera.seal)), inspector)
    runner = _batches(bus, settings, BatchStore(database), inspector, configuration)
    tools = Beside(bus, inspector, record_desk, configuration, settings.data / "models")
    answers = answering(tools, settings.questions, settings.serving)

    async def keep_up() -> None:
        while True:
            await asyncio.sleep(settings.inspecting.refresh_seconds)
            await _keep_up_once(station_desk)
            await streams.close_idle()

    return Application(
        bus=bus,
        checks={"mongo": mongo.ping, "s3": blobs.ping, **serving_checks(settings.serving)},
        resources=(
            _Stores(
                mongo, blobs, (samples, refusals, records, retention.counts, configuration), station_desk
            ),
            _Looking(host, threads),
            answers,
            _Keeping(retention),
            _Work(runner.tools.batches, streams),
        ),
        background=(keep_up, runner.run, retention.run, answers.keep_up),
    )


@dataclass(frozen=True)
class _Stores:
    """Connected and prepared; entered again as long as one of them is away."""

    mongo: Mongo
    blobs: Blobs
    stores: tuple[SampleStore | RefusalStore | RecordStore | Counts | ConfigurationStore, ...]
    desk: StationDesk

    async def __aenter__(self) -> None:
        await self.blobs.prepare()
        for store in self.stores:
            await store.prepare()
        if not await self.desk.stations.read():
            wanted = station.PutStation(id="default", name="Default station")
            await self.desk.stations.change("default", partial(changed, wanted=wanted, now=datetime.now(UTC)))
        await _keep_up_once(self.desk)

    async def __aexit__(self, *_: object) -> None:
        await self.mongo.close()
        await self.blobs.close()


@dataclass(frozen=True)
class _Looking:
    """Threads and models, let go at the end."""

    host: ModelHost
    threads: ThreadPoolExecutor

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        await self.host.close()
        self.threads.shutdown(wait=False)


@dataclass(frozen=True)
class _Keeping:
    """A cleanup that somebody asked for, cut off at the end."""

    retention: Retention

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        await self.retention.stop()


@dataclass(frozen=True)
class _Work:
    """Batch jobs made ready to be claimed, and cameras let go at the end."""

    batches: BatchStore
    streams: Streams

    async def __aenter__(self) -> None:
        await self.batches.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.streams.close_all()


async def _keep_up_once(desk: StationDesk) -> None:
    try:
        await desk.keep_up()
    except Refused as error:
        # Frames of the stations concerned get the same answer; here the others go on.
        _log.warning("stations can't be refreshed", reason=str(error))


def _wire(bus: Service, inspector: Inspector, stations: StationDesk, workers: int) -> None:
    bus.hears(inspection.FRAME_CAPTURED, inspector.captured, workers=workers)
    bus.hears(training.MODEL_DEPLOYED, stations.use)
    bus.answers(inspection.INSPECT, inspector.inspect)
    bus.answers(station.PUT, stations.put)
    bus.answers(station.SET_MODEL, stations.set_model)
    bus.answers(station.GET, stations.get)
    bus.answers(station.LIST, stations.every)
    bus.answers(station.SAMPLES, stations.taught)


def _keeping(
    bus: Service,
    settings: RetentionSettings,
    inspector: Inspector,
    configuration: ConfigurationStore,
) -> tuple[RecordDesk, Retention]:
    records, refusals, evidence = inspector.records, inspector.refusals, inspector.evidence
    database = records.database
    pages, counts, removals = Pages(database), Counts(database), Removals(database, evidence.drop)
    desk = RecordDesk(records, pages, counts, removals, refusals, bus)
    lease = Lease(database, "retention")
    retention = Retention(pages, counts, removals, lease, bus, configuration.policy, settings.pace)
    bus.answers(inspection.GET, desk.get)
    bus.answers(inspection.LIST, desk.list)
    bus.answers(inspection.EXPORT, desk.export)
    bus.answers(inspection.HOLD, desk.hold)
    bus.answers(inspection.RELEASE, desk.release)
    bus.answers(inspection.DELETE, desk.delete)
    bus.answers(inspection.STATISTICS, desk.statistics)
    bus.answers(inspection.TRENDS, desk.trends)
    _searching(bus, SearchDesk(Search(database), counts))
    versions = VersionDesk(counts, pages)
    bus.answers(inspection.TALLIES, versions.tallies)
    bus.answers(inspection.JUDGED_BY, versions.judged_by)
    bus.answers(inspection.REFUSED, desk.refused)
    bus.answers(inspection.USAGE, retention.usage)
    bus.answers(inspection.CLEAN, retention.clean)
    return desk, retention


def _searching(bus: Service, desk: SearchDesk) -> None:
    bus.answers(inspection.SEARCH, desk.find)
    bus.answers(inspection.PLACES, desk.places)
    bus.answers(inspection.HOURS, desk.hours)


def _cameras(bus: Service, settings: CameraSettings, store: CameraStore, inspector: Inspector) -> Streams:
    streams = Streams(time.monotonic, settings.idle_seconds)
    roots = Roots(settings.roots, "ANDON_CAMERA__ROOTS")
    desk = CameraDesk(store, inspector.stations, inspector, streams, roots, settings.seconds)
    bus.answers(camera.PUT, desk.put)
    bus.answers(camera.GET, desk.get)
    bus.answers(camera.LIST, desk.every)
    bus.answers(camera.REMOVE, desk.remove)
    bus.answers(camera.CAPTURE, desk.capture)
    return streams


def _batches(
    bus: Service,
    settings: InspectionSettings,
    store: BatchStore,
    inspector: Inspector,
    configuration: ConfigurationStore,
) -> BatchRunner:
    allowed = settings.batch
    roots = Roots(allowed.roots, "ANDON_BATCH__ROOTS")
    limits = Limits(allowed.files, allowed.unpacked_mebibytes << 20)
    luggage = Luggage(inspector.evidence.blobs, settings.data / "batches", limits)
    lease = timedelta(seconds=allowed.lease_seconds)
    tools = Tools(store, inspector, roots, luggage, bus, allowed.files, allowed.in_work, lease)
    runner = BatchRunner(tools, configuration.concurrent_batches, allowed.poll_seconds)
    desk = BatchDesk(store, inspector.stations, roots, luggage, bus, allowed.files, runner.wake)
    bus.answers(batch.CREATE, desk.create, workers=4)
    bus.answers(batch.GET, desk.get)
    bus.answers(batch.LIST, desk.list)
    bus.answers(batch.START, desk.start)
    bus.answers(batch.CANCEL, desk.cancel)
    bus.answers(batch.DELETE, desk.delete)
    bus.answers(batch.RESULTS, desk.results)
    return runner


SERVICE = ServiceDefinition("inspection", InspectionSettings, build)
