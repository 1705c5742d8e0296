"""Bytes on their way, and how far they have come."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.sync._experiments import Experiment
from andon.contracts.sync._limits import (
    BLOCKS,
    CHUNK_BYTES,
    PATHS,
    RUN_BYTES,
    Encoding,
    Path,
    Quoted,
    Sha256,
    Writer,
    Xxh3,
)


class StoreChunk(Message):
    """A piece of a growing file, or blocks of a whole one that was begun; the bytes are the body."""

    uid: Name
    path: Quoted
    generation: Annotated[int, Field(ge=1)]
    """1 for a new file; for another one, what `begin` or the status told."""
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=0, le=RUN_BYTES)]
    """Bytes, unpacked."""
    hash: Xxh3
    """Of the bytes, unpacked."""
    encoding: Encoding = Encoding.IDENTITY
    writer: Writer
    register_uid: bool = True
    """Make the experiment known by this; else an unknown one is refused."""


class Outcome(StrEnum):
    STORED = "stored"
    REPEATED = "repeated"
    """The same bytes are there already; nothing was written."""
    REWIND = "rewind"
    """They don't go on where the file ends, or are other bytes than those that are kept."""


class ChunkStored(Message):
    """Where the file stands now."""

    outcome: Outcome
    generation: int
    """0 where there is no such file."""
    size: int
    """Bytes that are kept: the next chunk begins there."""
    sha256: str | None = None
    """Of all of them; None where it is not known without reading them back."""
    xxh3: str | None = None
    complete: bool = True
    """False while blocks of a begun file are missing; then `generation` is the begun one's."""


class BeginWhole(Message):
    """Replace a file, or start it anew: its blocks by hash. What is kept already need not be sent."""

    uid: Name
    path: Path
    writer: Writer
    size: Annotated[int, Field(ge=0)]
    block_bytes: Annotated[int, Field(ge=4096, le=CHUNK_BYTES)]
    """Every block has so many, but the last."""
    blocks: Annotated[tuple[Sha256, ...], Field(max_length=BLOCKS)]
    register_uid: bool = True


class WholeBegun(Message):
    generation: int
    missing: tuple[int, ...]
    """Numbers of blocks to send, in any order; the file is switched with the last of them."""
    complete: bool
    """Nothing is missing: the file is switched already."""


class StorePack(Message):
    """Small whole files in one body: four bytes with the index's length (big endian), the index as JSON
    (`[{"path", "length", "sha256"}]`), then their bytes."""

    uid: Name
    writer: Writer
    length: Annotated[int, Field(ge=4, le=CHUNK_BYTES)]
    hash: Xxh3
    encoding: Encoding = Encoding.IDENTITY


class PackStored(Message):
    stored: int
    """Files that are kept as they came."""
    refused: dict[str, str] = Field(default_factory=dict[str, str])
    """Why not, by path."""


class FileCheckpoint(Message):
    """How far a file is."""

    path: str
    generation: int
    size: int
    sha256: str | None = None
    """None where it is not known without reading the file back."""
    xxh3: str | None = None
    last_synced_at: Time
    writer: str | None = None
    """Who wrote last."""


class GetStatus(Message):
    """How far files are: those that are named, or page by page all of them."""

    uid: Name
    paths: Annotated[tuple[Path, ...], Field(max_length=PATHS)] | None = None
    hashes: bool = False
    """Read back what is not known; may take a while, and what is not ready then is None."""
    after: str = ""
    """The path that ended the page before."""
    limit: Annotated[int, Field(ge=1, le=PATHS)] = PATHS


class Status(Message):
    experiment: Experiment
    files: tuple[FileCheckpoint, ...]
    next: str | None = None
    """The path to go on after; None when this was all."""


class SaveCheckpoint(Message):
    """What a job reached; replaces the fields it names."""

    uid: Name
    checkpoint: Annotated[dict[str, str | float | int | bool | None], Field(max_length=100)]
