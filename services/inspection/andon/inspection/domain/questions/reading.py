"""What a question asks: every word of it must be understood, else it is not answered."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from andon.contracts.inspection import Decision
from andon.inspection.domain.questions.concepts import (
    AND,
    FILLERS,
    GENERIC,
    PATTERNS,
    RANKS,
    RATES,
    TAKEN,
)
from andon.inspection.domain.questions.periods import Period, period_in
from andon.inspection.domain.questions.places import Place, place_in
from andon.inspection.domain.questions.words import COMMON_DEFECTS, MASK, forms, masked, plain, unread


class Kind(StrEnum):
    """The typed queries that questions are read as."""

    TOTAL = "total"
    DECISION_COUNT = "decision_count"
    CLASS_COUNT = "class_count"
    DEFECT_COUNT = "defect_count"
    RATE = "rate"
    RANKING = "ranking"
    PER_STATION = "per_station"
    TREND = "trend"
    AVERAGE_TIME = "average_time"
    MOST_COMMON_DEFECT = "most_common_defect"
    LAST_PART = "last_part"
    SUMMARY = "summary"


class Measure(StrEnum):
    """What stations are ranked by, and what a trend is about."""

    PASS_RATE = "pass_rate"  # noqa: S105 - a figure's name
    RATE = "rate"
    """Share of a decision."""
    DECISION = "decision"
    """Parts of a decision."""
    DEFECTS = "defects"
    TOTAL = "total"
    TIME = "time"


@dataclass(frozen=True)
class Reading:
    """A question as a typed query."""

    kind: Kind
    period: Period
    place: Place | None = None
    decision: Decision | None = None
    classes: tuple[str, ...] = ()
    """As they are stored; empty means all."""
    measure: Measure = Measure.PASS_RATE
    highest: bool = True
    """For a ranking: whether the largest figure comes first."""
    of_parts: bool = False
    """Whether parts were asked for where only defects are counted."""


@dataclass
class _Said:
    """What was found in a question."""

    concepts: frozenset[str]
    classes: tuple[str, ...]
    together: bool
    """Whether `and` or `or` stands between what it names."""

    def has(self, *names: str) -> bool:
        return bool(self.concepts.intersection(names))

    @property
    def decisions(self) -> list[Decision]:
        named = {
            Decision.PASS: self.has("passed"),
            Decision.FAIL: self.has("failed", "failures"),
            Decision.UNCERTAIN: self.has("uncertain"),
        }
        return [decision for decision, said in named.items() if said]


def read(question: str, places: Sequence[Place], known_classes: Iterable[str], now: datetime) -> Reading:
    """The typed query. Raises Invalid when any word is not understood, and says what can be asked."""
    text = plain(question)
    if not text:
        raise unread("It has no words.")
    period, text = period_in(text, now)
    place, text = place_in(text, places, TAKEN)
    classes, text = _classes_in(text, known_classes)
    concepts, text = _concepts_in(text)
    said = _Said(concepts, classes, together=bool(AND.intersection(text.split())))
    _refuse_leftovers(text, said)
    kind = _kind_of(said, place)
    if kind is Kind.DECISION_COUNT and said.together:
        kind = Kind.SUMMARY
    _refuse_crossing(kind, said)
    decision = _decision_of(said)
    measure, highest = _measure_of(said, decision)
    several = said.has("parts") and kind in (Kind.CLASS_COUNT, Kind.DEFECT_COUNT)
    return Reading(kind, period, place, decision, classes, measure, highest, several)


def _classes_in(text: str, known: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Classes by any of their forms, the longest first; those on record go before those one may think of."""
    phrases: dict[str, str] = {}
    for name in (*known, *COMMON_DEFECTS):
        for form in forms(name):
            if form not in GENERIC:
                phrases.setdefault(form, name)
    found: list[str] = []
    for phrase in sorted(phrases, key=len, reverse=True):
        while match := re.search(rf"\b{re.escape(phrase)}\b", text):
            text = masked(text, *match.span())
            if phrases[phrase] not in found:
                found.append(phrases[phrase])
    return tuple(found), text


def _concepts_in(text: str) -> tuple[frozenset[str], str]:
    found: set[str] = set()
    for name, pattern in PATTERNS:
        while match := pattern.search(text):
            found.add(name)
            text = masked(text, *match.span())
    return frozenset(found), text


def _refuse_leftovers(text: str, said: _Said) -> None:
    several = len(said.classes) > 1 or len(said.decisions) > 1
    allowed = FILLERS | {MASK}
    if several:
        allowed |= AND
    left = [word for word in text.split() if word not in allowed]
    if left:
        words = ", ".join(f"'{word[:40]}'" for word in dict.fromkeys(left[:8]))
        raise unread(f"It can't be read because of {words}.")


