"""How figures are written in an answer."""

from andon.contracts.inspection import Decision
from andon.inspection.domain.questions.periods import Period
from andon.inspection.domain.questions.words import plural

_SHORTEST = 0.1
"""Percent; what is nearer to none or all than this is not shown as none or all."""

VERBS = {Decision.PASS: "passed", Decision.FAIL: "failed", Decision.UNCERTAIN: "uncertain"}


def counted(number: int, noun: str) -> str:
    """`1 part`, `17 parts`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def parts_of(number: int, decision: Decision) -> str:
    """`3 parts failed`, `1 part was uncertain`."""
    verb = VERBS[decision]
    if decision is Decision.UNCERTAIN:
        verb = f"{'was' if number == 1 else 'were'} {verb}"
    return f"{counted(number, 'part')} {verb}"


def percent(some: int, whole: int) -> str:
    """With one decimal; 99.97 % is more than 99.9 %, and not all."""
    share = 100 * some / whole
    if 0 < share < _SHORTEST:
        return f"less than {_SHORTEST}%"
    if 100 - _SHORTEST < share < 100:  # noqa: PLR2004 - percent
        return f"more than {100 - _SHORTEST:g}%"
    return f"{share:.1f}%"


def within(period: Period) -> str:
    """`over the last 7 days (2026-11-14 08:00 to 2026-11-21 08:15 UTC)`."""
    return f"{period.words} ({stretch(period)})"


def stretch(period: Period) -> str:
    """The period by the clock."""
    form = "%Y-%m-%d %H:%M"
    return f"{period.since:{form}} to {period.until:{form}} UTC"


def listed(items: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def named(class_name: str) -> str:
    """A class as people say it."""
    return class_name.replace("_", " ").replace("-", " ").lower()
