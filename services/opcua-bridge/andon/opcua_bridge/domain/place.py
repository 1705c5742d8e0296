"""How far a stream has been read, and what it still holds."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Place:
    """How far a stream has been read."""

    seq: int = 0
    said: datetime | None = None
    """When the bus got the event there; tells this stream from one that was made anew. None: never read."""


@dataclass(frozen=True)
class Held:
    """What the stream holds."""

    first_seq: int
    """One above last_seq when it is empty."""
    last_seq: int
    last_said: datetime | None = None
    """When the bus got the last event."""
    anchor_said: datetime | None = None
    """When it got the event at the place we were; None when that is gone or not there yet."""


@dataclass(frozen=True)
class GoingOn:
    """Where to go on reading."""

    seq: int
    """What was read last."""
    lost: bool = False
    """The stream has dropped something that was never read."""


def going_on_from(place: Place, held: Held) -> GoingOn:
    """Where to go on in a stream that may have changed since it was read."""
    if place.said is None:
        return GoingOn(place.seq)
    if held.anchor_said not in (None, place.said):
        return GoingOn(0)
    if held.last_seq < place.seq:
        same = held.last_said is not None and held.last_said <= place.said
        return GoingOn(held.last_seq if same else 0)
    return GoingOn(place.seq, lost=held.first_seq > place.seq + 1)
