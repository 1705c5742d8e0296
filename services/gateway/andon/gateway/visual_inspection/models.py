"""Model versions and where they judge."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from andon.contracts import Name, NotFound, training
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.views import deployed_view, model_view

routes = APIRouter(prefix="/models", tags=["models"])

_ALL = 500


class DeployBody(BaseModel):
    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """By default the station that the version was fitted for."""


@routes.get("")
async def models(
    _who: MayView, here: Here, station_id: str | None = None, limit: Annotated[int, Query(ge=1, le=_ALL)] = 50
) -> dict[str, Any]:
    """Model versions, newest first."""
    found = await here.bus.ask(training.LIST, parsed(training.ListModels, station_id=station_id, limit=limit))
    return {"models": [model_view(version) for version in found.models]}


@routes.post("/{id}/deploy")
async def deploy(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: DeployBody | None = None,
) -> dict[str, Any]:
    """Let stations judge by this version from their next part on. Admins and engineers only."""
    stations = body.station_ids if body and body.station_ids else (await _home_of(id, here),)
    question = parsed(training.DeployModel, version_id=id, station_ids=stations, by=who.username)
    return deployed_view(await here.bus.ask(training.DEPLOY, question, timeout=30))


async def _home_of(version_id: str, here: Gateway) -> str:
    found = await here.bus.ask(training.LIST, training.ListModels(limit=_ALL))
    for version in found.models:
        if version.id == version_id:
            return version.station_id
    raise NotFound(f"There is no model version {version_id}.")
