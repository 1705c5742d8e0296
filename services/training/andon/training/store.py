"""Fits and model versions, as they are kept."""

from datetime import datetime

from andon.contracts.station import ModelRef
from andon.contracts.training import FitProgress, ModelVersion
from andon.storage import Collection, Index, Mongo

DATABASE = "training"
_FILES = ("fp32", "int8", "regions.file", "detector.file")
"""Of a model."""


def files_of(model: ModelRef) -> set[str]:
    """Object keys of all that belongs to it."""
    experts = [each.file for each in (model.regions, model.detector) if each is not None]
    return {file.key for file in (model.fp32, model.int8, *experts) if file is not None}


class Fits:
    """Where each fit stands. Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._fits = Collection(mongo.database(DATABASE), "fits", FitProgress, key="fit_id")

    async def get(self, fit_id: str) -> FitProgress | None:
        return await self._fits.get(fit_id)

    async def put(self, progress: FitProgress) -> None:
        await self._fits.put(progress)


class Versions:
    """Model versions. Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._versions = Collection(
            mongo.database(DATABASE),
            "versions",
            ModelVersion,
            indexes=(Index(("-created_at",)), Index(("station_id", "-created_at")), Index(("deployed_to",))),
        )

    async def prepare(self) -> None:
        await self._versions.prepare()

    async def get(self, version_id: str) -> ModelVersion | None:
        return await self._versions.get(version_id)

    async def put(self, version: ModelVersion) -> None:
        await self._versions.put(version)

    async def listed(self, station_id: str | None, limit: int) -> list[ModelVersion]:
        """Newest first."""
        where: dict[str, str | None] = {"deleted_at": None}
        if station_id is not None:
            where["station_id"] = station_id
        return await self._versions.find(where, sort=["-created_at"], limit=limit)

    async def deleted(self, version_id: str, at: datetime) -> None:
        """It is no longer listed; what it judged still leads back to it."""
        await self._versions.update(version_id, {"$set": {"deleted_at": at}})

    async def using(self, key: str) -> bool:
        """Whether a version that is still there has this file."""
        anywhere = [{f"model.{field}.key": key} for field in _FILES]
        return await self._versions.count({"$or": anywhere, "deleted_at": None}) > 0

    async def deployed(self, version: ModelVersion, station_ids: tuple[str, ...]) -> None:
        """These stations judge by this version now, and by no other."""
        for station_id in station_ids:
            for other in await self._versions.find({"deployed_to": station_id}, limit=0):
                if other.id != version.id:
                    rest = [each for each in other.deployed_to if each not in station_ids]
                    await self._versions.update(other.id, {"$set": {"deployed_to": rest}})
        everywhere = sorted({*version.deployed_to, *station_ids})
        await self._versions.update(version.id, {"$set": {"deployed_to": everywhere}})
