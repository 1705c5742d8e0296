"""How batch jobs look to clients of the inspection API."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel

from andon.contracts import batch
from andon.contracts.batch import FileResult, FileState, JobState
from andon.contracts.inspection import Decision

COLUMNS = ("name", "status", "inspection_id", "decision", "confidence", "objects_found", "error")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class JobView(BaseModel):
    id: str
    name: str
    status: JobState
    station_id: str
    input_dir: str | None
    """null where the files came in an archive."""
    input_directory: str | None
    """The same."""
    archive: str | None
    """The uploaded archive's name."""
    file_pattern: str
    recursive: bool
    total_files: int
    processed_files: int
    """Judged or failed."""
    failed_files: int
    """Could not be judged."""
    passed: int
    failed: int
    """Judged as fail."""
    uncertain: int
    progress_percent: float
    """0 to 100."""
    error_message: str | None
    created_at: datetime
    created_by: str
    queued_at: datetime | None
    """When it was started; it is pending until its turn comes."""
    started_at: datetime | None
    completed_at: datetime | None


class JobsView(BaseModel):
    total: int
    limit: int
    offset: int
    jobs: list[JobView]


class ResultView(BaseModel):
    name: str
    status: FileState
    inspection_id: str | None
    decision: Decision | None
    confidence: float | None
    objects_found: int | None
    error: str | None


class ResultsView(BaseModel):
    """In the order of the files."""

    total: int
    limit: int
    offset: int
    items: list[ResultView]


def job_view(job: batch.BatchJob) -> JobView:
    values = job.model_dump(include=set(JobView.model_fields) - {"archive"})
    name = job.archive.name if job.archive else None
    return JobView(**values, input_dir=job.input_directory, archive=name)


def result_view(result: FileResult) -> ResultView:
    return ResultView(**result.model_dump(include=set(ResultView.model_fields)))


def csv_lines(results: Iterable[FileResult]) -> str:
    """One line each, without the heading; text that a spreadsheet would take for a formula is quoted."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    for result in results:
        values = result.model_dump(mode="json", include=set(COLUMNS))
        writer.writerow([_plain(values[column]) for column in COLUMNS])
    return lines.getvalue()


def _plain(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
