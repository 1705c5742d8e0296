"""Runs: the results of a project, one by each name; a job of the same name overwrites them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from andon.contracts import Conflict, NotFound, queue
from andon.contracts.queue import EditJob, Job
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs import config
from andon.gateway.cvlab.jobs.bodies import NotesBody, TagsBody
from andon.gateway.cvlab.jobs.finding import SECONDS, each, found, listed
from andon.gateway.cvlab.jobs.history import shown
from andon.gateway.cvlab.jobs.metrics import summary_of, thinned
from andon.gateway.cvlab.jobs.output import Stream, tail
from andon.gateway.cvlab.jobs.results import Results, results_of, table_in, text_in
from andon.gateway.cvlab.jobs.run_views import (
    FileContentView,
    LogFilesView,
    MetricsView,
    NotesView,
    ProjectRunsView,
    ProjectTagsView,
    ProjectView,
    RunLineView,
    RunView,
    RunWithFilesView,
    TagsView,
)
from andon.gateway.cvlab.jobs.views import MessageView, run_of, uid_of
from andon.gateway.cvlab.jobs.words import config_path_of
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(tags=["helper runs"])

UNRECORDED = ("POST /projects/reindex", "POST /projects/reindex/{project}")
_ANNOTATED = "run"
"""Where a job's metadata has what people noted of its run."""
_LOOKED_BACK = 50
"""Jobs of the same run, newest first, among which its notes are looked for."""
_AT_ONCE = 16
_TRIES = 4
_SHOWN = 1 << 20

Project = Annotated[str, Path(min_length=1, max_length=128)]
RunName = Annotated[str, Path(min_length=1, max_length=128)]


@dataclass(frozen=True)
class Run:
    """The newest job of its name, and what people noted."""

    job: Job
    notes: str
    tags: Sequence[str]


