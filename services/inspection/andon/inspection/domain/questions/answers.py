"""The answer to a typed query: one sentence, and the figures in it."""

from collections.abc import Callable, Sequence

from andon.contracts.inspection import Decision
from andon.contracts.question import Data
from andon.contracts.question import Period as CoveredPeriod
from andon.inspection.domain.questions.comparing import per_station, ranking, trend
from andon.inspection.domain.questions.reading import Kind, Reading
from andon.inspection.domain.questions.sentences import (
    VERBS,
    counted,
    listed,
    named,
    parts_of,
    percent,
    within,
)
from andon.inspection.domain.questions.sums import Counts, Figures, Sums, Told, sums_of, tail, where

_SHOWN = 5
"""Classes that a sentence names; the data has all."""


def answered(reading: Reading, counts: Counts) -> tuple[str, Data]:
    """One sentence and the figures in it; every number of the sentence is among them, or in the period."""
    told = _TELLERS[reading.kind](reading, counts)
    period = reading.period
    covered = CoveredPeriod(since=period.since, until=period.until, words=period.words)
    place = reading.place.id if reading.place else None
    data = Data(
        query=reading.kind.value, station_id=place, period=covered, figures=told.figures, rows=told.rows
    )
    return told.sentence, data


def _nothing(reading: Reading, sums: Sums) -> Told | None:
    """The answer where no part was inspected: there is nothing to divide by."""
    if sums.total:
        return None
    return Told(f"No parts were inspected{tail(reading)}.", {"inspections": 0})


