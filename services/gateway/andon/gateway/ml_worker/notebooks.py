"""Jupyter services: notebook servers, each a job on a worker that has jupyterlab."""

import hashlib
import re
import secrets
from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Query, Response

from andon.contracts import BadRequest, Forbidden, NotFound, queue, workspace
from andon.contracts.queue import ENDED, Job, NewJob, Output, Spec, StopKind
from andon.gateway.context import Gateway, Here, NotebookSettings
from andon.gateway.errors import may, parsed
from andon.gateway.ml_worker.bodies import NotebookBody
from andon.gateway.ml_worker.views import NotebookView, notebook_view
from andon.gateway.ml_worker.words import NOTEBOOKS
from andon.gateway.output import output_of
from andon.gateway.principal import MayConfigure, MayView
from andon.security import Principal

routes = APIRouter(prefix="/jupyter/services")

_PROGRAM = "notebook_server.py"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = "ANDON_NOTEBOOK_DIGEST"
_WORKSPACE = "workspace"
_LONGEST = 7 * 86400.0
"""Seconds, however busy it is."""
_TOKEN_BYTES = 24


@routes.get("", response_model_exclude_none=True)
async def services(
    who: MayView,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> list[NotebookView]:
    """Newest first; ended ones until they are deleted."""
    asked = queue.ListJobs(project=NOTEBOOKS, limit=limit, offset=offset, with_total=False)
    jobs = (await here.bus.ask(queue.LIST, asked)).jobs
    tokens = await _tokens(here, who, jobs)
    return [notebook_view(job, tokens.get(_digest(job))) for job in jobs]


@routes.post("", status_code=201, responses=may(422), response_model_exclude_none=True)
async def start(body: NotebookBody, who: MayConfigure, here: Here) -> NotebookView:
    """Start a server on a worker; its `url` is told once it answers there."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    digest = hashlib.sha256(token.encode()).hexdigest()
    wish = _new_job(body, who, digest, here.notebooks)
    await here.bus.ask(workspace.SECRET_KEEP, workspace.KeepSecret(digest=digest, secret=token, owner=who.id))
    return notebook_view(await here.bus.ask(queue.SUBMIT, wish), token)


@routes.delete("/{service_id}", status_code=204)
async def stop(service_id: str, who: MayConfigure, here: Here) -> Response:
    """Stop a server, so that its files are still kept; remove one that has ended from the list."""
    job = await _found(here, service_id)
    if job.status in ENDED:
        await here.bus.ask(queue.DELETE, queue.DeleteJob(id=job.id, by=who.id))
        await here.bus.ask(workspace.SECRET_FORGET, workspace.ForgetSecret(digest=_digest(job)))
    else:
        await here.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id, kind=StopKind.STOP, by=who.id))
    return Response(status_code=204)


async def _own(service_id: str, who: MayView, here: Here) -> Job:
    """What a server prints and keeps is its owner's alone."""
    job = await _found(here, service_id)
    if job.user != who.id:
        raise Forbidden("Only who started the service sees what it printed and kept.")
    return job


routes.include_router(output_of(_own), prefix="/{service_id}")


def _new_job(body: NotebookBody, who: Principal, digest: str, settings: NotebookSettings) -> NewJob:
    folder = body.workspace or _WORKSPACE
    return NewJob(
        name=body.name,
        project=NOTEBOOKS,
        kind="notebook",
        user=who.id,
        spec=Spec(
            command=("python", _PROGRAM),
            files={_PROGRAM: _program()},
            env={
                _DIGEST: digest,
                "ANDON_NOTEBOOK_HOST": settings.host,
                "ANDON_NOTEBOOK_FOLDER": folder,
                "ANDON_NOTEBOOK_IDLE": f"{settings.idle_seconds:g}",
            },
            outputs=(Output(name="workspace", path=folder),),
            image=body.image,
        ),
        max_infrastructure_retries=0,  # a second server would not have the first one's files
        timeout_seconds=_LONGEST,
    )


@cache
def _program() -> str:
    return files(__package__ or "").joinpath(_PROGRAM).read_text()


def _digest(job: Job) -> str:
    digest = job.spec.env.get(_DIGEST, "")
    return digest if _SHA256.fullmatch(digest) else "0" * 64


async def _tokens(here: Gateway, who: Principal, jobs: tuple[Job, ...]) -> dict[str, str]:
    mine = tuple(_digest(job) for job in jobs if job.user == who.id)
    if not mine:
        return {}
    found = await here.bus.ask(workspace.SECRET_FIND, workspace.FindSecrets(owner=who.id, digests=mine))
    return found.secrets


async def _found(here: Gateway, service_id: str) -> Job:
    try:
        question = parsed(queue.GetJob, id=service_id)
    except BadRequest:
        raise NotFound("There is no such service.") from None
    job = await here.bus.ask(queue.GET, question)
    if job.project != NOTEBOOKS:
        raise NotFound("There is no such service.")
    return job
