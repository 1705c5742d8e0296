"""What an answer is made from: sums of the counts per hour, and the words around them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from andon.contracts.inspection import Decision, Inspection
from andon.contracts.question import Figure
from andon.inspection.domain.questions.periods import Period
from andon.inspection.domain.questions.places import Place
from andon.inspection.domain.questions.reading import Reading
from andon.inspection.domain.questions.sentences import within
from andon.inspection.domain.rollups import Rollup

Figures = dict[str, Figure]


@dataclass
class Sums:
    """What happened over a stretch of time."""

    total: int = 0
    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    time_us: int = 0
    classes: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, row: Rollup) -> None:
        self.total += row.total
        self.time_us += row.time_us
        self.passed += row.passed
        self.failed += row.failed
        self.uncertain += row.uncertain
        for name, count in row.classes.items():
            self.classes[name] = self.classes.get(name, 0) + count

    def of(self, decision: Decision) -> int:
        """Parts with that decision."""
        return {Decision.PASS: self.passed, Decision.FAIL: self.failed}.get(decision, self.uncertain)

    @property
    def mean_ms(self) -> float:
        """Of one inspection; 0 when there were none."""
        return self.time_us / 1000 / self.total if self.total else 0.0

    @property
    def defects(self) -> int:
        """Of all classes."""
        return sum(self.classes.values())

    def found(self, classes: Sequence[str]) -> int:
        """Of these classes, or of all."""
        return sum(self.classes.get(name, 0) for name in classes) if classes else self.defects

    def breakdown(self) -> list[tuple[str, int]]:
        """Classes with their counts, the most common first."""
        found = ((name, count) for name, count in self.classes.items() if count > 0)
        return sorted(found, key=lambda each: (-each[1], each[0]))


@dataclass(frozen=True)
class Counts:
    """What an answer is made from."""

    rows: Sequence[Rollup]
    """Of the period and of the one before it; others are left out."""
    places: Sequence[Place]
    known_classes: frozenset[str] = frozenset()
    last: Inspection | None = None
    """The newest part that fits, for the one question that wants it."""


@dataclass(frozen=True)
class Told:
    sentence: str
    figures: Figures
    rows: tuple[Figures, ...] = ()


def sums_of(rows: Iterable[Rollup], period: Period, place: Place | None) -> Sums:
    sums = Sums()
    for row in rows:
        if period.holds(row.hour) and (place is None or row.station_id == place.id):
            sums.add(row)
    return sums


def where(reading: Reading) -> str:
    return f" at {reading.place.shown}" if reading.place else ""


def tail(reading: Reading) -> str:
    return f"{where(reading)} {within(reading.period)}"
