"""Model versions and where they judge."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Name, NotFound, rollout, station, training
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.rollout_views import (
    ActiveModelsView,
    HistoryView,
    OfferedView,
    RolledBackView,
    active_view,
    history_view,
)
from andon.gateway.visual_inspection.views import (
    DeployedView,
    ModelsView,
    ModelView,
    deployed_view,
    model_view,
)

routes = APIRouter(prefix="/models", tags=["models"])

SWITCH_SECONDS = 65
"""A version is loaded, warmed and probed before a station judges by it."""
_ALL = 500


class StationsBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()


class DeployBody(StationsBody):
    """By default to the station that the version was fitted for."""

    everywhere: bool = False
    """To every station there is."""
    force: bool = False
    """Recorded: it was wanted although not proven better."""
    watch_minutes: Annotated[int, Field(ge=0, le=10_080)] | None = None
    """Rolled back by itself if it misbehaves so long; 0 is no watch."""
    note: Annotated[str, Field(max_length=500)] = ""


class RollbackBody(StationsBody):
    """By default at every station that judges by the version."""

    reason: Annotated[str, Field(max_length=500)] = ""


class ActivateBody(StationsBody):
    """By default at the station that the version was fitted for."""

    force: bool = False


@routes.get("", response_model=ModelsView)
async def models(
    _who: MayView, here: Here, station_id: str | None = None, limit: Annotated[int, Query(ge=1, le=_ALL)] = 50
) -> dict[str, Any]:
    """Model versions, newest first."""
    found = await here.bus.ask(training.LIST, parsed(training.ListModels, station_id=station_id, limit=limit))
    return {"models": [model_view(version) for version in found.models]}


@routes.get("/active", responses=may(503))
async def active(_who: MayView, here: Here) -> ActiveModelsView:
    """The version that each station judges by, and what is tried beside it."""
    return active_view(await here.bus.ask(station.LIST, station.ListStations()))


@routes.get("/history", responses=may(404, 503))
async def history(station_id: str, _who: MayView, here: Here) -> HistoryView:
    """The versions that a station judged by, newest first, and why each was taken into use."""
    return history_view(await here.bus.ask(station.GET, parsed(station.GetStation, id=station_id)))


@routes.get("/{id}", response_model=ModelView, responses=may(404, 503))
async def model(id: str, _who: MayView, here: Here) -> dict[str, Any]:  # noqa: A002 - its name in the API
    """One version."""
    return model_view(await _version(id, here))


@routes.delete("/{id}", responses=may(404, 409, 503))
async def delete(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
) -> rollout.VersionDeleted:
    """Remove a version that judges nowhere. Admins and engineers only."""
    return await here.bus.ask(
        rollout.DELETE, parsed(rollout.DeleteVersion, version_id=id, by=who.username), timeout=30
    )


@routes.post("/{id}/deploy", response_model=DeployedView, responses=may(404, 409, 422, 503))
async def deploy(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: DeployBody | None = None,
) -> dict[str, Any]:
    """Let stations judge by this version from their next part on. Admins and engineers only.

    It is loaded and probed first: one that fails is refused, and the old one goes on.
    """
    wanted = body or DeployBody()
    stations = wanted.station_ids or (() if wanted.everywhere else (await _home_of(id, here),))
    question = parsed(
        training.DeployModel,
        version_id=id,
        by=who.username,
        **wanted.model_dump(exclude={"station_ids"}),
        station_ids=stations,
    )
    return deployed_view(await here.bus.ask(training.DEPLOY, question, timeout=SWITCH_SECONDS))


@routes.post("/{id}/rollback", responses=may(404, 409, 422, 503))
async def rollback(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: RollbackBody | None = None,
) -> RolledBackView:
    """Let stations that judge by this version judge by the one before, each by its own. Engineers only."""
    wanted = (body or RollbackBody()).model_dump()
    question = parsed(rollout.RollBack, version_id=id, by=who.username, **wanted)
    found = await here.bus.ask(rollout.ROLL_BACK, question, timeout=SWITCH_SECONDS)
    return RolledBackView(rolled_back=list(found.rolled_back))


@routes.post("/{id}/activate", responses=may(404, 409, 422, 503))
async def activate(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: ActivateBody | None = None,
) -> OfferedView:
    """Deploy it where it is strictly better on the same held-out parts; `force` deploys it anyway."""
    wanted = (body or ActivateBody()).model_dump()
    question = parsed(rollout.OfferVersion, version_id=id, by=who.username, **wanted)
    found = await here.bus.ask(rollout.OFFER, question, timeout=SWITCH_SECONDS)
    return OfferedView(offered=list(found.offered))


async def _home_of(version_id: str, here: Gateway) -> str:
    return (await _version(version_id, here)).station_id


async def _version(version_id: str, here: Gateway) -> training.ModelVersion:
    found = await here.bus.ask(training.LIST, training.ListModels(limit=_ALL))
    for version in found.models:
        if version.id == version_id:
            return version
    raise NotFound(f"There is no model version {version_id}.")
