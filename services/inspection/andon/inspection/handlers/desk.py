"""Answers about stations, and takes new models into use."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from andon.contracts import Invalid, Refused, Unavailable, station
from andon.contracts.station import ModelRef, Station
from andon.contracts.training import ModelDeployed
from andon.inspection.adapters.models import ModelShelf
from andon.inspection.domain.stations import changed, deployed, refs_of, switched
from andon.inspection.store.stations import SampleStore, StationStore
from andon.messaging import Delivery, Service


@dataclass(frozen=True)
class StationDesk:
    """Who judges what, and by which model."""

    stations: StationStore
    samples: SampleStore
    models: ModelShelf
    bus: Service
    keep_passed: Callable[[], float | None] = lambda: None
    """Share of passed parts that a new station keeps; None leaves it at the contracts' own default."""

    async def put(self, wanted: station.PutStation, _: Delivery) -> Station:
        change = partial(changed, wanted=wanted, now=datetime.now(UTC), keep_passed=self.keep_passed())
        return await self._told(await self.stations.change(wanted.id, change))

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
            change = partial(deployed, station_id=station_id, news=news)
            await self._told(await self.stations.change(station_id, change))

    async def set_model(self, wanted: station.SetModel, _: Delivery) -> Station:
        """The same on request, with a trial beside; what can't be loaded or fails its probe is refused."""
        await self.stations.get(wanted.station_id)
        new = [ref for ref in (wanted.model, wanted.trial and wanted.trial.model) if ref is not None]
        # Room first: what is loaded must push out no model that judges.
        self.models.hold(len({ref.digest for ref in (*_refs(await self.stations.read()), *new)}))
        for ref in new:
            await self._tried(ref)
        return await self._told(
            await self.stations.change(wanted.station_id, partial(switched, wanted=wanted))
        )

    async def keep_up(self) -> None:
        """Take over what another replica changed, its models loaded first."""
        known = await self.stations.read()
        self.models.hold(len({ref.digest for ref in _refs(known)}))
        trouble: Refused | None = None
        for one in known:
            try:
                for ref in refs_of(one):
                    await self.models.of(ref)
            except Refused as error:
                trouble = error  # the others' changes must not wait for this one
            else:
                self.stations.adopt([one])
        if trouble is not None:
            raise trouble

    async def _tried(self, ref: ModelRef) -> None:
        """Load, warm and probe."""
        try:
            await self.models.of(ref)
            await self.models.classifier(ref)
            await self.models.detector(ref)
        except Unavailable:
            raise
        except Refused as error:
            raise Invalid(
                f"model '{ref.name}' is refused: {error}", {"version_id": ref.version_id}
            ) from error

    async def _counted(self, one: Station) -> Station:
        return one.model_copy(update={"samples": await self.samples.count(one.id)})

    async def _told(self, one: Station) -> Station:
        await self.bus.say(station.CHANGED, one, once=f"{one.id}-{one.updated_at.isoformat()}")
        return await self._counted(one)


def _refs(stations: Iterable[Station]) -> list[ModelRef]:
    """Every model that some station needs ready."""
    return [ref for one in stations for ref in refs_of(one)]
