"""Services hear, answer, follow, say and ask; streams, retries and dead letters stay behind this door."""

from andon.messaging._delivery import Delivery, Retry
from andon.messaging._settings import BusSettings, StreamSettings
from andon.messaging.current import Current
from andon.messaging.parking import Parked, ParkedMessages
from andon.messaging.service import Service
from andon.messaging.topology import TopologyConflict, declare_topology

__all__ = [
    "BusSettings",
    "Current",
    "Delivery",
    "Parked",
    "ParkedMessages",
    "Retry",
    "Service",
    "StreamSettings",
    "TopologyConflict",
    "declare_topology",
]
