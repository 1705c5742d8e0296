"""A question's words, made plain: lower case, no punctuation, letters and digits apart."""

import re
import unicodedata

from andon.contracts import Invalid

MASK = "|"
"""Stands where something was read: nothing is read across it."""

EXAMPLES = (
    "How many scratches were found at Station 3 this week?",
    "What was the pass rate yesterday?",
    "Which station is the worst today?",
    "What is the most common defect in the last 24 hours?",
    "Is the pass rate going up or down?",
    "How many parts failed at each station today?",
    "What is the average inspection time?",
    "When was the last part inspected at line-1?",
)

COMMON_DEFECTS = (
    "scratch", "dent", "crack", "stain", "chip", "hole", "burr", "contamination", "discoloration",
    "discolouration", "dust", "bubble", "void", "pit", "rust", "corrosion", "spot", "tear", "bend", "gap",
    "porosity", "inclusion", "deformation", "smudge", "fracture", "anomaly",
)  # fmt: skip
"""Classes that can be asked for before the first was found."""

_SPLIT = re.compile(r"\d+|[^\W\d_]+|%")
_POSSESSIVE = re.compile(r"['\u2019`]s\b")
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        start=1,
    )
}


def plain(text: str) -> str:
    """The words with single blanks between: "What's the pass-rate at A3?" -> "what the pass rate at a 3"."""
    shown = "".join(
        each for each in unicodedata.normalize("NFKC", text) if unicodedata.category(each) != "Cf"
    )
    found: list[str] = _SPLIT.findall(_POSSESSIVE.sub("", shown.casefold()))
    return " ".join("percent" if word == "%" else _NUMBERS.get(word, word) for word in found)


def forms(name: str) -> set[str]:
    """A class name as people write it: singular and plural."""
    words = plain(name)
    head, _, last = words.rpartition(" ")
    single = {last, _singular(last)}
    return {f"{head} {each}".strip() for each in single | {plural(each) for each in single}} - {""}


def plural(word: str) -> str:
    """The usual English plural."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def masked(text: str, start: int, end: int) -> str:
    """The text with what was read taken out."""
    return " ".join(f"{text[:start]} {MASK} {text[end:]}".split())


def unread(why: str) -> Invalid:
    """The error of a question that can't be answered: why, and what can be asked."""
    examples = " ".join(EXAMPLES)
    return Invalid(
        f"question: {why} Questions are in English, about counts of parts and defects, pass rates, stations, "
        f"trends, inspection times and the last part, for example: {examples}",
        {"question": why},
    )
