"""Puts the component store together."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from andon.component_store.adapters.contents import Contents
from andon.component_store.adapters.tree import Tree
from andon.component_store.domain.content import Room
from andon.component_store.handlers.activation import Activator, Finisher, utc_now
from andon.component_store.handlers.reading import Reader
from andon.component_store.handlers.uploads import Intake
from andon.component_store.handlers.using import Supply
from andon.component_store.store import HistoryStore, InlineStore, ManifestStore, PointerStore, VersionStore
from andon.contracts import Unavailable, component
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.telemetry import log

NAME = "component-store"
_log = log("andon.component-store")


class ContentSettings(BaseModel):
    max_bytes: Annotated[int, Field(ge=1, le=5 << 20)] = 5 << 20
    """Of one version; with its base64 it fits a message of the bus."""
    source_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 256 << 10
    """Of code and configuration, which are parsed."""
    inline_bytes: Annotated[int, Field(ge=0, le=8 << 20)] = 256 << 10
    """Up to here a content is in the database, above in the object store."""
    tree: Path | None = None
    """A folder on this machine that may be scanned and restored to; none by default."""
    finish_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How often is looked for what was left half done."""


class ComponentSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    components: ContentSettings = ContentSettings()


def build(settings: ComponentSettings) -> Application:
    """Connects nothing."""
    bus, mongo, blobs = Service(NAME, settings.bus), Mongo(settings.mongo), Blobs(settings.s3)
    database, chosen = mongo.database(NAME), settings.components
    versions, pointers, history = VersionStore(database), PointerStore(database), HistoryStore(database)
    contents = Contents(InlineStore(database), blobs, chosen.inline_bytes)
    activator = Activator(versions, pointers, history, bus)
    reader = Reader(versions, pointers, history, contents)
    tree = Tree(chosen.tree, chosen.max_bytes) if chosen.tree else None
    room = Room(chosen.max_bytes, chosen.source_bytes)
    _wire(
        bus,
        Intake(activator, contents, reader, room, tree),
        reader,
        Supply(versions, ManifestStore(database), reader, contents),
    )
    tidy = _Tidying(Finisher(activator), contents, chosen.finish_seconds)
    return Application(
        bus=bus,
        checks={"mongo": mongo.ping, "s3": blobs.ping},
        resources=(_Stores(mongo, blobs, (versions, pointers, history)),),
        background=(tidy.run,),
    )


@dataclass(frozen=True)
class _Stores:
    """Connected and prepared; entered again as long as one of them is away."""

    mongo: Mongo
    blobs: Blobs
    stores: tuple[VersionStore, PointerStore, HistoryStore]

    async def __aenter__(self) -> None:
        await self.blobs.prepare()
        for store in self.stores:
            await store.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.mongo.close()
        await self.blobs.close()


@dataclass(frozen=True)
class _Tidying:
    finisher: Finisher
    contents: Contents
    seconds: float

    async def run(self) -> None:
        while True:
            try:
                await self.finisher.finish()
                await self.contents.forget_archives(utc_now().date() - timedelta(days=1))
            except Unavailable as away:
                _log.warning("what is half done waits", reason=str(away))
            await asyncio.sleep(self.seconds)


def _wire(bus: Service, intake: Intake, reader: Reader, supply: Supply) -> None:
    bus.answers(component.UPLOAD, intake.upload)
    bus.answers(component.ACTIVATE, intake.activate)
    bus.answers(component.SCAN, intake.scan)
    bus.answers(component.GET, reader.get)
    bus.answers(component.LIST, reader.all)
    bus.answers(component.LIST_VERSIONS, reader.versions_of)
    bus.answers(component.ACTIVE, reader.active_versions)
    bus.answers(component.HISTORY, reader.activations)
    bus.answers(component.DIFF, reader.diff, workers=2)
    bus.answers(component.SEARCH, reader.search, workers=2)
    bus.answers(component.VALIDATE, reader.validate)
    bus.answers(component.SAVE_MANIFEST, supply.save_manifest)
    bus.answers(component.GET_MANIFEST, supply.manifest)
    bus.answers(component.PLAN, supply.plan)
    bus.answers(component.BUNDLE, supply.bundle, workers=2)


SERVICE = ServiceDefinition(NAME, ComponentSettings, build)