def _kind_of(said: _Said, place: Place | None) -> Kind:
    """By order of precedence."""
    kind = _comparing(said, place) or _figuring(said) or _counting(said)
    if kind is None and said.decisions and place is not None:
        kind = Kind.SUMMARY
    if kind is None:
        raise unread("It can't be read what is to be counted.")
    return kind


def _comparing(said: _Said, place: Place | None) -> Kind | None:
    ranks = said.has(*RANKS)
    if said.has("trend"):
        return Kind.TREND
    if said.has("stations", "line") and ranks:
        if place is not None:
            raise unread("A ranking of stations is over all stations, not about one.")
        return Kind.RANKING
    if said.has("per_station"):
        if place is not None:
            raise unread("It asks for each station and for one.")
        if not said.classes and said.concepts <= {"per_station", "count", "exist", "list"}:
            raise unread("It can't be read what is to be counted at each station.")
        return Kind.PER_STATION
    if said.has("common") or (said.has("high") and said.has("defects") and not said.has("parts")):
        return Kind.MOST_COMMON_DEFECT
    if said.has("last") and not said.has("count", "share"):
        return Kind.LAST_PART
    if ranks or said.has("last"):
        raise unread("It can't be read what is compared: ask for a station, or for the most common defect.")
    return None


def _figuring(said: _Said) -> Kind | None:
    if said.has("time"):
        return Kind.AVERAGE_TIME
    if said.has(*RATES) or (said.has("share") and said.decisions):
        return Kind.RATE
    if said.has("summary"):
        return Kind.SUMMARY
    return None


def _counting(said: _Said) -> Kind | None:
    if said.has("share"):
        return None
    if said.classes:
        return Kind.CLASS_COUNT
    if said.has("failures") or (said.decisions and said.has("count", "exist", "list", "parts")):
        return Kind.DECISION_COUNT
    if said.has("defects", "breakdown"):
        return Kind.DEFECT_COUNT
    if said.has("parts") and said.has("count", "exist"):
        return Kind.TOTAL
    return None


def _refuse_crossing(kind: Kind, said: _Said) -> None:
    """What is counted apart can't be asked for together."""
    compared = kind in (Kind.RANKING, Kind.TREND, Kind.PER_STATION)
    if said.has("stations") and kind not in (Kind.RANKING, Kind.PER_STATION):
        raise unread("It can't be read which station is meant: name one, or ask for each station.")
    if said.decisions and (said.classes or said.has("defects", *RATES) or kind in _WITHOUT_DECISION):
        raise unread("Defects, rates and times are not counted by decision; ask for one thing at a time.")
    if len(said.decisions) > 1 and kind is not Kind.SUMMARY:
        raise unread("It names more than one decision; ask for one at a time.")
    if said.classes and not compared and kind is not Kind.CLASS_COUNT:
        raise unread(f"The class '{said.classes[0]}' does not fit what it asks for.")
    if (said.classes or said.has("defects")) and said.has("time", *RATES):
        raise unread("Rates and times are of parts, not of defects.")
    if said.has("defects") and kind is Kind.LAST_PART:
        raise unread("The last part can be asked for, not the last defect.")
    if said.has("average") and kind is not Kind.AVERAGE_TIME:
        raise unread("Only the inspection time is averaged.")


_WITHOUT_DECISION = frozenset(
    {Kind.AVERAGE_TIME, Kind.MOST_COMMON_DEFECT, Kind.CLASS_COUNT, Kind.DEFECT_COUNT}
)


def _decision_of(said: _Said) -> Decision | None:
    for name, decision in zip(RATES, (Decision.PASS, Decision.FAIL, Decision.UNCERTAIN), strict=True):
        if said.has(name):
            return decision
    return said.decisions[0] if len(said.decisions) == 1 else None


def _measure_of(said: _Said, decision: Decision | None) -> tuple[Measure, bool]:
    """What is compared, and whether the most of it comes first."""
    most = said.has("high", "best") and not said.has("low", "worst")
    if said.has("slow", "quick", "time"):
        return Measure.TIME, said.has("slow", "high", "worst")
    if said.classes or said.has("defects"):
        return Measure.DEFECTS, not said.has("low", "best")
    if said.has("fail_rate", "uncertain_rate") or (said.has("share") and decision is not None):
        return Measure.RATE, not said.has("low", "best") if decision is not Decision.PASS else most
    if decision is not None and not said.has("pass_rate"):
        good = decision is Decision.PASS
        return Measure.DECISION, most if good else not said.has("low", "best")
    if said.has("parts") and not said.has("pass_rate", "worst", "best"):
        return Measure.TOTAL, not said.has("low")
    return Measure.PASS_RATE, most
