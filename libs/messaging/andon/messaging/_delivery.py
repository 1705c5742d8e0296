"""What surrounds a message, and how often a failing one is tried."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What surrounds a message."""

    subject: str
    sequence: int
    """Place in the stream it came from; 0 for queries."""
    attempt: int
    """1 for the first delivery."""
    time: datetime
    """When the bus got it, UTC; for queries, when it arrived here."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Place:
    """A service's place in a stream."""

    service: str
    stream: str
    durable: str


@dataclass(frozen=True)
class Retry:
    """How often a failing message is tried, and how long it rests between: growing, with jitter."""

    attempts: int = 5
    """Deliveries until the message is parked."""
    first: float = 0.2
    """Seconds of rest after the first failure."""
    longest: float = 30.0
    """Seconds of rest at most."""

    def rest(self, failures: int) -> float:
        """Seconds to rest after so many failures (1..)."""
        full = min(self.first * 2 ** min(failures - 1, 30), self.longest)
        return full * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


OUTAGE = Retry(attempts=0, first=0.2, longest=5.0)
"""The rests while something a handler stands on is away; attempts have no end."""
