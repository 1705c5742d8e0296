"""Versions tried on the line: shadows, canaries and watches; drift; where a verdict came from."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Name, inspection, rollout, station
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.models import SWITCH_SECONDS
from andon.gateway.visual_inspection.rollout_views import RolloutsView

routes = APIRouter(tags=["models"])

_MOST = 200


class TrialBody(BaseModel):
    """By default at the station that the version was fitted for, with the default bounds."""

    model_config = ConfigDict(extra="forbid")

    station_ids: Annotated[tuple[Name, ...], Field(max_length=_MOST)] = ()
    bounds: rollout.Bounds = rollout.Bounds()


class CanaryBody(TrialBody):
    share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.1
    """Of the parts, by a hash of the part's id."""


class EndBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500)] = ""


@routes.post("/models/{id}/shadow", status_code=201, responses=may(404, 409, 422, 503))
async def shadow(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: TrialBody | None = None,
) -> RolloutsView:
    """Let it judge every part silently: recorded, compared, and without effect. Engineers only."""
    return await _start(here, id, who.username, station.TrialRole.SHADOW, body or TrialBody())


@routes.post("/models/{id}/canary", status_code=201, responses=may(404, 409, 422, 503))
async def canary(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: CanaryBody | None = None,
) -> RolloutsView:
    """Let it judge a share of the parts; out of its bounds it takes itself back. Engineers only."""
    return await _start(here, id, who.username, station.TrialRole.CANARY, body or CanaryBody())


@routes.get("/rollouts", responses=may(503))
async def rollouts(
    _who: MayView,
    here: Here,
    station_id: str | None = None,
    version_id: str | None = None,
    running: bool = False,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
) -> RolloutsView:
    """Trials and watches with their figures, newest first."""
    question = parsed(
        rollout.ListRollouts, station_id=station_id, version_id=version_id, running=running, limit=limit
    )
    return RolloutsView(rollouts=list((await here.bus.ask(rollout.LIST, question)).rollouts))


@routes.get("/rollouts/{id}", responses=may(404, 503))
async def one(id: str, _who: MayView, here: Here) -> rollout.Rollout:  # noqa: A002 - its name in the API
    """One trial or watch."""
    return await here.bus.ask(rollout.GET, parsed(rollout.GetRollout, id=id))


@routes.post("/rollouts/{id}/promote", responses=may(404, 409, 422, 503))
async def promote(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: EndBody | None = None,
) -> rollout.Rollout:
    """Let the version on trial judge every part, watched for a while. Engineers only."""
    question = parsed(rollout.EndTrial, id=id, by=who.username, reason=body.reason if body else "")
    return await here.bus.ask(rollout.PROMOTE, question, timeout=SWITCH_SECONDS)


@routes.post("/rollouts/{id}/abort", responses=may(404, 409, 422, 503))
async def abort(
    id: str,  # noqa: A002 - its name in the API
    who: MayConfigure,
    here: Here,
    body: EndBody | None = None,
) -> rollout.Rollout:
    """End a trial or a watch; what judges stays. Engineers only."""
    question = parsed(rollout.EndTrial, id=id, by=who.username, reason=body.reason if body else "")
    return await here.bus.ask(rollout.ABORT, question, timeout=SWITCH_SECONDS)


@routes.get("/drift", responses=may(503))
async def drift(
    _who: MayView,
    here: Here,
    station_id: str | None = None,
    hours: Annotated[int, Query(ge=1, le=168)] = 24,
) -> rollout.Drift:
    """How far each hour's scores and brightness are from when the version was new at the station."""
    return await here.bus.ask(rollout.DRIFT, parsed(rollout.GetDrift, station_id=station_id, hours=hours))


@routes.get("/lineage/inspections/{id}", responses=may(404, 503))
async def lineage_of_part(
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
) -> rollout.Lineage:
    """From a judged part to its version, dataset, job, code and parents."""
    return await here.bus.ask(rollout.LINEAGE, parsed(rollout.GetLineage, inspection_id=id))


@routes.get("/lineage/models/{id}", responses=may(404, 503))
async def lineage_of_version(
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
) -> rollout.Lineage:
    """From a version to its dataset, job, code and parents."""
    return await here.bus.ask(rollout.LINEAGE, parsed(rollout.GetLineage, version_id=id))


@routes.get("/lineage/models/{id}/inspections", responses=may(503))
async def judged_by(
    id: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> inspection.JudgedBy:
    """Every part that a version judged, newest first; `next` of a page is `after` of the following one."""
    question = parsed(inspection.ListJudgedBy, version_id=id, after=after, limit=limit)
    return await here.bus.ask(inspection.JUDGED_BY, question)


async def _start(
    here: Here, version_id: str, by: str, role: station.TrialRole, body: TrialBody
) -> RolloutsView:
    question = parsed(rollout.StartTrial, version_id=version_id, role=role, by=by, **body.model_dump())
    found = await here.bus.ask(rollout.START, question, timeout=SWITCH_SECONDS)
    return RolloutsView(rollouts=list(found.rollouts))
