"""Experiments that have files, and their last sync."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts.sync._limits import PATHS, Path, Sha256, SyncStatus


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


class Register(Message):
    """Make an experiment known, or change what is known of it."""

    uid: Name
    host: Annotated[str, Field(max_length=256)] | None = None
    code_version: Annotated[str, Field(max_length=256)] | None = None


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
