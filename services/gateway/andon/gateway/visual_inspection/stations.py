"""The places on the line and how they judge."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import station
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.views import StationsView, StationView, station_view

routes = APIRouter(prefix="/stations", tags=["stations"])


class StationBody(BaseModel):
    """What is named changes; the rest stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=128)] | None = None
    line: Annotated[str, Field(max_length=128)] | None = None
    mode: station.Mode | None = None
    mm_per_pixel_x: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    mm_per_pixel_y: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    region: station.Region | None = None
    evidence: station.Evidence | None = None
    min_area_mm2: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    detector: station.DetectorUse | None = None
    """`decides` lets it fail parts; refused while the station's version has no limit for that."""


@routes.get("", response_model=StationsView)
async def stations(_who: MayView, here: Here) -> dict[str, Any]:
    """All stations with their recipes."""
    found = await here.bus.ask(station.LIST, station.ListStations())
    return {"stations": [station_view(each) for each in found.stations]}


@routes.get("/{id}", response_model=StationView)
async def one(id: str, _who: MayView, here: Here) -> dict[str, Any]:  # noqa: A002 - its name in the API
    """One station with its recipe."""
    return station_view(await here.bus.ask(station.GET, parsed(station.GetStation, id=id)))


@routes.put("/{id}", response_model=StationView, responses=may(422))
async def put(
    id: str,  # noqa: A002 - its name in the API
    body: StationBody,
    who: MayConfigure,
    here: Here,
) -> dict[str, Any]:
    """Create a station or change what is named. Admins and engineers only."""
    question = parsed(station.PutStation, id=id, by=who.username, **body.model_dump(exclude_unset=True))
    return station_view(await here.bus.ask(station.PUT, question))
