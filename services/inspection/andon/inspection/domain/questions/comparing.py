"""Answers that compare: stations with each other, and a stretch of time with the one before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from andon.contracts.inspection import Decision
from andon.inspection.domain.questions.places import Place
from andon.inspection.domain.questions.reading import Measure, Reading
from andon.inspection.domain.questions.sentences import VERBS, counted, listed, named, percent, within
from andon.inspection.domain.questions.sums import Counts, Figures, Sums, Told, sums_of, where

_SHOWN = 5
"""Stations that a sentence names; the data has all."""


@dataclass(frozen=True)
class _Figure:
    """What is compared, of one stretch of time or one station."""

    value: float | None
    """None where nothing was inspected."""
    words: str


def _figure(reading: Reading, sums: Sums) -> _Figure:
    decision = reading.decision or Decision.PASS
    match reading.measure:
        case Measure.DEFECTS:
            number = sums.found(reading.classes)
            return _Figure(number, counted(number, _noun(reading)))
        case Measure.TOTAL:
            return _Figure(sums.total, counted(sums.total, "part"))
        case Measure.DECISION:
            number = sums.of(decision)
            return _Figure(number, f"{number} of {sums.total} {VERBS[decision]}")
        case Measure.TIME:
            mean = sums.mean_ms if sums.total else None
            return _Figure(mean, "no inspections" if mean is None else f"{mean:.1f} ms")
        case Measure.RATE | Measure.PASS_RATE:
            share = decision if reading.measure is Measure.RATE else Decision.PASS
            if not sums.total:
                return _Figure(None, "no inspections")
            number = sums.of(share)
            words = f"{percent(number, sums.total)}, {number} of {sums.total}"
            return _Figure(number / sums.total, words)


def _noun(reading: Reading) -> str:
    return named(reading.classes[0]) if len(reading.classes) == 1 else "defect"


def _subject(reading: Reading) -> str:
    decision = reading.decision or Decision.PASS
    match reading.measure:
        case Measure.DEFECTS:
            names = listed([named(name) for name in reading.classes])
            return f"number of defects of class {names}" if names else "number of defects"
        case Measure.TOTAL:
            return "number of inspected parts"
        case Measure.DECISION:
            return (
                f"number of parts that {'were ' if decision is Decision.UNCERTAIN else ''}{VERBS[decision]}"
            )
        case Measure.TIME:
            return "average inspection time"
        case Measure.RATE:
            return "fail rate" if decision is Decision.FAIL else f"share of {VERBS[decision]} parts"
        case Measure.PASS_RATE:
            return "pass rate"


def _by_station(reading: Reading, counts: Counts) -> list[tuple[Place, Sums, _Figure]]:
    """Stations where anything was inspected."""
    known = {place.id: place for place in counts.places}
    ids = {row.station_id for row in counts.rows if reading.period.holds(row.hour) and row.total > 0}
    found: list[tuple[Place, Sums, _Figure]] = []
    for station in sorted(ids):
        place = known.get(station, Place(station))
        sums = sums_of(counts.rows, reading.period, place)
        found.append((place, sums, _figure(reading, sums)))
    return found


def _station_rows(found: Sequence[tuple[Place, Sums, _Figure]]) -> tuple[Figures, ...]:
    return tuple(
        {"station_id": place.id, "value": figure.value, "inspections": sums.total}
        for place, sums, figure in found
    )


def ranking(reading: Reading, counts: Counts) -> Told:
    found = _by_station(reading, counts)
    if not found:
        return Told(f"No parts were inspected {within(reading.period)}.", {"inspections": 0})
    sign = -1 if reading.highest else 1
    found.sort(key=lambda each: (sign * (each[2].value or 0), each[0].id))
    best = found[0][2].value
    first = [each for each in found if each[2].value == best]
    word = "highest" if reading.highest else "lowest"
    names = listed([place.shown for place, _, _ in first[:_SHOWN]])
    verb = "has" if len(first) == 1 else "have equally"
    sentence = f"{names} {verb} the {word} {_subject(reading)} {within(reading.period)}: {found[0][2].words}."
    if len(found) == 1:
        sentence += " It is the only station where anything was inspected."
    sentence = sentence[0].upper() + sentence[1:]
    figures: Figures = {"station_id": first[0][0].id, "value": best, "inspections": found[0][1].total}
    return Told(sentence, figures, _station_rows(found))


def per_station(reading: Reading, counts: Counts) -> Told:
    found = _by_station(reading, counts)
    if not found:
        return Told(f"No parts were inspected {within(reading.period)}.", {"inspections": 0})
    each = "; ".join(f"{place.shown}: {figure.words}" for place, _, figure in found)
    subject = _subject(reading)
    sentence = f"The {subject} by station {within(reading.period)}: {each}."
    return Told(sentence, {"inspections": sum(sums.total for _, sums, _ in found)}, _station_rows(found))


def trend(reading: Reading, counts: Counts) -> Told:
    now = sums_of(counts.rows, reading.period, reading.place)
    earlier = sums_of(counts.rows, reading.period.earlier, reading.place)
    new, old = _figure(reading, now), _figure(reading, earlier)
    before = within(reading.period.earlier).removeprefix("before ")
    figures: Figures = {
        "value": new.value,
        "before": old.value,
        "inspections": now.total,
        "inspections_before": earlier.total,
    }
    if not now.total or not earlier.total:
        return Told(
            f"There is nothing to compare{where(reading)}: {counted(now.total, 'part')} "
            f"{within(reading.period)}, {counted(earlier.total, 'part')} before {before}.",
            figures,
        )
    assert new.value is not None  # noqa: S101 - parts were inspected
    assert old.value is not None  # noqa: S101 - then, too
    direction = (
        "went up" if new.value > old.value else "went down" if new.value < old.value else "did not change"
    )
    sentence = (
        f"The {_subject(reading)}{where(reading)} {direction}: {new.words} {within(reading.period)}, "
        f"against {old.words} before {before}."
    )
    return Told(sentence, {**figures, "direction": direction.removeprefix("went ")})
