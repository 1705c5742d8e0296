"""Puts the training service together."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import training
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.training.adapters.files import FitFiles
from andon.training.adapters.process import FittingProcess
from andon.training.handlers import RETRY, Desk, Fitter
from andon.training.store import Fits, Versions

NAME = "training"


class FittingSettings(BaseModel):
    """How much of the machine a fit may take."""

    threads: Annotated[int, Field(ge=1, le=64)] = 2
    longest_seconds: Annotated[float, Field(gt=0)] = 1800.0


class TrainingSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    fitting: FittingSettings = FittingSettings()


def build(settings: TrainingSettings) -> Application:
    """Connects nothing."""
    bus, mongo, blobs = Service(NAME, settings.bus), Mongo(settings.mongo), Blobs(settings.s3)
    versions = Versions(mongo)
    desk = Desk(bus, versions, _now)
    fitter = Fitter(
        bus=bus,
        fits=Fits(mongo),
        versions=versions,
        files=FitFiles(blobs, settings.data / "fits"),
        process=FittingProcess(settings.fitting.longest_seconds),
        desk=desk,
        threads=settings.fitting.threads,
        clock=_now,
    )
    bus.hears(training.FIT, fitter.fit, retry=RETRY)
    bus.answers(training.FIT_STATUS, fitter.status)
    bus.answers(training.LIST, desk.list)
    bus.answers(training.DEPLOY, desk.deploy)
    return Application(
        bus=bus,
        checks={"mongo": mongo.ping, "s3": blobs.ping},
        resources=(_Stores(mongo, blobs, versions),),
    )


@dataclass(frozen=True)
class _Stores:
    """Connected and prepared; entered again as long as one of them is away."""

    mongo: Mongo
    blobs: Blobs
    versions: Versions

    async def __aenter__(self) -> None:
        await self.blobs.prepare()
        await self.versions.prepare()

    async def __aexit__(self, *_: object) -> None:
        await self.mongo.close()
        await self.blobs.close()


def _now() -> datetime:
    return datetime.now(UTC)


SERVICE = ServiceDefinition(NAME, TrainingSettings, build)
