"""Versions and where they judge: listed, deployed, offered, rolled back, deleted."""

from dataclasses import dataclass

from andon.contracts import BadRequest, Conflict, rollout, station
from andon.contracts.rollout import (
    DeleteVersion,
    Offered,
    OfferedStations,
    OfferVersion,
    RollBack,
    RolledBack,
    RolledBackStations,
    VersionDeleted,
)
from andon.contracts.station import DeploymentKind, Station
from andon.contracts.training import DeployModel, ListModels, ModelDeployed, Models, ModelVersion
from andon.messaging import Delivery
from andon.storage import Blobs
from andon.telemetry import log
from andon.training.rollout.deploying import Deployer, Order, version_of
from andon.training.rollout.history import previous
from andon.training.rollout.merit import merit
from andon.training.store import files_of

_log = log("andon.training")


@dataclass(frozen=True)
class VersionDesk:
    """What people and training ask of versions."""

    deployer: Deployer
    blobs: Blobs

    async def list(self, query: ListModels, _delivery: Delivery) -> Models:
        return Models(models=tuple(await self.deployer.versions.listed(query.station_id, query.limit)))

    async def deploy(self, query: DeployModel, _delivery: Delivery) -> ModelDeployed:
        """Raises NotFound for an unknown version or station, and BadRequest for no station."""
        version = await self.deployer.version(query.version_id)
        stations = query.station_ids
        if query.everywhere:
            found = await self.deployer.bus.ask(station.LIST, station.ListStations())
            stations = tuple(each.id for each in found.stations)
        if not stations:
            raise BadRequest("name at least one station to deploy to", {"station_ids": "empty"})
        for station_id in stations:
            await self.deployer.bus.ask(station.GET, station.GetStation(id=station_id))
        order = Order(
            by=query.by,
            forced=query.force,
            note=query.note,
            watch_minutes=query.watch_minutes,
        )
        return await self.deployer.put_to_work(version, stations, order)

    async def roll_back(self, query: RollBack, _delivery: Delivery) -> RolledBackStations:
        """Each station to the version before. Raises NotFound, and Conflict where there is none."""
        await self.deployer.version(query.version_id)
        found = (await self.deployer.bus.ask(station.LIST, station.ListStations())).stations
        using = {each.id: each for each in found if version_of(each) == query.version_id}
        wanted = query.station_ids or tuple(using)
        if not wanted:
            raise Conflict(f"no station judges by {query.version_id}")
        targets: dict[str, ModelVersion] = {}
        for station_id in wanted:
            if station_id not in using:
                raise Conflict(f"station '{station_id}' does not judge by {query.version_id}")
            targets[station_id] = await self._before(using[station_id])
        news: list[RolledBack] = []
        for station_id, target in targets.items():
            news.append(await self._back(using[station_id], target, query))
        return RolledBackStations(rolled_back=tuple(news))

    async def offer(self, query: OfferVersion, _delivery: Delivery) -> OfferedStations:
        """Deploy where it is strictly better on the same held-out parts, where nothing judges, by force."""
        version = await self.deployer.version(query.version_id)
        offered: list[Offered] = []
        for station_id in query.station_ids or (version.station_id,):
            known = await self.deployer.bus.ask(station.GET, station.GetStation(id=station_id))
            active = version_of(known)
            if active is None:
                better, reason = True, "the first version there"
            else:
                found = merit(version, await self.deployer.versions.get(active))
                better, reason = found.better, found.reason
            go = better or (query.force and active != version.id)
            if go:
                order = Order(by=query.by, forced=not better, note=reason)
                await self.deployer.put_to_work(version, (station_id,), order)
            offered.append(
                Offered(
                    station_id=station_id,
                    activated=go,
                    forced=go and not better,
                    reason=reason,
                    against=active,
                )
            )
        return OfferedStations(offered=tuple(offered))

    async def delete(self, query: DeleteVersion, _delivery: Delivery) -> VersionDeleted:
        """Remove the files; what it was stays known to lineage. Raises Conflict while it judges anywhere."""
        version = await self.deployer.version(query.version_id)
        for each in (await self.deployer.bus.ask(station.LIST, station.ListStations())).stations:
            trial = each.trial.model.version_id if each.trial else None
            if query.version_id in (version_of(each), trial):
                raise Conflict(f"station '{each.id}' uses {query.version_id}: deploy another version first")
        news = VersionDeleted(version_id=version.id, by=query.by, at=self.deployer.clock())
        await self.deployer.versions.deleted(version.id, news.at)
        for key in files_of(version.model):
            if not await self.deployer.versions.using(key):
                await self.blobs.delete(key)
        await self.deployer.bus.say(rollout.VERSION_DELETED, news, once=version.id)
        _log.info("version deleted", version=version.id, by=query.by)
        return news

    async def _before(self, known: Station) -> ModelVersion:
        for version_id in previous(known.history):
            version = await self.deployer.versions.get(version_id)
            if version is not None and version.deleted_at is None:
                return version
        raise Conflict(f"station '{known.id}' has no version to go back to", {"station_ids": known.id})

    async def _back(self, known: Station, target: ModelVersion, query: RollBack) -> RolledBack:
        order = Order(by=query.by, kind=DeploymentKind.ROLLBACK, note=query.reason, watch_minutes=0)
        deployed = await self.deployer.put_to_work(target, (known.id,), order)
        news = RolledBack(
            station_id=known.id,
            from_version=query.version_id,
            to_version=target.id,
            automatic=False,
            reason=query.reason,
            by=query.by,
            at=deployed.at,
        )
        await self.deployer.bus.say(rollout.ROLLED_BACK, news, once=f"{known.id}-{news.at.isoformat()}")
        return news
