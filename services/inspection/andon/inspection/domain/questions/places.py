"""The station that a question is about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from andon.inspection.domain.questions.words import masked, plain, unread

_BEFORE = "at|on|in|for|from|of|by|is|was|does|did"
_KINDS = "station|line|cell|stn|workstation"
_SHOWN = 20


@dataclass(frozen=True)
class Place:
    """A station as people may name it."""

    id: str
    name: str = ""

    @property
    def shown(self) -> str:
        """What an answer calls it."""
        return self.name or (f"station {self.id}" if self.id.isdecimal() else self.id)


def place_in(text: str, places: Sequence[Place], taken: frozenset[str]) -> tuple[Place | None, str]:
    """The station that plain words name, and the words without it.

    `taken` are words with a meaning of their own: a station of that name is only meant behind `at` or
    `station`. Raises Invalid for an unknown station, an ambiguous one, and more than one.
    """
    found = _named(text, places, taken) or _numbered(text, places)
    if found is None:
        _refuse_unknown(text, places)
        return None, text
    place, start, end = found
    rest = masked(text, start, end)
    if _named(rest, places, taken) or re.search(rf"\b(?:{_KINDS})s? \d+", rest):
        raise unread("It names more than one station; ask for one at a time, or for each station.")
    return place, rest


def _named(text: str, places: Sequence[Place], taken: frozenset[str]) -> tuple[Place, int, int] | None:
    """The longest id or name that stands in the text."""
    phrases = {
        (phrase, place) for place in places for phrase in (plain(place.id), plain(place.name)) if phrase
    }
    longest = sorted(phrases, key=lambda each: -len(each[0]))
    for phrase, _ in longest:
        lead = rf"(?:(?:{_BEFORE}) )?(?:the )?(?:(?:{_KINDS}) )?"
        if all(word in taken or word.isdecimal() for word in phrase.split()):
            lead = rf"(?:(?:at|on|for|from) |(?:(?:{_BEFORE}) )?(?:{_KINDS}) )"
        match = re.search(rf"\b{lead}{re.escape(phrase)}\b(?! \d)", text)
        if match:
            same = sorted({place.id for other, place in longest if other == phrase})
            place = _only([each for each in places if each.id in same], phrase)
            return place, *match.span()
    return None


def _numbered(text: str, places: Sequence[Place]) -> tuple[Place, int, int] | None:
    """`station 3` means `3`, `station-3`, `line-03` and whatever is called `Station 3`."""
    match = re.search(rf"\b(?:(?:{_BEFORE}) )?(?:{_KINDS})s? (?P<number>\d+)\b", text)
    if match is None:
        return None
    number = int(match["number"])
    fitting = [
        place for place in places if number in {_number(plain(place.id)), _number(plain(place.name))} - {None}
    ]
    if not fitting:
        return None
    return _only(fitting, f"{number}"), *match.span()


def _number(words: str) -> int | None:
    match = re.fullmatch(rf"(?:(?:{_KINDS}|st|s|l|camera|cam) )?(\d+)", words)
    return int(match[1]) if match else None


def _only(fitting: Sequence[Place], words: str) -> Place:
    if len(fitting) > 1:
        names = ", ".join(sorted(place.id for place in fitting))
        raise unread(f"'{words}' may be any of the stations {names}; ask by its id.")
    return fitting[0]


def _refuse_unknown(text: str, places: Sequence[Place]) -> None:
    if match := re.search(rf"\b(?:{_KINDS})s? (\d+)\b", text):
        known = ", ".join(place.id for place in places[:_SHOWN]) or "none"
        raise unread(f"There is no station {match[1]}; known stations: {known}.")
