"""Batch jobs: a folder or an archive of images judged one after the other."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.inspection import Decision


class JobState(StrEnum):
    PENDING = "pending"
    """Created; or started and waiting for its turn, then `queued_at` is set."""
    RUNNING = "running"
    COMPLETED = "completed"
    """Every file was looked at; some may have failed."""
    FAILED = "failed"
    """It could not go on; `error_message` says why."""
    CANCELLED = "cancelled"


JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Archive(Message):
    """An uploaded zip or tar file."""

    key: str
    """In the object store."""
    name: str
    """What its sender calls it."""
    size: int
    """Bytes."""


class BatchJob(Message):
    """A batch job and how far it is."""

    id: JobId
    name: str
    station_id: Name
    status: JobState = JobState.PENDING
    input_directory: str | None = None
    """None where the files came in an archive."""
    archive: Archive | None = None
    file_pattern: str
    recursive: bool = False
    total_files: int = 0
    processed_files: int = 0
    """Judged or failed."""
    failed_files: int = 0
    """Could not be judged."""
    passed: int = 0
    failed: int = 0
    """Judged as fail."""
    uncertain: int = 0
    progress_percent: float = 0
    """0 to 100."""
    error_message: str | None = None
    created_at: Time
    created_by: str = "andon"
    queued_at: Time | None = None
    started_at: Time | None = None
    completed_at: Time | None = None
    """When it ended, however it did."""


class CreateJob(Message):
    """Describe a job; nothing is judged before it is started. The files are a folder's or an archive's."""

    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
    input_dir: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """On the inspection service's machine, under one of its `batch.roots`."""
    archive: Archive | None = None
    file_pattern: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """For the file's name alone; without one, *.jpg of a folder and every image of an archive."""
    recursive: bool = False
    """Files of folders below as well."""
    station_id: Name = "default"
    by: str = "andon"


class GetJob(Message):
    id: str


class ListJobs(Message):
    status: JobState | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class Jobs(Message):
    """Newest first."""

    total: int
    items: tuple[BatchJob, ...]


class StartJob(Message):
    id: str
    by: str = "andon"


class CancelJob(Message):
    id: str
    by: str = "andon"


class DeleteJob(Message):
    """Its results go; the inspections stay."""

    id: str
    by: str = "andon"


class DeletedJob(Message):
    id: str


class FileState(StrEnum):
    WAITING = "waiting"
    JUDGED = "judged"
    FAILED = "failed"


class FileResult(Message):
    """What became of one file."""

    index: int
    """Its place in the job, from 0."""
    name: str
    """Its path inside the folder or archive."""
    status: FileState = FileState.WAITING
    inspection_id: str | None = None
    decision: Decision | None = None
    confidence: float | None = None
    objects_found: int | None = None
    error: str | None = None


class ListResults(Message):
    id: str
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class Results(Message):
    """In the order of the files."""

    total: int
    items: tuple[FileResult, ...]


PROGRESSED = Event(
    "batch.job.progressed.v1",
    BatchJob,
    "A batch job got on, began or ended; said at most a few times a second.",
    said_by=("inspection",),
    heard_by=("gateway",),
)
CREATE = Query(
    "batch.job.create.v1",
    CreateJob,
    "Describe a batch job over a folder or an archive.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=BatchJob,
)
GET = Query(
    "batch.job.get.v1",
    GetJob,
    "Read how far a batch job is.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=BatchJob,
)
LIST = Query(
    "batch.job.list.v1",
    ListJobs,
    "Read batch jobs.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Jobs,
)
START = Query(
    "batch.job.start.v1",
    StartJob,
    "Let a batch job begin as soon as it is its turn.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=BatchJob,
)
CANCEL = Query(
    "batch.job.cancel.v1",
    CancelJob,
    "Stop a batch job; what was judged stays.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=BatchJob,
)
DELETE = Query(
    "batch.job.delete.v1",
    DeleteJob,
    "Remove a batch job that is not running.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=DeletedJob,
)
RESULTS = Query(
    "batch.result.list.v1",
    ListResults,
    "Read what became of a batch job's files.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Results,
)
