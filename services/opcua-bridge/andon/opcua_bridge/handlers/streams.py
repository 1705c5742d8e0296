"""What the bus holds of a stream, compared with how far it was read."""

from andon.messaging import Service
from andon.opcua_bridge.domain.place import Held, Place


async def held(bus: Service, stream: str, place: Place) -> Held:
    """Raises Unavailable."""
    last_seq = await bus.last_sequence(stream)
    oldest = await bus.replay(stream, 0, 1)
    newest = await bus.replay(stream, last_seq - 1, 1) if last_seq else []
    anchor = await bus.replay(stream, place.seq - 1, 1) if place.seq else []
    there = anchor and anchor[0][2].sequence == place.seq
    return Held(
        first_seq=oldest[0][2].sequence if oldest else last_seq + 1,
        last_seq=last_seq,
        last_said=newest[0][2].time if newest else None,
        anchor_said=anchor[0][2].time if there else None,
    )
