"""Judging a folder or an archive of images as a job."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from andon.contracts import batch
from andon.contracts.batch import JobState
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayInspect, MayView
from andon.gateway.visual_inspection.batch_requests import JobBody, is_form, received, stored
from andon.gateway.visual_inspection.batch_views import (
    COLUMNS,
    JobsView,
    JobView,
    ResultsView,
    csv_lines,
    job_view,
    result_view,
)

routes = APIRouter(prefix="/batch/jobs", tags=["batch"])

_PAGE = 500
_LISTING_SECONDS, _UNPACKING_SECONDS = 30.0, 300.0
_FIELDS: dict[str, Any] = {
    "name": {"type": "string"},
    "file_pattern": {"type": "string"},
    "station_id": {"type": "string", "default": "default"},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": JobBody.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "name"],
                    "properties": {"file": {"type": "string", "format": "binary"}, **_FIELDS},
                }
            },
        },
    }
}
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}}, "description": "One line a file."}
}


@routes.get("")
async def jobs(
    _who: MayView,
    here: Here,
    status: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> JobsView:
    """Batch jobs, newest first."""
    question = parsed(batch.ListJobs, status=status, limit=limit, offset=offset)
    found = await here.bus.ask(batch.LIST, question)
    return JobsView(
        total=found.total, limit=limit, offset=offset, jobs=[job_view(each) for each in found.items]
    )


@routes.post("", openapi_extra=_BODY, responses=may(404, 415, 422))
async def create(request: Request, who: MayInspect, here: Here) -> JobView:
    """Describe a job over a folder of the server, or upload a zip or tar archive of images with it.

    Nothing is judged before it is started.
    """
    if not is_form(request):
        body = await received(request)
        question = parsed(batch.CreateJob, **body.model_dump(exclude_none=True), by=who.username)
        return job_view(await here.bus.ask(batch.CREATE, question, timeout=_LISTING_SECONDS))
    async with stored(request, here.blobs, here.uploads) as (archive, fields):
        question = parsed(batch.CreateJob, **fields, archive=archive, by=who.username)
        return job_view(await here.bus.ask(batch.CREATE, question, timeout=_UNPACKING_SECONDS))


@routes.post("/{id}/start", responses=may(409))
async def start(id: str, who: MayInspect, here: Here) -> JobView:  # noqa: A002 - its name in the API
    """Let a pending job begin as soon as it is its turn."""
    return job_view(await here.bus.ask(batch.START, batch.StartJob(id=id, by=who.username)))


@routes.post("/{id}/cancel", responses=may(409))
async def cancel(id: str, who: MayInspect, here: Here) -> JobView:  # noqa: A002 - its name in the API
    """Stop a job that has not ended; what was judged stays."""
    return job_view(await here.bus.ask(batch.CANCEL, batch.CancelJob(id=id, by=who.username)))


@routes.get("/{id}")
async def one(id: str, _who: MayView, here: Here) -> JobView:  # noqa: A002 - its name in the API
    """How far a job is."""
    return job_view(await here.bus.ask(batch.GET, batch.GetJob(id=id)))


@routes.delete("/{id}", responses=may(409))
async def delete(id: str, who: MayConfigure, here: Here) -> dict[str, str]:  # noqa: A002 - its name in the API
    """Remove a job that is not running; the inspections stay. Admins and engineers only."""
    deleted = await here.bus.ask(batch.DELETE, batch.DeleteJob(id=id, by=who.username))
    return {"id": deleted.id, "status": "deleted"}


@routes.get("/{id}/results")
async def results(
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ResultsView:
    """What became of a job's files, in their order; those it has not come to are waiting."""
    found = await here.bus.ask(batch.RESULTS, batch.ListResults(id=id, limit=limit, offset=offset))
    items = [result_view(each) for each in found.items]
    return ResultsView(total=found.total, limit=limit, offset=offset, items=items)


@routes.get("/{id}/results.csv", response_class=Response, responses=_CSV)
async def results_csv(id: str, _who: MayView, here: Here) -> Response:  # noqa: A002 - its name in the API
    """The same as a table, all of it."""
    first = await here.bus.ask(batch.RESULTS, batch.ListResults(id=id, limit=_PAGE))
    return StreamingResponse(
        _table(here, id, first),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="batch-{id[:32]}.csv"'},
    )


async def _table(here: Gateway, job_id: str, page: batch.Results) -> AsyncIterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    while page.items:
        yield csv_lines(page.items)
        question = batch.ListResults(id=job_id, limit=_PAGE, offset=page.items[-1].index + 1)
        page = await here.bus.ask(batch.RESULTS, question)
