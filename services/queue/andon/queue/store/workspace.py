"""Experiments, archives by their names, and secrets by their digests."""

from andon.contracts.workspace import Archive, ArchiveKind, Experiment, ExperimentStatus, KeepSecret
from andon.storage import Collection, Index, Mongo

_DATABASE = "queue"


class Workspace:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(_DATABASE)
        self._experiments = Collection(
            database, "experiments", Experiment, indexes=(Index(("status", "-id")),)
        )
        self._archives = Collection(
            database, "archives", Archive, key=_key, indexes=(Index(("kind", "name")),)
        )

        self._secrets = Collection(database, "secrets", KeepSecret, key="digest")

    async def prepare(self) -> None:
        await self._experiments.prepare()
        await self._archives.prepare()

    async def add(self, experiment: Experiment) -> None:
        await self._experiments.add(experiment)

    async def experiment(self, experiment_id: str) -> Experiment | None:
        return await self._experiments.get(experiment_id)

    async def settle(self, experiment_id: str, status: ExperimentStatus) -> bool:
        """Whether there is one."""
        return await self._experiments.update(experiment_id, {"$set": {"status": status}})

    async def experiments(
        self, statuses: tuple[ExperimentStatus, ...], limit: int, offset: int
    ) -> list[Experiment]:
        """Newest first."""
        where = {"status": {"$in": list(statuses)}}
        return await self._experiments.find(where, sort=["-id"], limit=limit, skip=offset)

    async def put(self, archive: Archive) -> None:
        await self._archives.put(archive)

    async def named(self, kind: ArchiveKind, names: tuple[str, ...]) -> list[Archive]:
        """Those that there are."""
        return await self._archives.find({"kind": kind, "name": {"$in": list(names)}}, limit=0)

    async def archives(self, kind: ArchiveKind, limit: int, offset: int) -> list[Archive]:
        """By name."""
        return await self._archives.find({"kind": kind}, sort=["name"], limit=limit, skip=offset)

    async def keep(self, secret: KeepSecret) -> None:
        await self._secrets.put(secret)

    async def secrets(self, owner: str, digests: tuple[str, ...]) -> list[KeepSecret]:
        """Those that are this owner's."""
        return await self._secrets.find({"digest": {"$in": list(digests)}, "owner": owner}, limit=0)

    async def forget(self, digest: str) -> None:
        await self._secrets.delete(digest)


def _key(archive: Archive) -> str:
    return f"{archive.kind}/{archive.name}"
