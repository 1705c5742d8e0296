"""Stations with their recipes, the good examples they teach by, and the frames they could not judge."""

from collections.abc import Callable
from dataclasses import dataclass, field

from andon.contracts import Conflict, NotFound, Unavailable
from andon.contracts.inspection import FrameRefused
from andon.contracts.station import Sample, Station
from andon.storage import Collection, Database, Index

_ATTEMPTS = 10


@dataclass(eq=False)
class StationStore:
    """Definitions, few and needed with every frame: held in memory, and read anew now and then."""

    database: Database
    _known: dict[str, Station] = field(default_factory=dict[str, Station])

    def __post_init__(self) -> None:
        self._stations = Collection(self.database, "stations", Station)

    async def read(self) -> list[Station]:
        """What is stored, by id."""
        return await self._stations.find(sort=["id"], limit=0)

    def adopt(self, stations: list[Station]) -> None:
        """Judge by these from now on, unless this process knows a newer state."""
        for station in stations:
            known = self._known.get(station.id)
            if known is None or known.updated_at <= station.updated_at:
                self._known[station.id] = station

    async def get(self, station_id: str) -> Station:
        """Raises NotFound for a station that was never defined."""
        known = self._known.get(station_id) or await self._stations.get(station_id)
        if known is None:
            raise NotFound(f"there is no station with station_id '{station_id}'", {"station_id": "unknown"})
        self._known[station_id] = known
        return known

    async def change(self, station_id: str, change: Callable[[Station | None], Station]) -> Station:
        """Apply a pure change to what is stored; what another process changes meanwhile is not lost."""
        for _ in range(_ATTEMPTS):
            stored = await self._stations.get(station_id)
            wanted = change(stored)
            if await self._written(stored, wanted):
                self._known[station_id] = wanted
                return wanted
        raise Unavailable(f"station '{station_id}' is being changed by others; try again")

    async def _written(self, stored: Station | None, wanted: Station) -> bool:
        if stored is not None:
            changes = wanted.model_dump(exclude={"id"})
            return await self._stations.swap(wanted.id, {"updated_at": stored.updated_at}, changes)
        try:
            await self._stations.add(wanted)
        except Conflict:
            return False
        return True


class _StationSample(Sample):
    station_id: str


@dataclass(eq=False)
class SampleStore:
    """Good examples that stations in teach mode kept."""

    database: Database

    def __post_init__(self) -> None:
        self._samples = Collection(
            self.database,
            "samples",
            _StationSample,
            key=lambda sample: f"{sample.station_id}/{sample.frame_id}",
            indexes=(Index(("station_id", "captured_at")),),
        )

    async def prepare(self) -> None:
        """Create what lists run on."""
        await self._samples.prepare()

    async def add(self, station_id: str, sample: Sample) -> None:
        """Keep once per frame."""
        await self._samples.put(_StationSample(station_id=station_id, **sample.model_dump()))

    async def of(self, station_id: str, limit: int) -> list[Sample]:
        """Oldest first."""
        return list(await self._samples.find({"station_id": station_id}, sort=["captured_at"], limit=limit))

    async def count(self, station_id: str) -> int:
        return await self._samples.count({"station_id": station_id})


@dataclass(eq=False)
class RefusalStore:
    """Frames that could not be judged, and why."""

    database: Database

    def __post_init__(self) -> None:
        self._refused = Collection(
            self.database,
            "refused",
            FrameRefused,
            key=lambda refused: f"{refused.station_id}/{refused.frame_id}",
            indexes=(Index(("station_id", "-refused_at")), Index(("-refused_at",))),
        )

    async def prepare(self) -> None:
        """Create what lists run on."""
        await self._refused.prepare()

    async def add(self, refused: FrameRefused) -> None:
        """Keep once per frame."""
        await self._refused.put(refused)

    async def latest(self, station_id: str | None, limit: int) -> list[FrameRefused]:
        """Newest first."""
        where = {} if station_id is None else {"station_id": station_id}
        return await self._refused.find(where, sort=["-refused_at"], limit=limit)
