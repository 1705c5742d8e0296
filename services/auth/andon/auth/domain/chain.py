"""The audit log's chain: each entry carries the hash of the one before, so a change anywhere shows."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NOTHING = "0" * 64
"""The hash before the first entry."""


@dataclass(frozen=True)
class Link:
    """A place in the chain."""

    sequence: int = 0
    hash: str = NOTHING


@dataclass(frozen=True)
class Break:
    """The first entry that is not what was written."""

    sequence: int
    why: str


def hash_of(content: Mapping[str, Any]) -> str:
    """SHA-256 over an entry as it is stored, without its hash: JSON, names sorted, no spaces, UTF-8."""
    covered = {name: value for name, value in content.items() if name != "hash"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def walked(
    entries: Iterable[Mapping[str, Any]], after: Link, known: Mapping[int, str]
) -> tuple[Link, Break | None]:
    """How far the chain holds from `after` on, over stored entries in their order.

    `known` are hashes by sequence that were noted elsewhere: who can write the log could make it anew, but
    not so that these fit.
    """
    last = after
    for entry in entries:
        sequence = last.sequence + 1
        if entry.get("sequence") != sequence:
            return last, Break(sequence, "it is missing")
        if entry.get("previous") != last.hash:
            return last, Break(sequence, "it does not follow the one before it")
        if entry.get("hash") != hash_of(entry):
            return last, Break(sequence, "it was changed")
        last = Link(sequence, str(entry["hash"]))
        if known.get(sequence, last.hash) != last.hash:
            return last, Break(sequence, "it is not the one that was noted")
    return last, None
