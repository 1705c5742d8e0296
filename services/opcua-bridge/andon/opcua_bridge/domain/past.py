"""What a station's numeric nodes said with each part, and how a span of that is read."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel

from andon.contracts.inspection import Inspection
from andon.opcua_bridge.domain.lines import StationState, pass_rate


class Moment(BaseModel):
    """All numeric values of a station as of one part."""

    id: str
    """Station and place in the stream: written twice, it is there once."""
    station_id: str
    seq: int
    at: datetime
    """When the part was judged."""
    confidence: float
    objects_found: int
    cycle_ms: float
    passed: int
    failed: int
    uncertain: int
    pass_rate: float


FIELDS = {
    "LastConfidence": "confidence",
    "ObjectsFound": "objects_found",
    "CycleTimeMs": "cycle_ms",
    "PassCount": "passed",
    "FailCount": "failed",
    "UncertainCount": "uncertain",
    "PassRate1h": "pass_rate",
}
"""Which field a node's history is."""


def moment(state: StationState, part: Inspection, seq: int) -> Moment:
    """The values as the part left them; the same whenever the stream is read again."""
    rate = pass_rate(state, part.judged_at)
    return Moment(
        id=f"{part.station_id}:{seq}",
        station_id=part.station_id,
        seq=seq,
        at=part.judged_at,
        confidence=part.confidence,
        objects_found=part.objects_found,
        cycle_ms=part.times.inference_ms,
        passed=state.passed,
        failed=state.failed,
        uncertain=state.uncertain,
        pass_rate=rate.percent if rate else 0.0,
    )


@dataclass(frozen=True)
class Mark:
    """Up to where a span was read: the last value that was handed out."""

    at: datetime
    seq: int

    def __bytes__(self) -> bytes:
        return f"{self.at.astimezone(UTC).isoformat()}|{self.seq}".encode()


def mark_of(content: bytes) -> Mark:
    """Raises ValueError when it is not one of ours."""
    at, _, seq = content.decode().partition("|")
    found = Mark(datetime.fromisoformat(at), int(seq))
    if found.at.tzinfo is None:
        raise ValueError("a mark without a zone")
    return found


@dataclass(frozen=True)
class Span:
    """What is asked of the past."""

    start: datetime | None
    end: datetime | None
    after: Mark | None
    """Where to go on."""
    most: int

    @property
    def backwards(self) -> bool:
        """Newest first: from a later start to an earlier end, or up to an end alone."""
        if self.start is None:
            return True
        return self.end is not None and self.start > self.end

    @property
    def oldest(self) -> datetime | None:
        """Inclusive."""
        return self.end if self.start is not None and self.backwards else self.start

    @property
    def newest(self) -> datetime | None:
        """Inclusive."""
        return self.start if self.start is not None and self.backwards else self.end
