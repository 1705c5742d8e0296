"""The local side: which files there are, and their bytes; waits on no pipe and never leaves the folder."""

import fnmatch
import hashlib
import os
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import xxhash

from andon.contracts import Invalid
from andon.sync.client.ledger import FOLDER, Entry, Stamp
from andon.sync.domain.names import normal

_READ = 1 << 20
_TAIL = 64 * 1024
_RACY = 2_000_000_000
"""Nanoseconds: a file so fresh may change without its times telling."""
LINK, SPECIAL = "a symbolic link; links are not followed", "not a regular file"
"""What is passed over, and no failure."""
Report = Callable[[str, str], None]
"""Told a path and what is wrong with it."""


@dataclass(frozen=True)
class Found:
    """A file of the folder."""

    path: str
    """As the server spells it."""
    local: str
    """Relative, as this disk spells it."""
    stamp: Stamp


def scan(folder: Path, report: Report, below: str = "") -> Iterator[Found]:
    """Every regular file below; links are not followed, what can't be read or sent is reported."""
    waiting = [below]
    while waiting:
        place = waiting.pop()
        try:
            entries = sorted(os.scandir(folder / place), key=lambda entry: entry.name)
        except OSError as error:
            report(place or ".", error.strerror or str(error))
            continue
        for entry in entries:
            local = f"{place}/{entry.name}" if place else entry.name
            if entry.is_symlink():
                report(local, LINK)
            elif entry.is_dir(follow_symlinks=False):
                if local != FOLDER:
                    waiting.append(local)
            elif (found := look(folder, local, report)) is not None:
                yield found


def is_chosen(path: str, only: Sequence[str]) -> bool:
    """Whether it fits one of these patterns, where * stands for slashes too; without any, all do."""
    return not only or any(fnmatch.fnmatchcase(path, pattern) for pattern in only)


def batches(found: Iterator[Found], size: int) -> Iterator[list[Found]]:
    while batch := list(islice(found, size)):
        yield batch


def look(folder: Path, local: str, report: Report) -> Found | None:
    """One file, if it is one that can be sent."""
    if local == FOLDER or local.startswith(f"{FOLDER}/"):
        return None
    try:
        path = normal(local)
    except Invalid as error:
        report(printable(local), error.problem.fields.get("path", str(error)))
        return None
    try:
        status = os.lstat(folder / local)
    except FileNotFoundError:
        return None
    except OSError as error:
        report(local, error.strerror or str(error))
        return None
    if not stat.S_ISREG(status.st_mode):
        if not stat.S_ISDIR(status.st_mode):
            report(local, SPECIAL)
        return None
    return Found(path, local, stamp_of(status))


def alone(batch: list[Found], known: Mapping[str, Entry], root: Path, report: Report | None) -> list[Found]:
    """Without those whose name is another one's, spelled differently."""
    first: dict[str, str] = {}
    alone: list[Found] = []
    for found in batch:
        entry = known.get(found.path)
        other = entry.local if entry and (root / entry.local).exists() else found.local
        if first.setdefault(found.path, other) == found.local:
            alone.append(found)
        elif report:
            report(found.local, f"the same name as {other!r}, spelled differently")
    return alone


def opened(folder: Path, local: str) -> BinaryIO:
    """A file's bytes. Raises OSError; a link or a pipe that took its place is refused, not waited for."""
    handle = os.open(folder / local, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(handle, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise OSError("not a regular file any more")
    return file


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def stamp(file: BinaryIO) -> Stamp:
    return stamp_of(os.fstat(file.fileno()))


def is_settled(stamp: Stamp) -> bool:
    """Whether a change that is still to come would show in the file's times."""
    return time.time_ns() - stamp.ctime > _RACY


def read(file: BinaryIO, offset: int, length: int) -> bytes:
    """Up to `length` bytes; fewer at the end."""
    parts: list[bytes] = []
    while length > 0 and (part := os.pread(file.fileno(), length, offset)):
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def tail(file: BinaryIO, size: int) -> str:
    """XXH3-64 of the last bytes of a file's first `size`."""
    start = max(0, size - _TAIL)
    return tail_of(read(file, start, size - start))


def tail_of(data: bytes) -> str:
    """The same of bytes that are at hand."""
    return xxhash.xxh3_64_hexdigest(data[-_TAIL:])


def sha256(file: BinaryIO, size: int) -> str:
    """Of the first `size` bytes."""
    running, offset = hashlib.sha256(), 0
    while offset < size and (part := os.pread(file.fileno(), min(_READ, size - offset), offset)):
        running.update(part)
        offset += len(part)
    return running.hexdigest()


def block_hashes(file: BinaryIO, size: int, block: int) -> list[str]:
    """The sha256 of each block of the first `size` bytes."""
    return [
        hashlib.sha256(read(file, offset, min(block, size - offset))).hexdigest()
        for offset in range(0, size, block)
    ]


def printable(name: str) -> str:
    """A name for people, whatever bytes it is made of."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))
