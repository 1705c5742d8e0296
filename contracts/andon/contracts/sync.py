"""Files of experiments that arrive whole, also while they grow: chunks, generations, checkpoints."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import Body, Event, Query

MEBIBYTE = 1 << 20
CHUNK_BYTES = 4 * MEBIBYTE
"""The most one chunk or pack of small files has on its way; also the most that a pack has unpacked."""
RUN_BYTES = 8 * MEBIBYTE
"""The most one chunk carries, unpacked."""
BLOCKS = 16_384
"""The most blocks one whole file may be cut into."""
PATHS = 1000
"""The most files one question may name."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Xxh3 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""XXH3-64 in hex: quick, and enough against accidents on the way; identity is sha256."""
Path = Annotated[str, Field(min_length=1, max_length=1024)]
"""Relative to the experiment, parts separated by `/`, Unicode in NFC."""
Quoted = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
"""A path as it stands in a URL: it travels as a header."""
Writer = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""Who writes; one at a time may write one file."""


class Encoding(StrEnum):
    IDENTITY = "identity"
    ZSTD = "zstd"


class SyncStatus(StrEnum):
    PENDING = "pending"
    """Known, and nothing has come yet."""
    SYNCING = "syncing"
    SYNCED = "synced"
    """At the last final sync, all was as the worker has it."""
    FAILED = "failed"
    """What was kept could not be read back; it will be tried again."""
    OUTDATED = "outdated"
    """The worker has more than came."""


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


class Experiment(Message):
    """An experiment's sync as a whole: the checkpoint that both sides keep."""

    uid: str
    status: SyncStatus
    host: str | None = None
    """The worker that syncs it."""
    files: int = 0
    """At the last final sync."""
    registered_at: Time
    last_synced_at: Time | None = None
    """When all was as the worker has it."""
    error: str | None = None
    code_version: str | None = None
    checkpoint: dict[str, str | float | int | bool | None] = Field(
        default_factory=dict[str, str | float | int | bool | None]
    )
    """What the job said it had reached, such as epoch and step."""


class Status(Message):
    experiment: Experiment
    files: tuple[FileCheckpoint, ...]
    next: str | None = None
    """The path to go on after; None when this was all."""


class Register(Message):
    """Make an experiment known, or change what is known of it."""

    uid: Name
    host: Annotated[str, Field(max_length=256)] | None = None
    code_version: Annotated[str, Field(max_length=256)] | None = None


class SaveCheckpoint(Message):
    """What a job reached; replaces the fields it names."""

    uid: Name
    checkpoint: Annotated[dict[str, str | float | int | bool | None], Field(max_length=100)]


class ListExperiments(Message):
    after: str = ""
    """The uid that ended the page before."""
    limit: Annotated[int, Field(ge=1, le=PATHS)] = 100
    status: SyncStatus | None = None


class Experiments(Message):
    experiments: tuple[Experiment, ...]
    next: str | None = None


class Local(Message):
    """A file as the worker has it."""

    path: Path
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Finish(Message):
    """Compare what the worker has with what is kept; its last page decides for the experiment."""

    uid: Name
    files: Annotated[tuple[Local, ...], Field(max_length=PATHS)]
    last: bool = True
    clean: bool = True
    """Every page before was; else the experiment is outdated, whatever this page has."""
    total: Annotated[int, Field(ge=0)] = 0
    """Files of all pages."""


class Finished(Message):
    status: SyncStatus
    needs_resync: tuple[str, ...] = ()
    checking: tuple[str, ...] = ()
    """Still being read back: ask again for these."""


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


STORE = Query(
    "sync.chunk.store.v1",
    StoreChunk,
    "Keep a piece of a file.",
    said_by=("gateway",),
    heard_by=("sync",),
    body=Body.BINARY,
    reply=ChunkStored,
)
PACK = Query(
    "sync.pack.store.v1",
    StorePack,
    "Keep many small files at once.",
    said_by=("gateway",),
    heard_by=("sync",),
    body=Body.BINARY,
    reply=PackStored,
)
BEGIN = Query(
    "sync.file.begin.v1",
    BeginWhole,
    "Replace a file; learn which of its blocks to send.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=WholeBegun,
)
STATUS = Query(
    "sync.status.get.v1",
    GetStatus,
    "Learn how far files are, for example after an outage.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Status,
)
LOCATE = Query(
    "sync.file.locate.v1",
    Locate,
    "Find the bytes of a file, also while it grows.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Located,
)
REGISTER = Query(
    "sync.experiment.register.v1",
    Register,
    "Make an experiment known.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiment,
)
LIST = Query(
    "sync.experiment.list.v1",
    ListExperiments,
    "Read which experiments are synced, and how far they are.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiments,
)
CHECKPOINT = Query(
    "sync.experiment.checkpoint.v1",
    SaveCheckpoint,
    "Note what a job has reached.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiment,
)
FINISH = Query(
    "sync.experiment.finish.v1",
    Finish,
    "Find out whether all that the worker has is kept.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Finished,
)
FILE_CHANGED = Event(
    "sync.file.changed.v1",
    FileChanged,
    "A file of an experiment has grown or was replaced.",
    said_by=("sync",),
    heard_by=("gateway",),
)
EXPERIMENT_CHANGED = Event(
    "sync.experiment.changed.v1",
    Experiment,
    "An experiment's sync has another status.",
    said_by=("sync",),
    heard_by=("gateway",),
)
