"""Cameras that Andon itself looks through: where a station's picture comes from when one is asked for."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Query
from andon.contracts.inspection import Inspection

Url = Annotated[str, Field(min_length=1, max_length=2048)]


class FolderSource(Message):
    """The images of a folder, one after the other by name, from the start again after the last."""

    kind: Literal["folder"] = "folder"
    folder: Annotated[str, Field(min_length=1, max_length=4096)]
    """On the inspection service's machine, under one of its configured roots."""


class PlateSource(Message):
    """The rendered plate: a camera for a line without one."""

    kind: Literal["plate"] = "plate"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """The same seed shows the same plates."""
    defects: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of defective parts."""


class RtspSource(Message):
    """A video stream: RTSP, or MJPEG over HTTP."""

    kind: Literal["rtsp"] = "rtsp"
    url: Url
    """rtsp, rtsps, http or https. What is secret in it is never shown back."""


class UsbSource(Message):
    """A camera at the inspection service's machine."""

    kind: Literal["usb"] = "usb"
    device: Annotated[int, Field(ge=0, le=63)] = 0
    """Its number, as in /dev/video0."""


class HttpSource(Message):
    """An address that answers each request with one picture."""

    kind: Literal["http"] = "http"
    url: Url
    """http or https. What is secret in it is never shown back."""


Source = Annotated[
    FolderSource | PlateSource | RtspSource | UsbSource | HttpSource, Field(discriminator="kind")
]


class CameraState(StrEnum):
    """How a camera did last."""

    IDLE = "idle"
    """Not asked for a picture yet since it was configured."""
    OK = "ok"
    AWAY = "away"
    """The last try gave no picture."""


class PutCamera(Message):
    """Give a station a camera, in the place of the one it had."""

    station_id: Name
    source: Source
    by: str = "andon"


class GetCamera(Message):
    station_id: Name


class ListCameras(Message):
    """All cameras; a line has tens of them, not thousands."""


class RemoveCamera(Message):
    station_id: Name
    by: str = "andon"


class Camera(Message):
    """A station's camera and how it does."""

    station_id: Name
    source: Source
    """Without what is secret in its address."""
    state: CameraState = CameraState.IDLE
    captured: int = 0
    """Pictures taken since it was configured."""
    failures: int = 0
    """Tries without a picture since the last good one."""
    last_frame_at: Time | None = None
    last_failure_at: Time | None = None
    last_failure: str | None = None
    """Why the last try without a picture gave none."""
    changed_at: Time
    changed_by: str = "andon"


class Cameras(Message):
    """By station id."""

    cameras: tuple[Camera, ...]


class RemovedCamera(Message):
    station_id: Name


class CaptureFrame(Message):
    """Take a picture now and judge it."""

    station_id: Name = "default"
    part_id: Label | None = None
    frame_id: Label | None = None
    """Unique per trigger; one that comes again gets the same record. Without one, each is a new part."""


PUT = Query(
    "camera.source.put.v1",
    PutCamera,
    "Give a station a camera.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Camera,
)
GET = Query(
    "camera.source.get.v1",
    GetCamera,
    "Read a station's camera and how it does.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Camera,
)
LIST = Query(
    "camera.source.list.v1",
    ListCameras,
    "Read all cameras and how they do.",
    said_by=("gateway", "opcua-bridge", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Cameras,
)
REMOVE = Query(
    "camera.source.remove.v1",
    RemoveCamera,
    "Take a station's camera away.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=RemovedCamera,
)
CAPTURE = Query(
    "camera.frame.capture.v1",
    CaptureFrame,
    "Take a picture with a station's camera, judge it now and answer with the record.",
    said_by=("gateway", "opcua-bridge", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Inspection,
)
