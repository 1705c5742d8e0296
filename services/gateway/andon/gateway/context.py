"""What every route works with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from andon.gateway.images import Images
from andon.gateway.principal import Door
from andon.gateway.realtime.feed import Feed
from andon.gateway.realtime.pulse import Pulse
from andon.gateway.uploads import UploadSettings
from andon.messaging import Service
from andon.storage import Blobs


@dataclass(frozen=True)
class Gateway:
    """The process's parts, made in app.py and carried on the application's state."""

    bus: Service
    blobs: Blobs
    door: Door
    feed: Feed
    pulse: Pulse
    images: Images
    uploads: UploadSettings
    version: str
    demo: bool
    inspect_timeout: float


def _of(connection: HTTPConnection) -> Gateway:
    return connection.app.state.gateway


Here = Annotated[Gateway, Depends(_of)]
