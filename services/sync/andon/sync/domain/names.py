"""Which paths a file may have: relative, inside of its experiment, and spelled in one way alone."""

import hashlib
import unicodedata

from andon.contracts import Invalid

_PART_BYTES, _PATH_BYTES = 255, 1024
_GROWING = (".log", ".csv", ".tsv", ".jsonl", ".ndjson", ".out", ".err")


def grows(path: str) -> bool:
    """Whether by its ending it is a file that is appended to; all others are compared by blocks."""
    return path.lower().endswith(_GROWING)


def normal(path: str) -> str:
    """The one spelling of a path. Raises Invalid where it leaves its folder or no disk could hold it."""
    one = unicodedata.normalize("NFC", path)
    if why := _wrong(one):
        raise Invalid(f"path: {path[:200]!r} {why}", {"path": why})
    return one


def _wrong(path: str) -> str:  # noqa: PLR0911 - one reason each
    try:
        raw = path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    parts = path.split("/")
    if path.startswith("/") or (len(path) > 1 and path[1] == ":" and path[0].isalpha()):
        return "is absolute; it must be relative to the experiment"
    if "\\" in path:
        return "has a backslash; parts are separated by /"
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in path):
        return "has control characters"
    if ".." in parts or "." in parts:
        return "has . or .. as a part"
    if "" in parts:
        return "has an empty part"
    if len(raw) > _PATH_BYTES or any(len(part.encode()) > _PART_BYTES for part in parts):
        return f"is longer than {_PATH_BYTES} bytes, or a part of it than {_PART_BYTES}"
    return ""


def identity(uid: str, path: str) -> str:
    """What a file's document and its objects are named by: safe everywhere, however the path is spelled."""
    return hashlib.sha256(f"{uid}\0{path}".encode()).hexdigest()[:32]
