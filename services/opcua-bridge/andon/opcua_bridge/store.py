"""The bridge's memory: counts with their place in the stream, and what MQTT has of each stream."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from andon.contracts import Conflict
from andon.contracts.opcua import Server
from andon.opcua_bridge.domain.lines import Lines, StationState
from andon.opcua_bridge.domain.past import Moment, Span
from andon.opcua_bridge.domain.place import Place
from andon.storage import Collection, Index, Mongo

_KEY = "lines"
_LEAST = timedelta(microseconds=1)
"""Between two moments that can be told apart."""


class Snapshot(BaseModel):
    """All stations at one place in the stream."""

    id: str = _KEY
    last_seq: int
    last_said: datetime | None
    incomplete: bool
    stations: tuple[StationState, ...]


class Snapshots:
    """Of one shard, written whole: whichever of two replicas wrote last, it is true of its own place."""

    def __init__(self, mongo: Mongo, group: str = "") -> None:
        self._snapshots = Collection(mongo.database("opcua-bridge"), "snapshots", Snapshot)
        self._key = f"{_KEY}-{group}".removesuffix("-")

    async def load(self) -> Lines:
        """What was saved last, or nothing yet. Raises Unavailable."""
        found = await self._snapshots.get(self._key)
        if found is None:
            return Lines()
        stations = {each.id: each for each in found.stations}
        return Lines(stations, found.last_seq, found.last_said, found.incomplete)

    async def save(self, lines: Lines) -> None:
        """Raises Unavailable."""
        await self._snapshots.put(
            Snapshot(
                id=self._key,
                last_seq=lines.last_seq,
                last_said=lines.last_said,
                incomplete=lines.incomplete,
                stations=tuple(lines.stations.values()),
            )
        )


class Mark(BaseModel):
    """How far a stream was published."""

    stream: str
    seq: int
    said: datetime | None


class Marks:
    """Places in streams, by the stream's name."""

    def __init__(self, mongo: Mongo) -> None:
        self._marks = Collection(mongo.database("opcua-bridge"), "published", Mark, key="stream")

    async def load(self, stream: str) -> Place | None:
        """None when nothing was published yet. Raises Unavailable."""
        found = await self._marks.get(stream)
        return None if found is None else Place(found.seq, found.said)

    async def save(self, stream: str, place: Place) -> None:
        """Raises Unavailable."""
        await self._marks.put(Mark(stream=stream, seq=place.seq, said=place.said))


class Moments:
    """The past of each station. All raise Unavailable."""

    def __init__(self, mongo: Mongo) -> None:
        self._moments = Collection(
            mongo.database("opcua-bridge"),
            "history",
            Moment,
            indexes=(Index(("station_id", "at", "seq")), Index(("at",))),
        )

    async def put(self, moments: Sequence[Moment]) -> None:
        """A repeat is harmless."""
        await self._moments.prepare()
        try:
            await self._moments.add_many(moments)
        except Conflict:  # read again after a crash
            await self._moments.put_many(moments)

    async def find(self, station_id: str, span: Span) -> list[Moment]:
        """In the span's order, at most as many as it says."""
        bounds: dict[str, Any] = {}
        if span.oldest is not None:
            bounds["$gte"] = span.oldest
        if span.newest is not None:
            # As an upper bound of a longer index, $lte loses what is equal on the embedded server.
            bounds["$lt"] = span.newest + _LEAST
        where: dict[str, Any] = {"station_id": station_id, "at": bounds}
        sign, beyond = ("-", "$lt") if span.backwards else ("", "$gt")
        if (mark := span.after) is not None:
            later = [{"at": {beyond: mark.at}}, {"at": mark.at, "seq": {beyond: mark.seq}}]
            where = {"$and": [where, {"$or": later}]}
        return await self._moments.find(where, sort=[f"{sign}at", f"{sign}seq"], limit=span.most)

    async def forget_before(self, moment: datetime) -> int:
        """How many values there were."""
        await self._moments.prepare()
        return await self._moments.delete_where({"at": {"$lt": moment}})


class Shards:
    """What each server process last said of itself."""

    def __init__(self, mongo: Mongo) -> None:
        self._shards = Collection(mongo.database("opcua-bridge"), "shards", Server, key="group")

    async def put(self, server: Server) -> None:
        """Raises Unavailable."""
        await self._shards.put(server)

    async def since(self, moment: datetime) -> list[Server]:
        """Those that said something since then. Raises Unavailable."""
        return [each for each in await self._shards.find(limit=0) if each.at >= moment]


class Halt(BaseModel):
    """A station that takes no jobs from SCADA."""

    station_id: str
    by: str
    at: datetime


class Halts:
    """By station. All raise Unavailable."""

    def __init__(self, mongo: Mongo) -> None:
        self._halts = Collection(mongo.database("opcua-bridge"), "halts", Halt, key="station_id")

    async def all(self) -> frozenset[str]:
        return frozenset(each.station_id for each in await self._halts.find(limit=0))

    async def put(self, station_id: str, by: str, at: datetime) -> None:
        await self._halts.put(Halt(station_id=station_id, by=by, at=at))

    async def remove(self, station_id: str) -> None:
        await self._halts.delete(station_id)


class Confirmation(BaseModel):
    """Who has confirmed an alert from SCADA."""

    id: str
    by: str
    at: datetime


class Confirmations:
    """By alert. Both raise Unavailable."""

    def __init__(self, mongo: Mongo) -> None:
        self._confirmations = Collection(mongo.database("opcua-bridge"), "confirmations", Confirmation)

    async def of(self, alert_id: str) -> str | None:
        """Who it was."""
        found = await self._confirmations.get(alert_id)
        return None if found is None else found.by

    async def put(self, alert_id: str, by: str, at: datetime) -> None:
        await self._confirmations.put(Confirmation(id=alert_id, by=by, at=at))
