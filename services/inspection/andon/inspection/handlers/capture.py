"""Takes pictures with the stations' own cameras and has them judged."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from andon.contracts import Conflict, Invalid, Refused, TooLarge, Unavailable, UnsupportedMedia, camera
from andon.contracts.camera import Camera, FolderSource, HttpSource, PlateSource, RtspSource, UsbSource
from andon.contracts.inspection import FrameCaptured, Inspection
from andon.inspection.adapters.folders import Roots, read_file
from andon.inspection.camera import stills
from andon.inspection.camera.snapshot import snapshot
from andon.inspection.camera.stream import Streams
from andon.inspection.domain.cameras import checked, completed, shown
from andon.inspection.handlers.frames import Inspector
from andon.inspection.store.cameras import CameraStore, OwnCamera
from andon.inspection.store.stations import StationStore
from andon.messaging import Delivery

_TURNS = 20
"""Triggers of one station in the same moment that are told apart before one is told to try again."""


class CameraSettings(BaseModel):
    """What cameras may look at, and for how long they are waited for."""

    roots: tuple[Path, ...] = ()
    """Folders that may serve as cameras; none by default."""
    seconds: Annotated[float, Field(gt=0, le=25)] = 5.0
    """Longest wait for a picture."""
    idle_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How long a stream stays open after its last picture."""
    seal: SecretStr = SecretStr("")
    """With it, an address with a password or token in it is sealed before it is stored."""


@dataclass(frozen=True)
class CameraDesk:
    """Which station looks through what, and its pictures."""

    cameras: CameraStore
    stations: StationStore
    inspector: Inspector
    streams: Streams
    roots: Roots
    seconds: float

    async def put(self, wanted: camera.PutCamera, _: Delivery) -> Camera:
        await self.stations.get(wanted.station_id)
        known = await self.cameras.find(wanted.station_id)
        source = checked(completed(wanted.source, known.source if known and not known.sealed else None))
        if known is not None and known.sealed and source == known.source:
            why = "it was sealed with another secret: give it with its password"
            raise Invalid(f"source.url: {why}", {"source.url": why})
        if isinstance(source, FolderSource):
            self.roots.folder(source.folder, "source.folder")
        now = datetime.now(UTC)
        new = OwnCamera(station_id=wanted.station_id, source=source, changed_at=now, changed_by=wanted.by)
        await self.cameras.put(new)
        if known is not None and known.source != source:
            await self._let_go(known)
        return _public(new)

    async def get(self, wanted: camera.GetCamera, _: Delivery) -> Camera:
        return _public(await self.cameras.get(wanted.station_id))

    async def every(self, _: camera.ListCameras, __: Delivery) -> camera.Cameras:
        return camera.Cameras(cameras=tuple(_public(one) for one in await self.cameras.all()))

    async def remove(self, wanted: camera.RemoveCamera, _: Delivery) -> camera.RemovedCamera:
        known = await self.cameras.get(wanted.station_id)
        await self.cameras.remove(wanted.station_id)
        await self._let_go(known)
        return camera.RemovedCamera(station_id=wanted.station_id)

    async def capture(self, wanted: camera.CaptureFrame, _: Delivery) -> Inspection:
        """Take a picture now and judge it; what is answered is kept."""
        await self.stations.get(wanted.station_id)
        known = await self.cameras.find(wanted.station_id)
        if known is None:
            raise Conflict(
                f"station_id '{wanted.station_id}' has no camera: give it one at /api/v1/cameras",
                {"station_id": "no camera"},
            )
        try:
            data = await self._picture(known)
            frame = FrameCaptured(
                station_id=wanted.station_id,
                part_id=wanted.part_id,
                frame_id=wanted.frame_id,
                captured_at=datetime.now(UTC),
            )
            judged = await self._judged(frame, data)
        except _NoPicture as none:
            await self.cameras.failed(known, str(none), datetime.now(UTC))
            raise Unavailable(f"the camera of station_id '{wanted.station_id}': {none}") from none
        await self.cameras.did(known, frame.captured_at or judged.captured_at)
        return judged

    async def _picture(self, known: OwnCamera) -> bytes:
        """Raises _NoPicture."""
        if known.sealed:
            raise _NoPicture("its address was sealed with another secret: set it again")
        try:
            match known.source:
                case FolderSource(folder=given):
                    folder = self.roots.folder(given, "source.folder")
                    name = await self._next_name(known, folder)
                    return await asyncio.to_thread(read_file, folder / name, self.roots)
                case PlateSource(seed=seed, defects=defects):
                    number = await self._next_number(known)
                    return await asyncio.to_thread(stills.plate, number, seed, defects)
                case RtspSource(url=url):
                    return await self.streams.picture(url, self.seconds)
                case UsbSource(device=device):
                    return await self.streams.picture(device, self.seconds)
                case HttpSource(url=url):
                    return await snapshot(url, self.seconds)
        except Refused as refused:
            raise _NoPicture(str(refused)) from refused

    async def _judged(self, frame: FrameCaptured, data: bytes) -> Inspection:
        try:
            return await self.inspector.look(frame, data, "camera")
        except (Invalid, TooLarge, UnsupportedMedia) as bad:
            raise _NoPicture(f"what it gave is no picture: {bad}") from bad

    async def _next_name(self, known: OwnCamera, folder: Path) -> str:
        for _ in range(_TURNS):
            name = await asyncio.to_thread(stills.after, folder, known.cursor, self.roots)
            if await self.cameras.move(known, name):
                return name
            known = await self.cameras.get(known.station_id)
        raise Unavailable("too many triggers at once")

    async def _next_number(self, known: OwnCamera) -> int:
        for _ in range(_TURNS):
            number = int(known.cursor or "0")
            if await self.cameras.move(known, str(number + 1)):
                return number
            known = await self.cameras.get(known.station_id)
        raise Unavailable("too many triggers at once")

    async def _let_go(self, known: OwnCamera) -> None:
        match known.source:
            case RtspSource(url=url):
                await self.streams.close(url)
            case UsbSource(device=device):
                await self.streams.close(device)
            case _:
                return


class _NoPicture(Exception):
    """The camera gave none; says why."""


def _public(one: OwnCamera) -> Camera:
    return Camera.model_validate(one.model_dump() | {"source": shown(one.source)})
