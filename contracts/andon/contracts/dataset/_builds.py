"""Putting a version together."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.dataset._samples import Format, VersionId


class Fractions(Message):
    """Shares of the groups, 0 to 1; together 1."""

    train: Annotated[float, Field(ge=0, le=1)] = 0.7
    val: Annotated[float, Field(ge=0, le=1)] = 0.15
    test: Annotated[float, Field(ge=0, le=1)] = 0.15


class ImportedArchive(Message):
    """A zip in the object store."""

    key: str
    name: Label
    """As the sender calls it."""
    size: Annotated[int, Field(gt=0)]
    format: Format


class StartBuild(Message):
    """Put a version together from what is named."""

    build_id: Annotated[str, Field(pattern="^build-[0-9a-f]{12}$")] | None = None
    """Made by the asker, so that asking again is harmless."""
    dataset: Name
    base: VersionId | None = None
    """Begin with the samples of this version, in the splits they are in."""
    annotations: bool = False
    """What people said, with the stations and the time below."""
    taught: bool = False
    """The good examples of the stations below."""
    stations: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """Empty means all; named for `taught`."""
    since: Time | None = None
    """Captured then or later."""
    until: Time | None = None
    """Captured before then."""
    archive: ImportedArchive | None = None
    station_id: Name | None = None
    """Of the archive's images."""
    fractions: Fractions = Fractions()
    description: Annotated[str, Field(max_length=2000)] = ""
    by: Label


class BuildState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Build(Message):
    """How far a build is."""

    id: str
    dataset: str
    state: BuildState
    message: str = ""
    samples: int = 0
    """Gathered so far."""
    version_id: str | None = None
    created_at: Time
    ended_at: Time | None = None
    by: str


class RunBuild(Message):
    """A build whose turn it is."""

    id: str
    wanted: StartBuild


class GetBuild(Message):
    id: str
