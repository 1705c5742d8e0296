"""What was run: every experiment with its files, how it ended, and what its worker was."""

from datetime import datetime
from typing import Annotated, Any

import xxhash
from fastapi import APIRouter, Query
from pydantic import BaseModel

from andon.contracts import NotFound, Unavailable, queue, sync
from andon.contracts.queue import Job, JobHistory, JobStatus
from andon.contracts.sync import SyncStatus
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs import config, output
from andon.gateway.cvlab.jobs.finding import SECONDS, each, history_of, listed
from andon.gateway.cvlab.jobs.views import MessageView, device_of, uid_of
from andon.gateway.cvlab.jobs.words import (
    FILTERS,
    HelperPriority,
    HelperStatus,
    config_path_of,
    error_log_path_of,
    history_status_of,
    log_path_of,
    outcome_of,
    priority_of,
)
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/queue", tags=["helper queue"])

UNRECORDED = tuple(f"POST /queue/{path}" for path in ("reindex", "experiments/reindex"))
_SCANNED = 20_000
"""Failed jobs at most that are looked at to tell the crashed ones among them."""


class ExperimentView(BaseModel):
    """A row of the history."""

    experiment_uid: str
    name: str
    project: str
    status: HelperStatus
    """`crashed`: failed since its worker lost it."""
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    config_path: str
    log_path: str
    error_log_path: str
    assigned_device: str | None
    priority: HelperPriority
    pid: int | None
    exit_code: int | None
    error_message: str | None
    server_origin: str
    """`remote-` and the host of its worker; `local` while it has none."""
    last_indexed: datetime
    """When anything of it was heard last."""
    metadata: dict[str, Any]
    """With `has_config`."""


class AttemptView(BaseModel):
    number: int
    device: str | None
    status: HelperStatus
    """What this try came to."""
    pid: int | None
    assigned_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    exit_code: int | None
    reason: str
    message: str


class ChangeView(BaseModel):
    at: datetime
    status: HelperStatus
    by: str
    reason: str
    message: str
    attempt: int


class WholeExperimentView(ExperimentView):
    """With what is known of its files."""

    config_hash: str | None
    """XXH3-64, where it is known, as the next two."""
    log_hash: str | None
    error_log_hash: str | None
    sync_status: SyncStatus | None
    """None while its worker has sent nothing."""
    last_sync_at: datetime | None
    remote_mtime: int | None
    """Seconds since 1970 of the last byte that came."""
    recovery_checkpoint: dict[str, Any] | None
    meta: dict[str, Any]
    attempts: list[AttemptView]
    history: list[ChangeView]
    """Oldest first."""


class ExperimentListView(BaseModel):
    experiments: list[ExperimentView]
    """Newest first."""
    total: int
    limit: int
    offset: int


class IndexedView(MessageView):
    indexed: int


class MonitorView(BaseModel):
    is_running: bool
    """False: what happens does not reach this gateway."""
    queue_logs_dir: str
    observer_alive: bool
    place: int
    """Of the last event of jobs, devices and files that came, in the event log."""


@routes.get("")
async def root(_who: MayView) -> Answer[dict[str, Any]]:
    """What there is."""
    paths = ("list", "stats", "submit", "add", "job/{job_id}", "experiments")
    endpoints = {path.partition("/")[0]: f"/queue/{path}" for path in paths}
    return answered({"message": "Queue API", "endpoints": endpoints})


