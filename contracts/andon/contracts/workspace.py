"""What people put together for jobs: experiments, and the archives of data and code that jobs begin with."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Query

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1, le=1000)]
Offset = Annotated[int, Field(ge=0, le=100_000)]


class ExperimentStatus(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"
    """Kept, and nobody goes on with it."""
    DELETED = "deleted"
    """In no list, unless asked for by this status."""


class Experiment(Message):
    """A container for jobs that belong together."""

    id: str
    name: str
    description: str = ""
    commit_id: str | None = None
    """The commit of its code, where its maker named one."""
    status: ExperimentStatus = ExperimentStatus.ACTIVE
    created_at: Time
    by: str
    """Id of the user or key."""


class CreateExperiment(Message):
    name: Annotated[str, StringConstraints(max_length=128)]
    """For people; need not be unique."""
    description: Annotated[str, StringConstraints(max_length=16_384)] = ""
    commit_id: Annotated[str, StringConstraints(max_length=128)] | None = None
    by: Label


class SettleExperiment(Message):
    """Archive or delete an experiment, or take it back. NotFound when there is none."""

    id: Annotated[str, StringConstraints(max_length=64)]
    status: ExperimentStatus


class ListExperiments(Message):
    """Newest first."""

    status: ExperimentStatus | None = None
    """None: all but the deleted ones."""
    limit: Count = 1000
    offset: Offset = 0


class Experiments(Message):
    experiments: tuple[Experiment, ...]


class ArchiveKind(StrEnum):
    DATASET = "dataset"
    SNAPSHOT = "snapshot"
    """Code, unpacked into the job's folder."""


class Archive(Message):
    """A file in the object store under a name; its object never changes."""

    kind: ArchiveKind
    name: Name
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """Object key, made of the digest."""
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    entry: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    """Of a snapshot: program and first arguments that run it."""
    created_at: Time
    by: str
    """Id of the user or key."""


class RegisterArchive(Message):
    """Give a stored object a name, from now on instead of what had that name."""

    kind: ArchiveKind
    name: Name
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    entry: Annotated[tuple[Label, ...], Field(max_length=64)] = ()
    by: Label


class FindArchives(Message):
    """Those of these names that there are."""

    kind: ArchiveKind
    names: Annotated[tuple[Name, ...], Field(min_length=1, max_length=256)]


class ListArchives(Message):
    """By name."""

    kind: ArchiveKind
    limit: Count = 100
    offset: Offset = 0


class Archives(Message):
    archives: tuple[Archive, ...]


class KeepSecret(Message):
    """What lets its owner into a notebook server; the job itself knows only the digest."""

    digest: Sha256
    """Of the secret."""
    secret: Annotated[str, StringConstraints(min_length=16, max_length=256)]
    owner: Label
    """Id of the user or key."""


class SecretKept(Message):
    digest: str


class FindSecrets(Message):
    """One's own alone."""

    owner: Label
    digests: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=1000)]


class Secrets(Message):
    secrets: dict[str, str]
    """By digest; others' are left out."""


class ForgetSecret(Message):
    digest: Sha256


_ASKERS = ("gateway", INTEGRATIONS)
_OWNER = ("queue",)

EXPERIMENT_CREATE = Query(
    "workspace.experiment.create.v1",
    CreateExperiment,
    "Begin an experiment.",
    _ASKERS,
    _OWNER,
    reply=Experiment,
)
EXPERIMENT_LIST = Query(
    "workspace.experiment.list.v1", ListExperiments, "Read experiments.", _ASKERS, _OWNER, reply=Experiments
)
EXPERIMENT_SETTLE = Query(
    "workspace.experiment.settle.v1",
    SettleExperiment,
    "Archive, delete or take back an experiment.",
    _ASKERS,
    _OWNER,
    reply=Experiment,
)
ARCHIVE_REGISTER = Query(
    "workspace.archive.register.v1",
    RegisterArchive,
    "Give a stored dataset or snapshot a name.",
    _ASKERS,
    _OWNER,
    reply=Archive,
)
ARCHIVE_FIND = Query(
    "workspace.archive.find.v1",
    FindArchives,
    "Find the bytes of datasets or snapshots by name.",
    _ASKERS,
    _OWNER,
    reply=Archives,
)
ARCHIVE_LIST = Query(
    "workspace.archive.list.v1",
    ListArchives,
    "Read which datasets or snapshots there are.",
    _ASKERS,
    _OWNER,
    reply=Archives,
)
SECRET_KEEP = Query(
    "workspace.secret.keep.v1",
    KeepSecret,
    "Keep a notebook server's token for its owner.",
    ("gateway",),
    _OWNER,
    reply=SecretKept,
)
SECRET_FIND = Query(
    "workspace.secret.find.v1",
    FindSecrets,
    "Read the tokens of one's own notebook servers.",
    ("gateway",),
    _OWNER,
    reply=Secrets,
)
SECRET_FORGET = Query(
    "workspace.secret.forget.v1",
    ForgetSecret,
    "Drop the token of a notebook server that is gone.",
    ("gateway",),
    _OWNER,
    reply=SecretKept,
)
