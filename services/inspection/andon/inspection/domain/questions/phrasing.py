"""Whether words that a language model chose may stand for an answer: it may not bring figures of its own."""

import re
from collections.abc import Iterable

from andon.contracts.question import Data

LENGTH = 800
"""Characters; a longer text is no sentence."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SPELLED = re.compile(
    r"\b(?:zero|none|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)"
    r"teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|dozens?"
    r"|half|third|thirds|quarter|quarters|twice|thrice|double[ds]?|triple[ds]?|halved|single|couple)\b"
)
_FOREIGN = re.compile(r"https?:|www\.|[<>{}\[\]`\\]|[^\x20-\x7e\u2010-\u201d\u00b5]")


def holds(text: str, sentence: str, data: Data) -> bool:
    """Whether every number of `text` is one of the answer's, and its main figure is there."""
    if not text or len(text) > LENGTH or _FOREIGN.search(text) or _SPELLED.search(text.casefold()):
        return False
    allowed = set(numbers_in(sentence)) | set(_figures(data))
    used = set(numbers_in(text))
    return used <= allowed and _main(data) <= used


def without_foreign_numbers(text: str, allowed: Iterable[str]) -> str:
    """The sentences of a description that bring no number of their own."""
    known = set(allowed)
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.split()))
    kept = [
        each
        for each in sentences
        if set(numbers_in(each)) <= known
        and not _SPELLED.search(each.casefold())
        and not _FOREIGN.search(each)
    ]
    return " ".join(kept)[:LENGTH]


def numbers_in(text: str) -> list[str]:
    """Numbers as plain digits: `1,420` is 1420 and `97.20` is 97.2."""
    return [_plain(each) for each in _NUMBER.findall(text)]


def _plain(number: str) -> str:
    whole = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number)
    digits = number.replace(",", "") if whole else number.replace(",", ".")
    head, dot, tail = digits.partition(".")
    tail = tail.rstrip("0") if "." not in tail else tail
    return f"{head.lstrip('0') or '0'}{dot if tail else ''}{tail}"


def _figures(data: Data) -> Iterable[str]:
    for figures in (data.figures, *data.rows):
        for value in figures.values():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                yield from numbers_in(f"{value:.10g}")
                yield from numbers_in(f"{value:.1f}")
                if isinstance(value, float) and 0 <= value <= 1:
                    yield from numbers_in(f"{100 * value:.1f}")
            elif isinstance(value, str):
                yield from numbers_in(value)


def _main(data: Data) -> set[str]:
    """What the text must name: the figure that was asked for, where it is a count."""
    count = data.figures.get("count", data.figures.get("inspections") if data.query == "total" else None)
    return set(numbers_in(str(count))) if isinstance(count, int) else set()
