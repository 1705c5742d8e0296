"""A file as it is kept, and what a chunk or a new beginning does to it. Nothing here reads or writes."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.contracts import Conflict, Invalid
from andon.contracts.sync import BeginWhole
from andon.sync.domain import blocks

LEASE = timedelta(seconds=20)
"""How long after its last write a writer has the file to itself."""


@dataclass(frozen=True)
class Segment:
    """A run of a file's bytes inside an immutable object."""

    offset: int
    length: int
    key: str
    at: int
    """Where in the object it begins."""
    sha256: str
    """Of the run's bytes; nothing where it is not known without reading them."""
    packed: bool = False
    """The object is one frame of zstd; `at` and `length` are of what that holds."""

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True)
class Draft:
    """A whole file on its way; readers see the generation before it until it is complete."""

    generation: int
    size: int
    block_bytes: int
    hashes: tuple[str, ...]
    """Of all blocks."""
    placed: tuple[Segment | None, ...]
    """By number; None is missing."""
    writer: str

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(number for number, segment in enumerate(self.placed) if segment is None)


@dataclass(frozen=True)
class File:
    """One file of an experiment."""

    uid: str
    path: str
    generation: int
    """0 until there is something to read."""
    size: int
    segments: tuple[Segment, ...]
    """Without gaps, in order."""
    writer: str
    written_at: datetime
    version: int = 0
    whole: int = 0
    """Up to here it came as blocks, which stay as they are: the next whole file is compared with them."""
    hashed: int = -1
    """How many bytes the two hashes are of."""
    sha256: str | None = None
    xxh3: str | None = None
    draft: Draft | None = None
    garbage: tuple[str, ...] = ()
    """Objects that nobody needs any more."""

    def between(self, offset: int, length: int) -> list[Segment]:
        """The segments, cut to the range, that hold these bytes."""
        end = min(offset + length, self.size)
        first = bisect_right(self.segments, offset, key=lambda segment: segment.end)
        found: list[Segment] = []
        for segment in self.segments[first:]:
            if segment.offset >= end:
                break
            start, stop = max(offset, segment.offset), min(end, segment.end)
            inner = segment.at + start - segment.offset
            found.append(replace(segment, offset=start, length=stop - start, at=inner))
        return found


def guard(file: File | None, writer: str, now: datetime) -> None:
    """Raises Conflict while somebody else writes the file."""
    if file is None or file.writer == writer or now - file.written_at > LEASE:
        return
    seconds = (file.written_at + LEASE - now).total_seconds()
    raise Conflict(
        f"writer: {file.path} is being written by {file.writer}; another one may take over"
        f" {LEASE.total_seconds():g} s after its last write ({seconds:.0f} s from now)",
        {"writer": "another one writes this file"},
    )


def appended(file: File, segment: Segment, writer: str, now: datetime) -> File:
    """The file with a segment more."""
    return replace(
        file,
        generation=max(file.generation, 1),
        size=file.size + segment.length,
        segments=(*file.segments, segment) if segment.length else file.segments,
        writer=writer,
        written_at=now,
    )


def begun(file: File, wish: BeginWhole, now: datetime) -> File:
    """The file with a draft in which everything that is kept already has its place.

    The same beginning again goes on with what has come since the first. Raises Invalid.
    """
    if len(wish.blocks) != (count := blocks.count(wish.size, wish.block_bytes)):
        why = f"{wish.size} bytes make {count} blocks, not {len(wish.blocks)}"
        raise Invalid(f"blocks: {why}", {"blocks": why})
    kept = {(each.sha256, each.length): each for each in file.segments}
    if file.draft:
        kept |= {(each.sha256, each.length): each for each in file.draft.placed if each}
    placed: list[Segment | None] = []
    for number, digest in enumerate(wish.blocks):
        offset, length = blocks.extent(number, wish.size, wish.block_bytes)
        found = kept.get((digest, length))
        placed.append(replace(found, offset=offset) if found else None)
    if file.generation and not file.draft and tuple(placed) == file.segments:
        return file  # it is what is kept already
    same = file.draft and (file.draft.size, file.draft.hashes) == (wish.size, wish.blocks)
    generation = file.draft.generation if file.draft and same else _next(file)
    draft = Draft(generation, wish.size, wish.block_bytes, wish.blocks, tuple(placed), wish.writer)
    return switched(replace(file, draft=draft, writer=wish.writer, written_at=now))


def placed(file: File, draft: Draft, segments: list[Segment], now: datetime) -> File:
    """The file with blocks of its draft in their places; switched with the last one."""
    where = list(draft.placed)
    for segment in segments:
        where[segment.offset // draft.block_bytes] = segment
    fuller = replace(draft, placed=tuple(where))
    return switched(replace(file, draft=fuller, writer=draft.writer, written_at=now))


def switched(file: File) -> File:
    """The draft as the file, if nothing of it is missing."""
    draft = file.draft
    if draft is None or draft.missing:
        return file
    segments = tuple(segment for segment in draft.placed if segment)
    needed = {segment.key for segment in segments}
    gone = {segment.key for segment in file.segments} - needed
    return replace(
        file,
        generation=draft.generation,
        size=draft.size,
        segments=segments,
        whole=draft.size,
        draft=None,
        hashed=-1,
        sha256=None,
        xxh3=None,
        garbage=(*file.garbage, *sorted(gone - set(file.garbage))),
    )


def _next(file: File) -> int:
    return max(file.generation, file.draft.generation if file.draft else 0) + 1


_RUN = 16
"""So many small neighbours become one."""
_TIERS = (64 * 1024, 1 << 20, 4 << 20)


def to_merge(file: File) -> list[Segment]:
    """Neighbours that should be one object; nothing when the file is in good shape."""
    for tier in _TIERS:
        run: list[Segment] = []
        for segment in file.segments:
            if segment.offset < file.whole:
                continue
            total = sum(each.length for each in run) + segment.length if run else segment.length
            if segment.length >= tier or total > _TIERS[-1]:
                if len(run) >= _RUN:
                    return run
                run = [segment] if segment.length < tier else []
            else:
                run.append(segment)
        if len(run) >= _RUN:
            return run
    return []


def merged(file: File, run: list[Segment], one: Segment) -> File | None:
    """The file with one segment for a run of them; None when the run is not in it any more."""
    if not run or run[0] not in file.segments:
        return None
    first = file.segments.index(run[0])
    if list(file.segments[first : first + len(run)]) != run:
        return None
    segments = (*file.segments[:first], one, *file.segments[first + len(run) :])
    gone = {segment.key for segment in run}
    return replace(file, segments=segments, garbage=(*file.garbage, *sorted(gone - set(file.garbage))))


def unneeded(file: File) -> tuple[str, ...]:
    """Garbage that neither the file nor its draft refers to."""
    needed = {segment.key for segment in file.segments}
    if file.draft:
        needed |= {segment.key for segment in file.draft.placed if segment}
    return tuple(key for key in file.garbage if key not in needed)
