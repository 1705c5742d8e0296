"""Runs and projects as helpers see them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.gateway.cvlab.jobs.metrics import Cell
from andon.gateway.cvlab.jobs.words import HelperStatus


class RunLineView(BaseModel):
    run_name: str
    experiment_uid: str
    """Of its newest job."""
    status: HelperStatus
    started_at: datetime | None
    finished_at: datetime | None
    config_path: str


class ProjectView(BaseModel):
    name: str
    runs: list[RunLineView]
    """Newest first."""


class RunView(RunLineView):
    project: str
    last_updated: datetime
    metrics_path: str | None
    checkpoint_path: str | None
    total_steps: int
    hyperparameters: dict[str, Any]
    """What the configuration said."""
    final_metrics: dict[str, float]
    max_metrics: dict[str, float]
    min_metrics: dict[str, float]
    mean_metrics: dict[str, float]
    median_metrics: dict[str, float]
    file_fingerprint: str | None
    """`mtime_size` of the table of results."""
    notes: str
    tags: list[str]
    reproducibility: dict[str, Any]
    """The code that its worker ran."""


class RunWithFilesView(RunView):
    available_files: dict[str, list[str]]


class ProjectRunsView(BaseModel):
    project: str
    experiment_count: int
    experiments: list[RunView]


class FileContentView(BaseModel):
    content: str
    file_path: str
    file_size: int
    last_modified: float


class LogFilesView(BaseModel):
    content: str
    files: list[str]
    total_files: int


class MetricsView(BaseModel):
    data: list[dict[str, Cell]]
    """One row a step."""
    total_steps: int
    file_path: str
    columns: list[str]


class NotesView(BaseModel):
    project: str
    run_name: str
    notes: str
    last_updated: datetime


class TagsView(BaseModel):
    project: str
    run_name: str
    tags: list[str]
    last_updated: datetime


class ProjectTagsView(BaseModel):
    project: str
    tags: list[str]
