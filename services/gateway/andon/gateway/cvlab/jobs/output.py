"""What a job wrote to its terminal: what its worker synced, or an agent's segments in the object store."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from andon.contracts import Conflict, NotFound, sync
from andon.contracts.queue import Job, LogRef
from andon.gateway.context import Gateway
from andon.gateway.cvlab.jobs.views import uid_of
from andon.gateway.cvlab.sync import pieces

_SECONDS = 30.0
_PIECE = 1 << 20
_DIGITS = 20
"""An agent's segments are named by where they begin, in so many digits."""


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"


PATHS = {Stream.STDOUT: "experiment/terminal_log.log", Stream.STDERR: "experiment/terminal_err.log"}
"""As workers sync them."""


@dataclass(frozen=True)
class Place:
    """How far a stream was read."""

    offset: int = 0
    source: str = ""
    """Which file it is: another one is read from its beginning."""


class Part(NamedTuple):
    data: bytes
    """Empty when there is nothing more yet."""
    after: Place


async def more(here: Gateway, job: Job, stream: Stream, place: Place) -> Part:
    """What follows a place, a megabyte at most. Raises NotFound when nothing was ever written."""
    ref = job.logs.get(stream)
    return await (_synced(here, job, stream, place) if ref is None else _shipped(here, ref, place))


async def whole(here: Gateway, job: Job, stream: Stream) -> AsyncGenerator[bytes]:
    """All of a stream as it is now, piece by piece. Raises NotFound as `more`."""
    part = await more(here, job, stream, Place())
    while part.data:
        yield part.data
        part = await more(here, job, stream, part.after)


async def tail(here: Gateway, job: Job, stream: Stream, length: int) -> tuple[str, bool]:
    """The end of a stream in so many bytes at most, and whether there is more in front. Raises NotFound."""
    size = await _size(here, job, stream)
    start = max(0, size - length)
    part = await more(here, job, stream, Place(start))
    found = part.data
    while part.data and len(found) < length:
        part = await more(here, job, stream, part.after)
        found += part.data
    text = found[:length].decode(errors="replace")
    return (text.partition("\n")[2] or text if start else text), start > 0


async def _size(here: Gateway, job: Job, stream: Stream) -> int:
    if (ref := job.logs.get(stream)) is not None:
        return ref.size
    question = sync.Locate(uid=uid_of(job), path=PATHS[stream], limit=1)
    return (await here.bus.ask(sync.LOCATE, question, timeout=_SECONDS)).size


async def _synced(here: Gateway, job: Job, stream: Stream, place: Place) -> Part:
    question = sync.Locate(uid=uid_of(job), path=PATHS[stream], offset=place.offset, limit=1)
    generation = int(place.source or 0) or None
    try:
        found = await here.bus.ask(
            sync.LOCATE, question.model_copy(update={"generation": generation}), timeout=_SECONDS
        )
    except Conflict:  # it was replaced
        return await _synced(here, job, stream, Place())
    if not found.pieces:
        return Part(b"", Place(place.offset, str(found.generation)))
    data = b"".join([part async for part in pieces.read(here.blobs, found.pieces[0], _PIECE)])
    return Part(data, Place(found.offset + len(data), str(found.generation)))


async def _shipped(here: Gateway, ref: LogRef, place: Place) -> Part:
    offset = place.offset if place.source in ("", ref.key) else 0
    if offset >= ref.size:
        return Part(b"", Place(offset, ref.key))
    segments = sorted((_begin(key), key) for key in await here.blobs.list(ref.key) if _begin(key) >= 0)
    ends = [begin for begin, _ in segments[1:]] + [ref.size]
    for (begin, key), end in zip(segments, ends, strict=True):
        if end <= offset:
            continue
        missing = max(begin - offset, 0)
        gap = f"\n[... {missing} bytes left out ...]\n".encode() if missing else b""
        try:
            data = await here.blobs.get_range(key, max(offset - begin, 0), _PIECE)
        except NotFound:
            continue  # left out since it was listed
        if data:
            return Part(gap + data, Place(max(offset, begin) + len(data), ref.key))
    return Part(b"", Place(offset, ref.key))


def _begin(key: str) -> int:
    name = key.rpartition("/")[2]
    return int(name) if len(name) == _DIGITS and name.isdecimal() else -1
