"""What every route works with."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from andon.contracts import config
from andon.gateway.answers import Answers
from andon.gateway.images import Images
from andon.gateway.limits import Limits
from andon.gateway.principal import Door
from andon.gateway.realtime.calm import CalmFeed
from andon.gateway.realtime.feed import Feed
from andon.gateway.realtime.pulse import Pulse
from andon.gateway.realtime.wellbeing import Wellbeing
from andon.gateway.uploads import UploadSettings
from andon.messaging import Current, Service
from andon.storage import Blobs, Mongo

_CHUNKS = 8


class NotebookSettings(BaseModel):
    host: str = "127.0.0.1"
    """Where notebook servers listen on their workers: 0.0.0.0 lets in who has a token from elsewhere, too."""
    idle_seconds: Annotated[float, Field(gt=0)] = 3600
    """Unused for so long, a server ends."""


@dataclass(frozen=True)
class Gateway:
    """The process's parts, made in app.py and carried on the application's state."""

    bus: Service
    blobs: Blobs
    mongo: Mongo
    door: Door
    feed: Feed
    tasks: Feed
    """What the ML worker API tells."""
    helper: CalmFeed
    """What helpers' dashboards are told."""
    pulse: Pulse
    wellbeing: Wellbeing
    answers: Answers
    limits: Limits
    configuration: Current[config.Document]
    images: Images
    uploads: UploadSettings
    version: str
    demo: bool
    inspect_timeout: float
    ping_seconds: float
    beat_seconds: float
    notebooks: NotebookSettings
    chunks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CHUNKS))
    """Turns of chunks of synced files: each is in memory while it is handed on."""


def _of(connection: HTTPConnection) -> Gateway:
    return connection.app.state.gateway


Here = Annotated[Gateway, Depends(_of)]
