"""Where the bytes of a file lie, and what happens to it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.sync._limits import Path


class Locate(Message):
    """Where a file's bytes lie in the object store, from an offset on."""

    uid: Name
    path: Path
    offset: Annotated[int, Field(ge=0)] = 0
    generation: int | None = None
    """Refuse when the file was replaced meanwhile."""
    tail: Annotated[int, Field(ge=1)] | None = None
    """So many bytes at the end, instead of an offset."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 256
    """Pieces at most."""


class Piece(Message):
    key: str
    at: int
    """Where in the object it begins."""
    length: int
    packed: bool = False
    """The object is one frame of zstd; `at` and `length` are of what that holds."""


class Located(Message):
    generation: int
    size: int
    offset: int
    """Where in the file the first piece begins."""
    pieces: tuple[Piece, ...]
    sha256: str | None = None
    last_synced_at: Time


class Change(StrEnum):
    GROWN = "grown"
    REPLACED = "replaced"
    """A new generation; the file before it is gone."""


class FileChanged(Message):
    """Bytes of a file are safe."""

    uid: str
    path: str
    change: Change
    generation: int
    offset: int
    """From where on it has changed."""
    size: int
    text: str | None = None
    """What was appended, where it is a little text."""
    at: Time
