"""Answers about stations and what was judged, and takes new models into use."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from andon.contracts import NotFound, inspection, station
from andon.contracts.inspection import Inspection
from andon.contracts.station import Station
from andon.contracts.training import ModelDeployed
from andon.inspection.adapters.evidence import EvidenceStore
from andon.inspection.adapters.models import ModelShelf
from andon.inspection.domain import rollups
from andon.inspection.domain.stations import changed, deployed
from andon.inspection.store.records import RecordStore
from andon.inspection.store.stations import RefusalStore, SampleStore, StationStore
from andon.messaging import Delivery, Service


@dataclass(frozen=True)
class StationDesk:
    """Who judges what, and by which model."""

    stations: StationStore
    samples: SampleStore
    models: ModelShelf
    bus: Service

    async def put(self, wanted: station.PutStation, _: Delivery) -> Station:
        return await self._told(
            await self.stations.change(wanted.id, partial(changed, wanted=wanted, now=datetime.now(UTC)))
        )

    async def get(self, wanted: station.GetStation, _: Delivery) -> Station:
        return await self._counted(await self.stations.get(wanted.id))

    async def every(self, _: station.ListStations, __: Delivery) -> station.Stations:
        return station.Stations(
            stations=tuple([await self._counted(one) for one in await self.stations.read()])
        )

    async def taught(self, wanted: station.ListSamples, _: Delivery) -> station.Samples:
        known = await self.stations.get(wanted.station_id)
        return station.Samples(samples=tuple(await self.samples.of(known.id, wanted.limit)))

    async def use(self, news: ModelDeployed, _: Delivery) -> None:
        """Load and warm the new model beside the old one, then switch the stations between two frames."""
        await self.models.of(news.model)
        for station_id in news.station_ids:
            await self._told(
                await self.stations.change(station_id, partial(deployed, station_id=station_id, news=news))
            )

    async def keep_up(self) -> None:
        """Take over what another replica changed, its models loaded first."""
        known = await self.stations.read()
        for one in known:
            if one.recipe and one.recipe.model:
                await self.models.of(one.recipe.model)
        self.stations.adopt(known)

    async def _counted(self, one: Station) -> Station:
        return one.model_copy(update={"samples": await self.samples.count(one.id)})

    async def _told(self, one: Station) -> Station:
        await self.bus.say(station.CHANGED, one, once=f"{one.id}-{one.updated_at.isoformat()}")
        return await self._counted(one)


@dataclass(frozen=True)
class RecordDesk:
    """What was judged, read and removed."""

    records: RecordStore
    refusals: RefusalStore
    evidence: EvidenceStore
    bus: Service

    async def get(self, wanted: inspection.GetInspection, _: Delivery) -> Inspection:
        found = await self.records.get(wanted.id)
        if found is None:
            raise NotFound(f"there is no inspection '{wanted.id}'")
        return found

    async def list(self, wanted: inspection.ListInspections, _: Delivery) -> inspection.Inspections:
        counts = await self.records.rollups(wanted.station_id)
        window = rollups.window(counts, wanted.decision, wanted.limit, wanted.offset)
        items = (
            await self.records.page(wanted.station_id, wanted.decision, window, wanted.limit)
            if window
            else []
        )
        return inspection.Inspections(
            total=sum(row.of(wanted.decision) for row in counts), items=tuple(items)
        )

    async def delete(self, wanted: inspection.DeleteInspection, _: Delivery) -> inspection.Deleted:
        gone = await self.records.remove(wanted.id)
        if gone is None:
            raise NotFound(f"there is no inspection '{wanted.id}'")
        await self.evidence.drop((gone.image, gone.annotated))
        news = inspection.Deleted(id=wanted.id)
        await self.bus.say(inspection.RECORD_DELETED, news, once=f"deleted-{wanted.id}")
        return news

    async def statistics(self, wanted: inspection.GetStatistics, _: Delivery) -> inspection.Statistics:
        since = rollups.since(datetime.now(UTC), wanted.hours)
        rows = await self.records.rollups(wanted.station_id, since)
        return rollups.statistics(rows, wanted.hours, wanted.station_id)

    async def trends(self, wanted: inspection.GetTrends, _: Delivery) -> inspection.Trends:
        now = datetime.now(UTC)
        rows = await self.records.rollups(wanted.station_id, rollups.since(now, wanted.hours))
        return rollups.trends(rows, now, wanted.hours, wanted.interval)

    async def refused(self, wanted: inspection.ListRefused, _: Delivery) -> inspection.RefusedFrames:
        return inspection.RefusedFrames(
            items=tuple(await self.refusals.latest(wanted.station_id, wanted.limit))
        )
