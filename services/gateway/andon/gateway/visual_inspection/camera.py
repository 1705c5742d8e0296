"""Judging what a station's own camera sees, and which camera that is."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from andon.contracts import camera
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayInspect, MayView
from andon.gateway.visual_inspection.views import InspectionView, inspection_view

routes = APIRouter()


class CameraBody(BaseModel):
    """Where the station's pictures come from."""

    model_config = ConfigDict(extra="forbid")

    source: camera.Source


class CamerasView(BaseModel):
    cameras: list[camera.Camera]


class RemovedView(BaseModel):
    station_id: str
    status: str = "deleted"


@routes.post("/inspect/camera", tags=["inspection"], responses=may(404, 409, 422))
async def inspect_camera(
    _who: MayInspect,
    here: Here,
    station_id: Annotated[str, Query(description="The station whose camera takes the picture.")] = "default",
    part_id: str | None = None,
) -> InspectionView:
    """Take a picture with the station's camera and judge it now. What is answered with 200 is kept."""
    question = parsed(camera.CaptureFrame, station_id=station_id, part_id=part_id or None)
    record = await here.bus.ask(camera.CAPTURE, question, timeout=here.inspect_timeout)
    here.images.remember(record)
    here.answers.drop()  # its event may come later than this answer
    return inspection_view(record, here.images)


@routes.get("/cameras", tags=["cameras"])
async def cameras(_who: MayView, here: Here) -> CamerasView:
    """All stations' cameras and how they do; passwords in their addresses are not shown."""
    found = await here.bus.ask(camera.LIST, camera.ListCameras())
    return CamerasView(cameras=list(found.cameras))


@routes.get("/cameras/{station_id}", tags=["cameras"])
async def one(station_id: str, _who: MayView, here: Here) -> camera.Camera:
    """One station's camera."""
    return await here.bus.ask(camera.GET, parsed(camera.GetCamera, station_id=station_id))


@routes.put("/cameras/{station_id}", tags=["cameras"], responses=may(422))
async def put(station_id: str, body: CameraBody, who: MayConfigure, here: Here) -> camera.Camera:
    """Give a station a camera, in the place of the one it had. Admins and engineers only.

    What is shown as `***` may be sent back as it is: the known secret stays.
    """
    question = parsed(camera.PutCamera, station_id=station_id, source=body.source, by=who.username)
    return await here.bus.ask(camera.PUT, question)


@routes.delete("/cameras/{station_id}", tags=["cameras"])
async def remove(station_id: str, who: MayConfigure, here: Here) -> RemovedView:
    """Take a station's camera away. Admins and engineers only."""
    question = parsed(camera.RemoveCamera, station_id=station_id, by=who.username)
    removed = await here.bus.ask(camera.REMOVE, question)
    return RemovedView(station_id=removed.station_id)
