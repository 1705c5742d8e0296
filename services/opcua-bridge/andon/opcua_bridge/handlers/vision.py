"""Stations as vision systems: what they do, what they found, and what SCADA may ask of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from andon.contracts import Conflict, Forbidden, NotFound, Refused, Unavailable, audit, camera, station
from andon.contracts.audit import Outcome
from andon.contracts.auth import Permission
from andon.contracts.camera import CameraState
from andon.contracts.inspection import Inspection
from andon.messaging import Service
from andon.opcua_bridge.adapters.vision.answers import Asked, methods
from andon.opcua_bridge.adapters.vision.systems import VisionSystems
from andon.opcua_bridge.adapters.visitors import Caller
from andon.opcua_bridge.domain.lines import StationState
from andon.opcua_bridge.domain.vision import Sight, State, state_of, step_of
from andon.opcua_bridge.store import Halts
from andon.telemetry import log

KEPT = 100
"""Results of a station that can be asked for."""
_LOOK_SECONDS = 2.0
_LEARN_EVERY = 5
"""Looks."""
_CAPTURE_SECONDS = 30.0

_log = log("andon.opcua_bridge")


@dataclass
class Vision:
    """Shows stations on VisionSystems and does what SCADA asks for there."""

    bus: Service
    systems: VisionSystems
    halts: Halts
    clock: Callable[[], datetime]
    results: dict[str, deque[Inspection]] = field(default_factory=dict[str, "deque[Inspection]"])
    """The latest of each station, newest first."""
    _sights: dict[str, Sight] = field(default_factory=dict[str, Sight])
    _jobs: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    def connect(self) -> None:
        """Let SCADA's calls come here."""
        self.systems.methods = methods(Asked(self.results, self.recipe, self.halt, self.reset, self.start))

    async def judged(self, _state: StationState, part: Inspection) -> None:
        """Tell of a part and keep it for whoever asks."""
        self.results.setdefault(part.station_id, deque(maxlen=KEPT)).appendleft(part)
        self._see(part.station_id, last_at=part.judged_at)
        await self.systems.ready(part)
        await self._show(part.station_id, "a part was judged")

    async def station_changed(self, changed: station.Station) -> None:
        """Know by what it judges."""
        self._see(changed.id, station=changed)
        await self._show(changed.id, "the station changed")

    async def watch(self) -> None:
        """Learn what is new at stations and cameras, and let time pass."""
        looks = 0
        while True:
            if looks % _LEARN_EVERY == 0:
                try:
                    await self.learn()
                except Unavailable:
                    looks -= 1  # soon again
            looks += 1
            for station_id in tuple(self._sights):
                await self._show(station_id, "time passed")
            await asyncio.sleep(_LOOK_SECONDS)

    async def learn(self) -> None:
        """Ask for stations, cameras and what was halted. Raises Unavailable."""
        stations = await self.bus.ask(station.LIST, station.ListStations())
        cameras = await self.bus.ask(camera.LIST, camera.ListCameras())
        halted = await self.halts.all()
        away = {each.station_id for each in cameras.cameras if each.state is CameraState.AWAY}
        for each in stations.stations:
            self._see(each.id, station=each, camera_away=each.id in away, halted=each.id in halted)
            await self._show(each.id, "its camera is away" if each.id in away else "as it was found")

    async def halt(self, station_id: str, who: Caller) -> None:
        """Take no more jobs from SCADA. Raises Refused."""
        await self._allow(Permission.CONFIGURE, "opcua.vision.halt", station_id, who)
        await self.halts.put(station_id, who.visitor.name or "opcua", self.clock())
        self._see(station_id, halted=True)
        await self._show(station_id, f"halted by {who.visitor.name}")
        await self._record("opcua.vision.halt", station_id, who)

    async def reset(self, station_id: str, who: Caller) -> None:
        """Take jobs again. Raises Refused."""
        await self._allow(Permission.CONFIGURE, "opcua.vision.reset", station_id, who)
        await self.halts.remove(station_id)
        self._see(station_id, halted=False)
        await self._show(station_id, f"reset by {who.visitor.name}")
        await self._record("opcua.vision.reset", station_id, who)

    async def start(self, station_id: str, who: Caller, part_id: str | None) -> str:
        """Take a picture and judge it; its result comes as an event. The job's id. Raises Refused."""
        await self._allow(Permission.INSPECT, "opcua.vision.start", station_id, who)
        state = state_of(self._sights.get(station_id, Sight(None)))
        if state is not State.OPERATIONAL:
            raise Conflict(f"{station_id} is {state.value}")
        job = f"opcua-{uuid4().hex}"
        question = camera.CaptureFrame(station_id=station_id, part_id=part_id, frame_id=job)
        self._see(station_id, more_jobs=1)
        task = asyncio.create_task(self._do(question))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        await self._record("opcua.vision.start", station_id, who, job=job)
        await self._show(station_id, "a job was started")
        return job

    def recipe(self, station_id: str) -> station.Recipe:
        """By what a station judges. Raises NotFound."""
        found = self._sights.get(station_id, Sight(None)).station
        if found is None or found.recipe is None:
            raise NotFound(f"{station_id} has no recipe")
        return found.recipe

    async def _do(self, question: camera.CaptureFrame) -> None:
        try:
            await self.bus.ask(camera.CAPTURE, question, timeout=_CAPTURE_SECONDS)
        except Refused as refused:
            _log.warning("a job failed", station=question.station_id, job=question.frame_id, why=str(refused))
        finally:
            self._see(question.station_id, more_jobs=-1)
        await self._show(question.station_id, "a job is done")

    def _see(self, station_id: str, *, more_jobs: int = 0, **changes: Any) -> None:
        before = self._sights.get(station_id, Sight(None))
        self._sights[station_id] = replace(before, jobs=before.jobs + more_jobs, **changes)

    async def _show(self, station_id: str, why: str) -> None:
        sight = self._sights[station_id]
        await self.systems.show(station_id, state_of(sight), step_of(sight, self.clock()), why)

    async def _allow(self, needed: Permission, action: str, station_id: str, who: Caller) -> None:
        if needed not in who.visitor.permissions:
            await self._record(action, station_id, who, Outcome.REFUSED)
            raise Forbidden(f"this needs the permission '{needed}'")

    async def _record(
        self, action: str, station_id: str, who: Caller, outcome: Outcome = Outcome.DONE, **details: str
    ) -> None:
        entry = audit.Action(
            id=uuid4().hex, at=self.clock(), actor=who.visitor.actor, action=action, target=station_id,
            outcome=outcome, details=details, address=who.address,
        )  # fmt: skip
        await self.bus.say(audit.RECORD, entry, once=entry.id)
