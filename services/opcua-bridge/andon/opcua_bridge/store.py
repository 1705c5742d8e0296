"""The bridge's memory: one document, so that counts and place in the stream never disagree."""

from datetime import datetime

from pydantic import BaseModel

from andon.opcua_bridge.domain import Lines, StationState
from andon.storage import Collection, Mongo

_KEY = "lines"


class Snapshot(BaseModel):
    """All stations at one place in the stream."""

    id: str = _KEY
    last_seq: int
    last_said: datetime | None
    incomplete: bool
    stations: tuple[StationState, ...]


class Snapshots:
    """Written whole: whichever of two replicas wrote last, what is there is true of its own place."""

    def __init__(self, mongo: Mongo) -> None:
        self._snapshots = Collection(mongo.database("opcua-bridge"), "snapshots", Snapshot)

    async def load(self) -> Lines:
        """What was saved last, or nothing yet. Raises Unavailable."""
        found = await self._snapshots.get(_KEY)
        if found is None:
            return Lines()
        stations = {each.id: each for each in found.stations}
        return Lines(stations, found.last_seq, found.last_said, found.incomplete)

    async def save(self, lines: Lines) -> None:
        """Raises Unavailable."""
        await self._snapshots.put(
            Snapshot(
                last_seq=lines.last_seq,
                last_said=lines.last_said,
                incomplete=lines.incomplete,
                stations=tuple(lines.stations.values()),
            )
        )
