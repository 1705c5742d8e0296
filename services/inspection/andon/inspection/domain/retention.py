"""How long records and their pictures stay."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.contracts.inspection import Decision
from andon.inspection.domain.rollups import Rollup, hour_of

GIBIBYTE = 1 << 30


@dataclass(frozen=True)
class Policy:
    """What may be taken away, and when."""

    image_days: int = 90
    record_days: int = 365
    max_gb: float = 100.0
    hold_failed: bool = True

    @property
    def expendable(self) -> frozenset[Decision]:
        """Decisions whose parts age."""
        kept = {Decision.FAIL} if self.hold_failed else set[Decision]()
        return frozenset(set(Decision) - kept)

    @property
    def max_bytes(self) -> int:
        return round(self.max_gb * GIBIBYTE)

    def removable(self, row: Rollup) -> bool:
        """Whether an hour has records that may go."""
        return any(row.remaining(decision) for decision in self.expendable)

    def strippable(self, row: Rollup) -> bool:
        """Whether an hour has pictures that may go."""
        return any(decision in self.expendable and held.files for (_, decision), held in row.stored.items())


def cutoff(now: datetime, days: int) -> datetime:
    """What was judged before it is older than so many days; whole hours, as the counts are."""
    return hour_of(now) - timedelta(days=days)
