"""What people have run: submitted with a configuration, listed, counted, read."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from andon.contracts import BadRequest, NotFound, component, queue
from andon.contracts.queue import Job, NewJob, Requirements, Spec
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs import config
from andon.gateway.cvlab.jobs.bodies import AddBody, SubmitBody, WishBody
from andon.gateway.cvlab.jobs.finding import SECONDS, found, listed
from andon.gateway.cvlab.jobs.views import (
    ContentView,
    JobListView,
    OneJobView,
    StatsView,
    job_view,
    stats_view,
)
from andon.gateway.cvlab.jobs.words import (
    COMMAND,
    DEFAULT_PROJECT,
    FILTERS,
    KIND,
    LABEL,
    QUEUE,
    HelperStatus,
    named_priority,
    our_priority,
)
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.security import Principal

routes = APIRouter(tags=["helper queue"])

_OF_A_JOB = re.compile(r"(?:.*/)?queue_logs/([^/]+)/config\.yaml", re.DOTALL)
_OF_THE_STORE = re.compile(r"[a-z]+/\w+\.ya?ml")
_YAML: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/yaml": {"schema": {"type": "string"}}}, "description": "The YAML text."}
}


@routes.get("/queue/list")
async def jobs(
    _who: MayView,
    here: Here,
    status: HelperStatus | None = None,
    project: Annotated[str | None, Query(min_length=1, max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> JobListView:
    """Jobs that were submitted here, newest first."""
    if status is not None and not FILTERS[status]:
        return JobListView(jobs=[], total=0)
    statuses = FILTERS[status] if status else ()
    page, total = await listed(here, limit, offset, status=statuses, project=project)
    return JobListView(jobs=[job_view(job) for job in page], total=total)


@routes.get("/queue/stats")
async def stats(_who: MayView, here: Here) -> Answer[StatsView]:
    """How much waits, runs and is done, on what, and how long it takes."""
    found = await here.bus.ask(queue.STATISTICS, queue.GetStatistics(queue=QUEUE), timeout=SECONDS)
    return answered(stats_view(found))


@routes.post("/queue/submit", responses=may(404, 422))
async def submit(body: SubmitBody, who: MayConfigure, here: Here) -> OneJobView:
    """Have an experiment run. 400 when there is no such configuration: the server reads no files of its
    own, but takes that of an earlier job, of the component store, or the text itself."""
    text = body.config if body.config is not None else await _text_at(here, body.config_path)
    wish = {
        "name": body.name,
        "project": body.project,
        "priority": our_priority(body.priority),
        "tags": tuple(body.tags),
        "metadata": {**body.metadata, "submitted_config_path": body.config_path},
        "env": body.environment_vars,
    }
    asked = body.requirements.requirements() if body.requirements else Requirements()
    return OneJobView(job=job_view(await _submitted(here, who, body, await config.read(text), asked, wish)))


@routes.post("/queue/add", responses=may(404, 422))
async def add(body: AddBody, who: MayConfigure, here: Here) -> OneJobView:
    """Have an experiment run whose configuration is sent along."""
    read = await config.read(body.config)
    wish = {
        "name": body.name or read.name("run_name") or f"job_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}",
        "project": body.project or _project_in(read),
        "priority": our_priority(named_priority(body.priority)),
        "metadata": {"device_preference": body.device},
    }
    asked = body.requirements.requirements() if body.requirements else Requirements()
    return OneJobView(job=job_view(await _submitted(here, who, body, read, _on(asked, body.device), wish)))


@routes.get("/queue/experiment/{experiment_uid}")
async def job(experiment_uid: str, _who: MayView, here: Here) -> OneJobView:
    """How a job is doing."""
    return OneJobView(job=job_view(await found(here, experiment_uid)))


@routes.get("/queue/config/{experiment_uid}", responses=_YAML, response_class=Response)
async def config_file(experiment_uid: str, _who: MayView, here: Here) -> Response:
    """A job's configuration as it was sent."""
    text = await config.text_of(here, await found(here, experiment_uid))
    return Response(text, media_type="application/yaml")


@routes.get("/configs/raw", responses=_YAML | may(404), response_class=Response)
async def config_at(path: Annotated[str, Query(max_length=512)], _who: MayView, here: Here) -> Response:
    """The same by the `config_path` that a worker was told."""
    known = _OF_A_JOB.fullmatch(path)
    if known is None:
        raise NotFound("There is no such configuration.")
    return await config_file(known[1], _who, here)


@routes.get("/queue/job/{job_id}/config")
@routes.get("/queue/experiments/{job_id}/config")
async def config_content(job_id: str, _who: MayView, here: Here) -> Answer[ContentView]:
    """A job's configuration."""
    return answered(ContentView(content=await config.text_of(here, await found(here, job_id))))


async def _submitted(  # noqa: PLR0913, PLR0917 - who wants what
    here: Gateway,
    who: Principal,
    body: WishBody,
    read: config.Config,
    asked: Requirements,
    wish: dict[str, Any],
) -> Job:
    env = wish.pop("env", {})
    spec = parsed(Spec, command=COMMAND, env=env, inputs=(await config.kept(here, read),))
    hours = {"timeout_seconds": body.timeout_hours, "expire_seconds": body.expire_hours}
    new = parsed(
        NewJob,
        kind=KIND,
        queue=QUEUE,
        user=who.username,
        cvlab_uid=True,
        requirements=asked.model_copy(update={"labels": (LABEL,)}),
        spec=spec,
        parameters=read.parameters,
        experiment=read.name("run_name"),
        max_retries=body.max_retries,
        max_infrastructure_retries=body.max_retries,
        **{name: value * 3600 for name, value in hours.items() if value is not None},
        **wish,
    )
    return await here.bus.ask(queue.SUBMIT, new, timeout=SECONDS)


async def _text_at(here: Gateway, path: str) -> str:
    """Raises BadRequest where there is nothing."""
    try:
        if (known := _OF_A_JOB.fullmatch(path)) is not None:
            return await config.text_of(here, await found(here, known[1]))
        if _OF_THE_STORE.fullmatch(path):
            version = await here.bus.ask(component.GET, parsed(component.GetVersion, path=path))
            return version.content.decode()
    except (NotFound, BadRequest):
        pass
    raise BadRequest(
        f"config_path: there is no configuration {path[:100]!r}.", {"config_path": "unknown configuration"}
    )


def _project_in(read: config.Config) -> str:
    if "project" not in read.values:
        return DEFAULT_PROJECT
    if (name := read.name("project")) is None:
        raise BadRequest(
            "config.project: letters, digits, spaces, dots, _ and - only, not beginning with a dot or -.",
            {"config.project": "not a name"},
        )
    return name


def _on(asked: Requirements, device: str) -> Requirements:
    """Only that device will do; `host:gpu` asks for a GPU of it as well."""
    host, colon, _gpu = device.strip().partition(":")
    if host in ("", "any"):
        return asked
    gpus = max(asked.gpu, 1) if colon else asked.gpu
    return parsed(Requirements, **{**asked.model_dump(), "device": host, "gpu": gpus})
