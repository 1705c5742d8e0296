"""Sync, put together."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import sync
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.sync.adapters.objects import Objects
from andon.sync.adapters.running import Running
from andon.sync.handlers.desk import Desk
from andon.sync.handlers.intake import Intake
from andon.sync.handlers.order import Order
from andon.sync.handlers.packing import Packing
from andon.sync.handlers.relay import Relay
from andon.sync.handlers.room import Room
from andon.sync.handlers.shelf import Shelf
from andon.sync.handlers.tidying import Tidying
from andon.sync.store.experiments import Experiments
from andon.sync.store.files import Files

NAME = "sync"


class EngineSettings(BaseModel):
    """What one process takes on."""

    bytes_in_work: Annotated[int, Field(ge=8 << 20)] = 48 << 20
    """Of uploads, packed and unpacked together; who comes then is told to come again."""
    garbage_minutes: Annotated[float, Field(ge=0)] = 10
    """How long bytes of replaced files stay, for who is still reading them."""
    clean_seconds: Annotated[float, Field(gt=0)] = 30
    """Between two looks at what may be deleted."""


class SyncSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    engine: EngineSettings = EngineSettings()


def build(settings: SyncSettings) -> Application:
    """Connects nothing."""
    bus, mongo, blobs, engine = (
        Service(NAME, settings.bus), Mongo(settings.mongo), Blobs(settings.s3), settings.engine,
    )  # fmt: skip
    files, experiments, objects = Files(mongo), Experiments(mongo), Objects(blobs)
    relay = Relay(bus, files, experiments, _now)
    shelf, running = Shelf(files, relay, _now), Running(objects)
    grace = timedelta(minutes=engine.garbage_minutes)
    tidying = Tidying(shelf, objects, _now, grace, engine.clean_seconds)
    room = Room(engine.bytes_in_work)
    intake = Intake(shelf, objects, running, experiments, tidying, Order(files), room, _now)
    packing = Packing(intake, files, objects, _now)
    desk = Desk(shelf, experiments, running, relay, _now)

    bus.answers(sync.STORE, intake.store)
    bus.answers(sync.BEGIN, intake.begin, workers=8)
    bus.answers(sync.PACK, packing.store, workers=8)
    bus.answers(sync.STATUS, desk.status, workers=16)
    bus.answers(sync.FINISH, desk.finish, workers=8)
    bus.answers(sync.LOCATE, desk.locate)
    bus.answers(sync.REGISTER, desk.register)
    bus.answers(sync.CHECKPOINT, desk.checkpoint)
    bus.answers(sync.LIST, desk.listed)
    return Application(
        bus,
        checks={"mongo": mongo.ping, "objects": blobs.ping},
        resources=(mongo, blobs, _Prepared(files, experiments, blobs, running)),
        background=(relay.run, relay.look, tidying.merge, tidying.clean),
    )


@dataclass(frozen=True)
class _Prepared:
    """Indexes and bucket, made as soon as their servers answer; may be entered again until they do."""

    files: Files
    experiments: Experiments
    blobs: Blobs
    running: Running

    async def __aenter__(self) -> None:
        await self.files.prepare()
        await self.experiments.prepare()
        await self.blobs.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.running.stop()


def _now() -> datetime:
    return datetime.now(UTC)


SERVICE = ServiceDefinition(NAME, SyncSettings, build)
