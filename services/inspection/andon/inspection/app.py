"""Puts the inspection service together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import Refused, inspection, station, training
from andon.inspection.adapters.evidence import EvidenceStore
from andon.inspection.adapters.models import ModelShelf
from andon.inspection.domain.stations import changed
from andon.inspection.handlers.desk import RecordDesk, StationDesk
from andon.inspection.handlers.frames import Inspector
from andon.inspection.store.records import RecordStore
from andon.inspection.store.stations import RefusalStore, SampleStore, StationStore
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.serving import ModelHost, ServingSettings
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.telemetry import log

_log = log(__name__)


class InspectingSettings(BaseModel):
    """How much is in work at a time."""

    workers: Annotated[int, Field(ge=1, le=256)] = 32
    """Frames in work at once; what waits beyond stays in the stream."""
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    """For decoding, measuring and drawing."""
    refresh_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How soon a change by another replica is taken over."""


class InspectionSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    serving: ServingSettings = ServingSettings()
    inspecting: InspectingSettings = InspectingSettings()


def build(settings: InspectionSettings) -> Application:
    """Name the concrete parts and tie them to the bus."""
    bus = Service("inspection", settings.bus)
    mongo, blobs = Mongo(settings.mongo), Blobs(settings.s3)
    database = mongo.database("inspection")
    host = ModelHost(settings.serving.keep_models)
    stations, samples, refusals = StationStore(database), SampleStore(database), RefusalStore(database)
    records, evidence = RecordStore(database), EvidenceStore(blobs)
    models = ModelShelf(blobs, host, settings.serving, settings.data / "models")
    threads = ThreadPoolExecutor(settings.inspecting.threads, thread_name_prefix="look")
    inspector = Inspector(stations, samples, refusals, records, evidence, models, bus, threads)
    station_desk = StationDesk(stations, samples, models, bus)
    _wire(
        bus,
        inspector,
        station_desk,
        RecordDesk(records, refusals, evidence, bus),
        settings.inspecting.workers,
    )

    async def keep_up() -> None:
        while True:
            await asyncio.sleep(settings.inspecting.refresh_seconds)
            await _keep_up_once(station_desk)

    return Application(
        bus=bus,
        checks={"mongo": mongo.ping, "s3": blobs.ping},
        resources=(
            _Stores(mongo, blobs, (samples, refusals, records), station_desk),
            _Looking(host, threads),
        ),
        background=(keep_up,),
    )


@dataclass(frozen=True)
class _Stores:
    """Connected and prepared; entered again as long as one of them is away."""

    mongo: Mongo
    blobs: Blobs
    stores: tuple[SampleStore | RefusalStore | RecordStore, ...]
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


async def _keep_up_once(desk: StationDesk) -> None:
    try:
        await desk.keep_up()
    except Refused as error:
        # Frames of the stations concerned get the same answer; here the others go on.
        _log.warning("stations can't be refreshed", reason=str(error))


def _wire(
    bus: Service, inspector: Inspector, stations: StationDesk, records: RecordDesk, workers: int
) -> None:
    bus.hears(inspection.FRAME_CAPTURED, inspector.captured, workers=workers)
    bus.hears(training.MODEL_DEPLOYED, stations.use)
    bus.answers(inspection.INSPECT, inspector.inspect)
    bus.answers(inspection.GET, records.get)
    bus.answers(inspection.LIST, records.list)
    bus.answers(inspection.DELETE, records.delete)
    bus.answers(inspection.STATISTICS, records.statistics)
    bus.answers(inspection.TRENDS, records.trends)
    bus.answers(inspection.REFUSED, records.refused)
    bus.answers(station.PUT, stations.put)
    bus.answers(station.GET, stations.get)
    bus.answers(station.LIST, stations.every)
    bus.answers(station.SAMPLES, stations.taught)


SERVICE = ServiceDefinition("inspection", InspectionSettings, build)
