"""The running inspection service with a station `line` that judges by the bright model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import simplejpeg
from bright_model import deployed, stored

from andon.contracts import INTEGRATIONS, batch, inspection, station, training
from andon.inspection.app import SERVICE, InspectionSettings
from andon.messaging import Service
from andon.runtime import serving
from andon.storage import Blobs
from andon.testing import eventually


def picture(spot: int | None = None, level: int = 128) -> bytes:
    """A part: good without a spot, uncertain at 170, bad at 255."""
    pixels = np.full((128, 160, 3), level, np.uint8)
    if spot is not None:
        pixels[32:64, 80:120] = spot
    return simplejpeg.encode_jpeg(pixels, quality=95)


class Line(Service):
    """The line's side of the bus, with what it heard."""

    def __init__(self, settings):
        super().__init__(INTEGRATIONS, settings)
        self.parts: list[inspection.Inspection] = []
        self.jobs: list[batch.BatchJob] = []
        self.follows((inspection.PART_JUDGED, batch.PROGRESSED), self._hear, after=self._start, stream="feed")

    async def _hear(self, message, _):
        if isinstance(message, batch.BatchJob):
            self.jobs.append(message)
        else:
            self.parts.append(message)

    async def _start(self):
        return 0


@asynccontextmanager
async def judging_line(settings: InspectionSettings) -> AsyncIterator[Line]:
    """The service and the line that talks to it."""
    async with serving(SERVICE, settings), Line(settings.bus) as line:
        await taught(line, settings)
        yield line


async def taught(line: Line, settings: InspectionSettings) -> None:
    """Give station `line` its model."""
    await line.ask(station.PUT, station.PutStation(id="line"))
    async with Blobs(settings.s3) as blobs:
        await line.say(training.MODEL_DEPLOYED, deployed(await stored(blobs), "line"))

    async def judges():
        return (await line.ask(station.GET, station.GetStation(id="line"))).mode is station.Mode.JUDGE

    await eventually(judges, within=30)
