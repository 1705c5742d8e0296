"""Experiments: containers for tasks that belong together."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from andon.contracts import BadRequest, NotFound, workspace
from andon.contracts.workspace import ExperimentStatus
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.ml_worker.bodies import ExperimentBody
from andon.gateway.ml_worker.views import TaskExperimentView, experiment_view
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/experiments")


class SettleBody(BaseModel):
    status: ExperimentStatus


@routes.get("", response_model_exclude_none=True)
async def experiments(
    _who: MayView,
    here: Here,
    status: ExperimentStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> list[TaskExperimentView]:
    """Newest first; deleted ones only when asked for by their status."""
    question = workspace.ListExperiments(status=status, limit=limit, offset=offset)
    found = await here.bus.ask(workspace.EXPERIMENT_LIST, question)
    return [experiment_view(each) for each in found.experiments]


@routes.post("", status_code=201, responses=may(422), response_model_exclude_none=True)
async def create(body: ExperimentBody, who: MayConfigure, here: Here) -> TaskExperimentView:
    """Begin an experiment."""
    wish = parsed(workspace.CreateExperiment, **body.model_dump(), by=who.id)
    return experiment_view(await here.bus.ask(workspace.EXPERIMENT_CREATE, wish))


@routes.patch("/{experiment_id}", responses=may(422), response_model_exclude_none=True)
async def settle(experiment_id: str, body: SettleBody, _who: MayConfigure, here: Here) -> TaskExperimentView:
    """Archive or delete an experiment, or take it back."""
    try:
        wish = parsed(workspace.SettleExperiment, id=experiment_id, status=body.status)
    except BadRequest:
        raise NotFound("There is no such experiment.") from None
    return experiment_view(await here.bus.ask(workspace.EXPERIMENT_SETTLE, wish))
