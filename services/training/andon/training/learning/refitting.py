"""Learns again after every few annotations, so that what people say today is named on the line today."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Refused, Unavailable
from andon.contracts.annotation import Annotation, Verdict
from andon.contracts.learning import LabelledImage, Place, RunKind, StartRun
from andon.messaging import Delivery
from andon.telemetry import log
from andon.training.learning.desk import LearningDesk
from andon.training.learning.store import Label, Labels, Runs

_log = log("andon.training")


@dataclass(frozen=True)
class Refitting:
    labels: Labels
    runs: Runs
    desk: LearningDesk
    after: int
    """New outlined defects until the station's classifier is fitted again; 0 is never."""
    deploys: bool
    clock: Callable[[], datetime]

    async def annotated(self, annotation: Annotation, _delivery: Delivery) -> None:
        """Keep it to learn from; begin when there are enough new ones."""
        image = LabelledImage(
            key=annotation.image.key,
            sha256=annotation.image.sha256,
            verdict=annotation.verdict,
            shapes=annotation.shapes,
            station_id=annotation.station_id,
            part_id=annotation.part_id or annotation.inspection_id,
        )
        await self.labels.put(
            Label(id=annotation.inspection_id, station_id=annotation.station_id, image=image)
        )
        if annotation.verdict is Verdict.DEFECT and self.after:
            await self._perhaps(annotation.station_id)

    async def ended(self, station_id: str) -> None:
        """What was said while a run was on may be enough for the next."""
        if self.after:
            try:
                await self._perhaps(station_id)
            except Unavailable as away:  # the next annotation asks again
                _log.info("not refitted now", station=station_id, reason=str(away))

    async def _perhaps(self, station_id: str) -> None:
        if await self.labels.new(station_id) < self.after:
            return
        running = {"station_id": station_id, "kind": RunKind.REGIONS.value}
        if await self.runs.live(running):
            return  # its end asks again
        wish = StartRun(
            kind=RunKind.REGIONS,
            station_id=station_id,
            name=f"{station_id} classes {self.clock():%Y-%m-%d %H:%M}",
            place=Place.HERE,
            deploy=self.deploys,
            requested_by="annotations",
        )
        try:
            await self.desk.start(wish)
        except Unavailable:
            raise
        except Refused as refused:
            _log.info("nothing to refit yet", station=station_id, reason=str(refused))