@routes.get("/projects")
async def projects(
    _who: MayView, here: Here, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> Answer[list[ProjectView]]:
    """Projects with their runs, of the newest jobs."""
    jobs, _ = await listed(here, limit)
    by_project: dict[str, list[RunLineView]] = {}
    for run in _runs(jobs):
        by_project.setdefault(run.job.project, []).append(RunLineView(**_line(run.job)))
    view = [ProjectView(name=name, runs=runs) for name, runs in by_project.items()]
    return answered(view, "Projects retrieved successfully")


@routes.get("/projects/{project}/experiments")
async def project_runs(
    project: Project, _who: MayView, here: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Answer[ProjectRunsView]:
    """A project's runs with their configurations and results, of its newest jobs."""
    jobs, _ = await listed(here, limit, project=project)
    if not jobs:
        raise NotFound(f"There is no project {project!r}.")
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(run: Run) -> RunView:
        async with turn:
            return await _view(here, run, await results_of(here, run.job))

    views = await asyncio.gather(*(one(run) for run in _runs(jobs)))
    return answered(ProjectRunsView(project=project, experiment_count=len(views), experiments=list(views)))


@routes.post("/projects/reindex", responses=may(404))
@routes.post("/projects/reindex/{project}")
async def reindex(_who: MayConfigure, here: Here, project: str | None = None) -> Answer[MessageView]:
    """Runs are the queue's own jobs and their files: they can't lag, and nothing is done."""
    _, total = await listed(here, 1, project=project)
    if project is not None and not total:
        raise NotFound(f"There is no project {project!r}.")
    return answered(MessageView(message=f"The runs of {total} jobs are up to date"))


@routes.get("/runs/{project}/tags")
async def project_tags(project: Project, _who: MayView, here: Here) -> Answer[ProjectTagsView]:
    """Every tag of a project's runs."""
    jobs = [job async for job in each(here, project=project)]
    tags = sorted({tag for run in _runs(jobs) for tag in run.tags})
    return answered(ProjectTagsView(project=project, tags=tags))


@routes.get("/runs/{project}/{run_name}")
async def run(project: Project, run_name: RunName, _who: MayView, here: Here) -> Answer[RunWithFilesView]:
    """One run with its files."""
    found = await _run(here, project, run_name)
    results = await results_of(here, found.job)
    view = await _view(here, found, results)
    paths = [file.path for file in results.files]
    available = {
        "config_files": [path for path in paths if path.endswith((".yaml", ".yml"))],
        "log_files": [path for path in paths if path.endswith((".csv", ".log", ".txt", ".out"))],
    }
    return answered(RunWithFilesView(**view.model_dump(), available_files=available))


@routes.get("/runs/{project}/{run_name}/config")
async def run_config(
    project: Project, run_name: RunName, _who: MayView, here: Here
) -> Answer[FileContentView]:
    """The configuration that a run left with its results, else the one that was submitted."""
    job = (await _run(here, project, run_name)).job
    file = (await results_of(here, job)).config
    if file is None:
        text = await config.text_of(here, job)
        path, size, modified = config_path_of(uid_of(job)), len(text.encode()), job.created_at
    else:
        text = await text_in(here, job, file)
        path, size, modified = file.path, file.size, file.last_synced_at
    view = FileContentView(content=text, file_path=path, file_size=size, last_modified=modified.timestamp())
    return answered(view)


@routes.get("/runs/{project}/{run_name}/logs")
async def run_logs(project: Project, run_name: RunName, _who: MayView, here: Here) -> Answer[LogFilesView]:
    """The ends of what a run's job wrote to its terminal."""
    job = (await _run(here, project, run_name)).job
    parts: list[str] = []
    files: list[str] = []
    for stream, name in ((Stream.STDOUT, "terminal_log.log"), (Stream.STDERR, "terminal_err.log")):
        try:
            text, _ = await tail(here, job, stream, _SHOWN)
        except NotFound:
            continue
        parts.append(f"=== {name} ===\n{text}\n")
        files.append(name)
    content = "\n".join(parts) or "No log files found for this run."
    return answered(LogFilesView(content=content, files=files, total_files=len(files)))


@routes.get("/runs/{project}/{run_name}/metrics")
async def run_metrics(
    project: Project,
    run_name: RunName,
    _who: MayView,
    here: Here,
    downsample: Annotated[int | None, Query(ge=1, le=1_000_000, description="So many steps at most.")] = None,
) -> Answer[MetricsView]:
    """A run's table of results, step by step. 404 while there is none."""
    job = (await _run(here, project, run_name)).job
    results = await results_of(here, job)
    if results.table is None:
        raise NotFound(f"Run {project}/{run_name} has no table of results yet.")
    table = await table_in(here, job, results)
    data = list(thinned(table.rows, downsample))
    view = MetricsView(
        data=data, total_steps=len(table.rows), file_path=results.table.path, columns=list(table.columns)
    )
    return answered(view)


@routes.patch("/runs/{project}/{run_name}/notes", responses=may(409))
async def note(
    project: Project, run_name: RunName, body: NotesBody, who: MayConfigure, here: Here
) -> Answer[NotesView]:
    """Note something of a run; it stays when the run is done anew."""
    job = await _annotated(here, project, run_name, who.username, notes=body.notes)
    view = NotesView(project=project, run_name=run_name, notes=body.notes, last_updated=job.changed_at)
    return answered(view)


@routes.patch("/runs/{project}/{run_name}/tags", responses=may(409))
async def tag(
    project: Project, run_name: RunName, body: TagsBody, who: MayConfigure, here: Here
) -> Answer[TagsView]:
    """Give a run other tags; they stay when the run is done anew."""
    tags = list(dict.fromkeys(body.tags))
    job = await _annotated(here, project, run_name, who.username, tags=tags)
    view = TagsView(project=project, run_name=run_name, tags=tags, last_updated=job.changed_at)
    return answered(view)


async def _run(here: Gateway, project: str, run_name: str) -> Run:
    """Raises NotFound."""
    jobs, _ = await listed(here, _LOOKED_BACK, project=project, experiment=run_name, with_total=False)
    if not jobs:
        try:
            job = await found(here, run_name)
        except NotFound:
            job = None
        if job is None or job.project != project or run_of(job) != run_name:
            raise NotFound(f"There is no run {project}/{run_name}.")
        jobs = [job]
    return _runs(jobs)[0]


def _runs(jobs: Sequence[Job]) -> list[Run]:
    """Of jobs from the newest to the oldest, the newest of each run."""
    by_run: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        by_run.setdefault((job.project, run_of(job)), []).append(job)
    return [_of(same) for same in by_run.values()]


def _of(jobs: Sequence[Job]) -> Run:
    noted: dict[str, Any] = {}
    for job in jobs:
        told = job.metadata.get(_ANNOTATED)
        if isinstance(told, dict):
            noted = {**told, **noted}
    notes, tags = noted.get("notes", ""), noted.get("tags", jobs[0].tags)
    return Run(jobs[0], str(notes), [str(tag) for tag in tags] if isinstance(tags, list | tuple) else [])


async def _annotated(here: Gateway, project: str, run_name: str, by: str, **noted: Any) -> Job:
    """Raises Conflict when the job changes all the time."""
    for tries_left in reversed(range(_TRIES)):
        run = await _run(here, project, run_name)
        job = run.job
        told = {"notes": run.notes, "tags": list(run.tags), **noted}
        metadata = {**job.metadata, _ANNOTATED: told}
        wish = parsed(
            EditJob, id=job.id, metadata=metadata, tags=tuple(told["tags"]), version=job.version, by=by
        )
        try:
            return await here.bus.ask(queue.EDIT, wish, timeout=SECONDS)
        except Conflict:
            if not tries_left:
                raise
    raise AssertionError


def _line(job: Job) -> dict[str, Any]:
    return {
        "run_name": run_of(job),
        "experiment_uid": uid_of(job),
        "status": shown(job),
        "started_at": job.started_at,
        "finished_at": job.ended_at,
        "config_path": config_path_of(uid_of(job)),
    }


async def _view(here: Gateway, run: Run, results: Results) -> RunView:
    job = run.job
    summary = summary_of(await table_in(here, job, results))
    return RunView(
        **_line(job),
        project=job.project,
        last_updated=max([job.updated_at, *(file.last_synced_at for file in results.files)]),
        metrics_path=results.table.path if results.table else None,
        checkpoint_path=results.checkpoint.path if results.checkpoint else None,
        total_steps=summary.total_steps or job.step or 0,
        hyperparameters=job.parameters,
        final_metrics=summary.final or job.metrics,
        max_metrics=summary.max,
        min_metrics=summary.min,
        mean_metrics=summary.mean,
        median_metrics=summary.median,
        file_fingerprint=results.fingerprint,
        notes=run.notes,
        tags=list(run.tags),
        reproducibility=_code_of(job),
    )


def _code_of(job: Job) -> dict[str, Any]:
    told = job.metadata.get("code_version")
    return told if isinstance(told, dict) else {}
