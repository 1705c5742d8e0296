"""What a job asks of a device, and what it runs there."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from andon.contracts._message import Label, Message, Name


def _relative(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or any(ord(c) < 32 for c in path):  # noqa: PLR2004 - the first printable character
        raise ValueError("a path inside the job's folder: relative, without .. and control characters")
    return path


RelativePath = Annotated[str, StringConstraints(min_length=1, max_length=512), AfterValidator(_relative)]
"""A path inside the job's own folder."""


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("an argument or a variable can't hold a NUL")
    return value


Argument = Annotated[str, StringConstraints(max_length=131_072), AfterValidator(_no_nul)]
Variable = Annotated[str, StringConstraints(max_length=256, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ComponentPath = Annotated[str, StringConstraints(min_length=3, max_length=512, pattern=r"^\w+/\w+(\.\w+)?$")]
"""category/name, with its ending where that is not .py."""
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_no_nul)]
Word = Annotated[str, StringConstraints(max_length=256)]


class Requirements(Message):
    """What a device must have free for a job. 0 asks for nothing."""

    cpu: Annotated[float, Field(ge=0, le=4096)] = 0
    """Cores."""
    memory_gb: Annotated[float, Field(ge=0, le=65536)] = 0
    """10^9 bytes, as all the _gb here."""
    gpu: Annotated[int, Field(ge=0, le=64)] = 0
    """Whole GPUs, for this job alone."""
    gpu_memory_gb: Annotated[float, Field(ge=0, le=4096)] = 0
    """Of each of these GPUs; above 0, at least one GPU is asked for."""
    disk_gb: Annotated[float, Field(ge=0, le=1_000_000)] = 0
    hours: Annotated[float, Field(ge=0, le=87600)] | None = None
    """How long its user thinks it takes; shown, not enforced."""
    device: Name | None = None
    """Only this device will do."""
    labels: tuple[Name, ...] = ()
    """The device must have all of these."""


class Input(Message):
    """Something to have in the job's folder before it starts."""

    name: Label
    source: Annotated[str, StringConstraints(max_length=2048)] = ""
    """An object key, or a URL the agent may fetch; empty: the dataset or snapshot of this name."""
    sha256: Sha256 | None = None
    """Checked before the job starts; a mismatch fails it without retry."""
    mount_path: RelativePath | None = None
    """Where it shall lie; by default inputs/<name>."""
    kind: Annotated[str, StringConstraints(max_length=32)] = "dataset"
    """dataset, snapshot or file."""


class Conflicts(StrEnum):
    """Who gives way where the job's folder has another version already, such as the snapshot's."""

    SERVER_AUTHORITATIVE = "server_authoritative"
    """The version that was asked for is written over it."""
    LOCAL_PRIORITY = "local_priority"
    """What is there stays, and the record says so."""
    INTERACTIVE = "interactive"
    """A person would be asked; a job has none, so it fails and names the files."""
    DRY_RUN = "dry_run"
    """Nothing is written; the record says what would have been."""


class Components(Message):
    """Exact versions from the component store, as agent/<name> and component/<category>/<name>."""

    manifest: Name | None = None
    """An experiment; all of its manifest, as it is when the job is prepared."""
    versions: Annotated[dict[ComponentPath, Sha256], Field(max_length=2000)] = Field(default_factory=dict)
    """Hash by path, such as model/resnet.py; before what the manifest says of the same path."""
    folder: RelativePath | None = None
    """Inside the job's folder; by default the folder itself."""
    conflicts: Conflicts = Conflicts.SERVER_AUTHORITATIVE


class SyncedFiles(Message):
    """What of the job's folder is sent to the server while it grows, and compared by hash at the end."""

    files: Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=64)] = ("*",)
    """Paths below `folder` by pattern, where * stands for any characters, slashes too."""
    folder: RelativePath | None = None
    """Inside the job's folder; by default the folder itself."""
    uid: Name | None = None
    """The experiment they belong to; by default the job's short name where it has one, else its id."""


class Environment(Message):
    """What a program meets on a machine. Two that are equal run the same code on the same packages."""

    python: Word = ""
    """Of the interpreter that the command names, else of the first on its PATH, such as CPython 3.11.9."""
    platform: Word = ""
    """System, processor architecture and C library, such as Linux x86_64 glibc2.39."""
    packages: Annotated[tuple[Word, ...], Field(max_length=5000)] = ()
    """What that interpreter has installed, as name==version, in order."""
    packages_sha256: Sha256 | None = None
    """Of these lines, each with its line end."""
    lock: Word = ""
    """The lock file that the job brought, such as uv.lock."""
    lock_sha256: Sha256 | None = None


class Expectation(Message):
    """What a job's machine should be like, since it was so when the job ran before."""

    environment: Environment
    strict: bool = True
    """Where it is not so the job fails without retry and says what differs; else the record says it."""


class Output(Message):
    """Something to keep from the job's folder after it ended."""

    name: Label
    path: RelativePath
    """A path or a glob."""
    required: bool = False
    """Without it a job that exits with 0 has failed."""


class Spec(Message):
    """What runs. Never through a shell: the command is the argument list as given."""

    command: Annotated[tuple[Argument, ...], Field(max_length=1024)] = ()
    """Program and arguments."""
    env: Annotated[dict[Variable, Argument], Field(max_length=512)] = Field(default_factory=dict)
    """Added to the agent's own few variables."""
    working_directory: RelativePath | None = None
    """Inside the job's folder; by default the folder itself."""
    files: Annotated[dict[RelativePath, str], Field(max_length=64)] = Field(default_factory=dict)
    """Small text files to write into the folder before it starts, such as config.yaml."""
    inputs: Annotated[tuple[Input, ...], Field(max_length=257)] = ()
    outputs: Annotated[tuple[Output, ...], Field(max_length=256)] = ()
    snapshot_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    """Code to check out into the folder."""
    components: Components | None = None
    """Written after the code and the inputs."""
    sync: SyncedFiles | None = None
    expects: Expectation | None = None
    image: Annotated[str, StringConstraints(max_length=512)] | None = None
    """What the user named as environment; shown, and left to the agent."""
    kill_after_seconds: Annotated[float, Field(ge=0, le=3600)] = 10
    """From SIGTERM to SIGKILL when it is stopped."""
