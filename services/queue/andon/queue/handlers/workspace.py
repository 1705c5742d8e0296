"""What people put together for jobs, as they ask for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import NotFound
from andon.contracts.workspace import (
    Archive,
    Archives,
    CreateExperiment,
    Experiment,
    Experiments,
    ExperimentStatus,
    FindArchives,
    FindSecrets,
    ForgetSecret,
    KeepSecret,
    ListArchives,
    ListExperiments,
    RegisterArchive,
    SecretKept,
    Secrets,
    SettleExperiment,
)
from andon.messaging import Delivery
from andon.queue.domain.ids import new_id
from andon.queue.store.workspace import Workspace

_LISTED = (ExperimentStatus.ACTIVE, ExperimentStatus.ARCHIVED)


@dataclass
class Shelf:
    workspace: Workspace
    clock: Callable[[], datetime]

    async def create(self, ask: CreateExperiment, _: Delivery) -> Experiment:
        now = self.clock()
        experiment = Experiment(**ask.model_dump(), id=new_id(now), created_at=now)
        await self.workspace.add(experiment)
        return experiment

    async def settle(self, ask: SettleExperiment, _: Delivery) -> Experiment:
        """Raises NotFound."""
        if await self.workspace.settle(ask.id, ask.status):
            found = await self.workspace.experiment(ask.id)
            if found is not None:
                return found
        raise NotFound(f"there is no experiment {ask.id!r}")

    async def experiments(self, ask: ListExperiments, _: Delivery) -> Experiments:
        statuses = _LISTED if ask.status is None else (ask.status,)
        return Experiments(
            experiments=tuple(await self.workspace.experiments(statuses, ask.limit, ask.offset))
        )

    async def register(self, ask: RegisterArchive, _: Delivery) -> Archive:
        archive = Archive(**ask.model_dump(), created_at=self.clock())
        await self.workspace.put(archive)
        return archive

    async def find(self, ask: FindArchives, _: Delivery) -> Archives:
        return Archives(archives=tuple(await self.workspace.named(ask.kind, ask.names)))

    async def archives(self, ask: ListArchives, _: Delivery) -> Archives:
        return Archives(archives=tuple(await self.workspace.archives(ask.kind, ask.limit, ask.offset)))

    async def keep(self, ask: KeepSecret, _: Delivery) -> SecretKept:
        await self.workspace.keep(ask)
        return SecretKept(digest=ask.digest)

    async def secrets(self, ask: FindSecrets, _: Delivery) -> Secrets:
        found = await self.workspace.secrets(ask.owner, ask.digests)
        return Secrets(secrets={each.digest: each.secret for each in found})

    async def forget(self, ask: ForgetSecret, _: Delivery) -> SecretKept:
        await self.workspace.forget(ask.digest)
        return SecretKept(digest=ask.digest)
