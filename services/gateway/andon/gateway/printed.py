"""Reads what a job printed out of the object store, where its worker keeps it in segments."""

from dataclasses import dataclass

from andon.contracts import NotFound
from andon.contracts.queue import LogRef
from andon.storage import Blobs


@dataclass(frozen=True)
class Printed:
    """A piece of a stream of output."""

    offset: int
    """Where it begins, in bytes; later than asked for where the middle of a long stream was left out."""
    data: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.data)


async def printed(blobs: Blobs, log: LogRef, offset: int, most: int) -> Printed:
    """At most `most` bytes from `offset` on, up to the next that were left out; empty at the end."""
    segments = [(start, key) for key in await blobs.list(log.key) if (start := _start_of(key)) is not None]
    found, began = bytearray(), offset
    for number, (start, key) in enumerate(segments):
        at = began + len(found)
        if number + 1 < len(segments) and segments[number + 1][0] <= at:
            continue
        if start > at and found:
            break
        try:
            data = await blobs.get(key)
        except NotFound:  # left out meanwhile
            continue
        if not found:
            began = at = max(at, start)
        found += data[at - start : at - start + most - len(found)]
        if len(found) == most:
            break
    return Printed(began, bytes(found))


def _start_of(key: str) -> int | None:
    """Segments are named by the offset that they begin at."""
    name = key.rpartition("/")[2]
    return int(name) if name.isdecimal() else None
