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
from andon.training.datasets import app as dataset_part
from andon.training.datasets.app import DatasetSettings
from andon.training.handlers import RETRY, Fitter
from andon.training.learning import app as learning_part
from andon.training.learning.app import LearningSettings
from andon.training.review.app import ReviewSettings, register
from andon.training.rollout import app as rollout_part
from andon.training.rollout.app import RolloutSettings
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
    learning: LearningSettings = LearningSettings()
    review: ReviewSettings = ReviewSettings()
    datasets: DatasetSettings = DatasetSettings()
    rollout: RolloutSettings = RolloutSettings()


def build(settings: TrainingSettings) -> Application:
    """Connects nothing."""
    bus, mongo, blobs = Service(NAME, settings.bus), Mongo(settings.mongo), Blobs(settings.s3)
    versions = Versions(mongo)
    rolling = rollout_part.register(bus, mongo.database(NAME), blobs, versions, settings.rollout)
    files = FitFiles(blobs, settings.data / "fits")
    process = FittingProcess(settings.fitting.longest_seconds)
    fitter = Fitter(
        bus=bus,
        fits=Fits(mongo),
        versions=versions,
        files=files,
        process=process,
        deployer=rolling.deployer,
        threads=settings.fitting.threads,
        clock=_now,
    )
    reviewing = register(bus, mongo.database(NAME), blobs, settings.review, drifting=rolling.drifts.stations)
    datasets = dataset_part.register(
        bus,
        mongo.database(NAME),
        blobs,
        settings.datasets,
        reviews=reviewing.store,
        folder=settings.data / "archives",
    )
    bus.hears(training.FIT, fitter.fit, retry=RETRY)
    bus.answers(training.FIT_STATUS, fitter.status)
    learning = learning_part.register(
        bus,
        mongo.database(NAME),
        settings.learning,
        versions=versions,
        files=files,
        process=process,
        deployer=rolling.deployer,
        threads=settings.fitting.threads,
    )
    return Application(
        bus=bus,
        checks={"mongo": mongo.ping, "s3": blobs.ping},
        resources=(_Stores(mongo, blobs, versions), reviewing, datasets, rolling, learning),
        background=(*rolling.background, learning.settle),
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
