"""What the routes of sync answer with."""

from datetime import datetime

from pydantic import BaseModel, Field

from andon.contracts import sync
from andon.contracts.sync import SyncStatus


class ChunkView(BaseModel):
    """Where the file stands; a worker goes on at `server_offset`."""

    outcome: sync.Outcome
    generation: int
    server_offset: int
    server_hash: str | None
    """sha256 of what is kept, where that is known."""
    xxh3: str | None
    complete: bool
    """False while blocks of a begun file are missing."""
    detail: str = ""


class BegunView(BaseModel):
    generation: int
    missing: list[int]
    """Numbers of the blocks to send, each at its number times `block_bytes`."""
    complete: bool


class PackView(BaseModel):
    stored: int
    refused: dict[str, str]
    """Why not, by path."""


class FileView(BaseModel):
    path: str
    generation: int
    size: int
    sha256: str | None
    xxh3: str | None
    last_synced_at: datetime
    writer: str | None


class ExperimentView(BaseModel):
    uid: str
    status: SyncStatus
    host: str | None
    files: int
    registered_at: datetime
    last_synced_at: datetime | None
    error: str | None
    code_version: str | None
    checkpoint: dict[str, str | float | int | bool | None]


class ExperimentsView(BaseModel):
    experiments: list[ExperimentView]
    next: str | None


class StateView(BaseModel):
    experiment: ExperimentView
    files: list[FileView]
    next: str | None
    """The path to go on after."""


class FinishedView(BaseModel):
    status: SyncStatus
    needs_resync: list[str]
    checking: list[str]
    """Still being read back: ask again for these."""


class WrittenView(BaseModel):
    """The answer that workers of clusters know."""

    success: bool
    message: str
    server_offset: int
    server_hash: str | None
    """XXH3-64 of the file, where it is known."""


class WireFileView(BaseModel):
    exists: bool
    size: int = 0
    mtime: float | None = None
    """Seconds since 1970: when its last bytes came."""
    hash: str | None = None
    """XXH3-64 of the file, where it is known."""
    sha256: str | None = None
    generation: int = 0


class CheckpointView(BaseModel):
    file_path: str
    offset: int
    hash: str | None
    last_synced_at: datetime


class WireStatusView(BaseModel):
    """What a worker asks for after an outage."""

    experiment_uid: str
    sync_status: SyncStatus
    worker_host_id: str | None
    last_synced_at: datetime | None
    error_message: str | None
    code_version: str | None
    checkpoint: dict[str, str | float | int | bool | None]
    files: dict[str, WireFileView]
    file_states: dict[str, CheckpointView]
    needs_resync: list[str] = Field(default_factory=list[str])
    """Of the files that were asked for, those there are none of."""


def chunk_view(stored: sync.ChunkStored) -> ChunkView:
    return ChunkView(
        outcome=stored.outcome,
        generation=stored.generation,
        server_offset=stored.size,
        server_hash=stored.sha256,
        xxh3=stored.xxh3,
        complete=stored.complete,
    )


def experiment_view(found: sync.Experiment) -> ExperimentView:
    return ExperimentView(**found.model_dump())


def state_view(found: sync.Status) -> StateView:
    return StateView(
        experiment=experiment_view(found.experiment),
        files=[FileView(**each.model_dump()) for each in found.files],
        next=found.next,
    )