@routes.get("/experiments")
async def experiments(
    _who: MayView,
    here: Here,
    status: HelperStatus | None = None,
    project: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Answer[ExperimentListView]:
    """The history of everything that was submitted here, newest first."""
    if status is HelperStatus.FAILED or status is HelperStatus.CRASHED:
        jobs, total = await _failed(here, status, project, limit, offset)
    elif status is not None and not FILTERS[status]:
        jobs, total = [], 0
    else:
        statuses = FILTERS[status] if status else ()
        jobs, total = await listed(here, limit, offset, status=statuses, project=project)
    rows = [ExperimentView(**_facts(job)) for job in jobs]
    view = ExperimentListView(experiments=rows, total=total, limit=limit, offset=offset)
    return answered(view, "Queue experiments retrieved successfully")


@routes.get("/experiments/{experiment_uid}")
async def experiment(experiment_uid: str, _who: MayView, here: Here) -> Answer[WholeExperimentView]:
    """One experiment: its files, its tries, and every change of it."""
    history = await history_of(here, experiment_uid)
    return answered(await _whole(here, history))


@routes.post("/reindex")
@routes.post("/experiments/reindex")
async def reindex(_who: MayConfigure, here: Here) -> Answer[IndexedView]:
    """How many experiments there are. The history is the queue itself: it can't lag, and nothing is done."""
    _, total = await listed(here, 1)
    return answered(IndexedView(message="The history is up to date", indexed=total))


@routes.get("/monitor/status")
async def monitor(_who: MayView, here: Here) -> Answer[MonitorView]:
    """Whether news of jobs and their files reach those who listen."""
    try:
        await here.bus.ping()
    except Unavailable:
        alive = False
    else:
        alive = True
    place = await here.helper.place()
    return answered(
        MonitorView(is_running=alive, observer_alive=alive, queue_logs_dir="queue_logs", place=place)
    )


def shown(job: Job) -> HelperStatus:
    """A job's status in histories."""
    return history_status_of(job.status, job.status_reason, failed=bool(job.error))


async def _failed(
    here: Gateway, status: HelperStatus, project: str | None, limit: int, offset: int
) -> tuple[list[Job], int]:
    """The queue knows no crash: which of its failed jobs is one, their reason tells."""
    fitting: list[Job] = []
    total = seen = 0
    async for job in each(here, status=(JobStatus.FAILED,), project=project):
        seen += 1
        if shown(job) is status:
            total += 1
            if offset < total <= offset + limit:
                fitting.append(job)
        if seen == _SCANNED:
            break
    return fitting, total


async def _whole(here: Gateway, history: JobHistory) -> WholeExperimentView:
    job = history.job
    paths = tuple(output.PATHS.values())
    try:
        question = sync.GetStatus(uid=uid_of(job), paths=paths)
        told = await here.bus.ask(sync.STATUS, question, timeout=SECONDS)
        state, files = told.experiment, {file.path: file for file in told.files}
    except NotFound:
        state, files = None, {}
    hashes = [files[path].xxh3 if path in files else None for path in paths]
    last = max((file.last_synced_at for file in files.values()), default=None)
    facts = _facts(job)
    return WholeExperimentView(
        **facts,
        config_hash=await _config_hash(here, job),
        log_hash=hashes[0],
        error_log_hash=hashes[1],
        sync_status=state.status if state else None,
        last_sync_at=(state.last_synced_at or last) if state else None,
        remote_mtime=int(last.timestamp()) if last else None,
        recovery_checkpoint=(state.checkpoint or None) if state else None,
        meta=facts["metadata"],
        attempts=[_attempt_view(each) for each in history.attempts],
        history=[_change_view(each) for each in history.entries],
    )


async def _config_hash(here: Gateway, job: Job) -> str | None:
    try:
        return xxhash.xxh3_64_hexdigest((await config.text_of(here, job)).encode())
    except NotFound:
        return None


def _facts(job: Job) -> dict[str, Any]:
    uid = uid_of(job)
    return {
        **job.model_dump(include={"name", "project", "created_at", "started_at", "pid", "exit_code"}),
        "experiment_uid": uid,
        "status": shown(job),
        "completed_at": job.ended_at,
        "config_path": config_path_of(uid),
        "log_path": log_path_of(uid),
        "error_log_path": error_log_path_of(uid),
        "assigned_device": device_of(job),
        "priority": priority_of(job.priority),
        "error_message": job.error or None,
        "server_origin": f"remote-{job.device}" if job.device else "local",
        "last_indexed": job.updated_at,
        "metadata": {**job.metadata, "has_config": any(each.kind == "file" for each in job.spec.inputs)},
    }


def _attempt_view(tried: queue.Attempt) -> AttemptView:
    return AttemptView(
        **tried.model_dump(
            include={"number", "device", "pid", "started_at", "exit_code", "reason", "message"}
        ),
        status=outcome_of(tried.outcome),
        assigned_at=tried.leased_at,
        completed_at=tried.ended_at,
    )


def _change_view(entry: queue.HistoryEntry) -> ChangeView:
    status = history_status_of(entry.status, entry.reason, failed=entry.status is JobStatus.FAILED)
    return ChangeView(**entry.model_dump(exclude={"status", "version", "previous"}), status=status)