def _total(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    verb = "was" if sums.total == 1 else "were"
    sentence = f"{counted(sums.total, 'part')} {verb} inspected{tail(reading)}."
    return Told(sentence, {"inspections": sums.total})


def _decision_count(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    assert reading.decision is not None  # noqa: S101 - reading gives this kind no other way
    number = sums.of(reading.decision)
    sentence = f"{parts_of(number, reading.decision)}{tail(reading)}, of {sums.total} inspected."
    return Told(sentence, {"decision": reading.decision.value, "count": number, "inspections": sums.total})


def _class_count(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    each = [(name, sums.classes.get(name, 0)) for name in reading.classes]
    found = listed([counted(number, named(name)) for name, number in each])
    verb = "was" if sum(number for _, number in each) == 1 else "were"
    sentence = f"{found} {verb} found{tail(reading)}, in {counted(sums.total, 'inspection')}."
    figures: Figures = {"count": sum(number for _, number in each), "inspections": sums.total}
    if len(each) == 1:
        figures = {"class": each[0][0], **figures}
    rows = tuple[Figures, ...]({"class": name, "count": number} for name, number in each)
    return Told(sentence + _of_parts(reading) + _never_seen(reading, counts), figures, rows)


def _of_parts(reading: Reading) -> str:
    return " Defects are counted, not the parts that carry them." if reading.of_parts else ""


def _never_seen(reading: Reading, counts: Counts) -> str:
    unknown = [named(name) for name in reading.classes if name not in counts.known_classes]
    if not unknown:
        return ""
    known = listed([f"'{name}'" for name in sorted(counts.known_classes)[:_SHOWN]]) or "none"
    return f" No class '{unknown[0]}' was recorded lately; recorded classes: {known}."


def _defect_count(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    classes = sums.breakdown()
    verb = "was" if sums.defects == 1 else "were"
    named_classes = listed([f"{name_of} ({number})" for name_of, number in _shown(classes)])
    which = f": {named_classes}" if classes else ""
    sentence = (
        f"{counted(sums.defects, 'defect')} {verb} found{tail(reading)}, "
        f"in {counted(sums.total, 'inspection')}{which}.{_of_parts(reading)}"
    )
    figures: Figures = {"count": sums.defects, "inspections": sums.total}
    return Told(sentence, figures, _class_rows(classes))


def _shown(classes: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(named(name), number) for name, number in classes[:_SHOWN]]


def _class_rows(classes: Sequence[tuple[str, int]]) -> tuple[Figures, ...]:
    return tuple({"class": name, "count": number} for name, number in classes)


def _most_common(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    classes = sums.breakdown()
    if not classes:
        return Told(f"No defects were found{tail(reading)}.", {"count": 0, "inspections": sums.total})
    name, number = classes[0]
    equal = [named(other) for other, count in classes if count == number]
    verb = f"is {named(name)}" if len(equal) == 1 else f"are {listed(equal)}, equally often,"
    sentence = (
        f"The most common defect{where(reading)} {verb}: found {number} times of {sums.defects} "
        f"{within(reading.period)}."
    )
    figures: Figures = {"class": name, "count": number, "defects": sums.defects, "inspections": sums.total}
    return Told(sentence, figures, _class_rows(classes))


_RATE_NAMES = {
    Decision.PASS: "pass rate",
    Decision.FAIL: "fail rate",
    Decision.UNCERTAIN: "share of uncertain parts",
}


def _rate(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    decision = reading.decision or Decision.PASS
    if none := _nothing(reading, sums):
        return none
    number = sums.of(decision)
    sentence = (
        f"The {_RATE_NAMES[decision]}{where(reading)} was {percent(number, sums.total)} "
        f"{within(reading.period)}: {number} of {counted(sums.total, 'part')} {VERBS[decision]}."
    )
    figures: Figures = {
        "decision": decision.value,
        "rate": number / sums.total,
        "count": number,
        "inspections": sums.total,
    }
    return Told(sentence, figures)


def _average_time(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    if none := _nothing(reading, sums):
        return none
    mean = sums.mean_ms
    sentence = (
        f"An inspection took {mean:.1f} ms on average{tail(reading)}, "
        f"over {counted(sums.total, 'inspection')}."
    )
    return Told(sentence, {"average_ms": round(mean, 3), "inspections": sums.total})


def _summary(reading: Reading, counts: Counts) -> Told:
    sums = sums_of(counts.rows, reading.period, reading.place)
    if none := _nothing(reading, sums):
        return none
    passed, failed, uncertain = sums.passed, sums.failed, sums.uncertain
    classes = sums.breakdown()
    defects = f" Defects: {listed([f'{name} ({n})' for name, n in _shown(classes)])}." if classes else ""
    sentence = (
        f"{counted(sums.total, 'part')} {'was' if sums.total == 1 else 'were'} inspected{tail(reading)}: "
        f"{passed} passed, {failed} failed, {uncertain} uncertain; the pass rate is "
        f"{percent(passed, sums.total)}.{defects}"
    )
    figures: Figures = {
        "inspections": sums.total,
        "passed": passed,
        "failed": failed,
        "uncertain": uncertain,
        "pass_rate": passed / sums.total,
    }
    return Told(sentence, figures, _class_rows(classes))


def _last_part(reading: Reading, counts: Counts) -> Told:
    what = f"{VERBS[reading.decision]} part" if reading.decision else "part"
    part = counts.last
    if part is None:
        return Told(f"There was no {what}{tail(reading)}.", {"inspections": 0})
    name = f" '{part.part_id}'" if part.part_id else ""
    place = next((each.shown for each in counts.places if each.id == part.station_id), part.station_id)
    found = f" with {counted(part.objects_found, 'defect')}" if part.objects_found else ""
    result = VERBS[part.decision] if part.decision is not Decision.UNCERTAIN else "was uncertain"
    sentence = (
        f"The last {what}{name} was inspected at {place} at {part.judged_at:%Y-%m-%d %H:%M:%S} UTC "
        f"and {result}{found}."
    )
    figures: Figures = {
        "id": part.id,
        "part_id": part.part_id,
        "station_id": part.station_id,
        "decision": part.decision.value,
        "confidence": part.confidence,
        "defects": part.objects_found,
        "judged_at": part.judged_at.isoformat(),
    }
    return Told(sentence, figures)


_TELLERS: dict[Kind, Callable[[Reading, Counts], Told]] = {
    Kind.TOTAL: _total,
    Kind.DECISION_COUNT: _decision_count,
    Kind.CLASS_COUNT: _class_count,
    Kind.DEFECT_COUNT: _defect_count,
    Kind.RATE: _rate,
    Kind.RANKING: ranking,
    Kind.PER_STATION: per_station,
    Kind.TREND: trend,
    Kind.AVERAGE_TIME: _average_time,
    Kind.MOST_COMMON_DEFECT: _most_common,
    Kind.LAST_PART: _last_part,
    Kind.SUMMARY: _summary,
}
