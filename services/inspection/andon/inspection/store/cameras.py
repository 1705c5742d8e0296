"""The cameras of stations, where each of them is in its pictures, and how it did."""

from dataclasses import dataclass
from datetime import datetime

from andon.contracts import NotFound
from andon.contracts.camera import Camera, CameraState, HttpSource, RtspSource
from andon.inspection.domain.cameras import shown, with_address
from andon.security import Safe
from andon.storage import Collection, Database


class OwnCamera(Camera):
    """A camera with its address as it is, secrets included."""

    sealed: str = ""
    """The address, where only the operator's secret can open it; `source` is without its secrets then."""
    cursor: str = ""
    """The last picture of those that come in an order: a file's name, or a number."""


@dataclass(eq=False)
class CameraStore:
    """One camera per station."""

    database: Database
    safe: Safe

    def __post_init__(self) -> None:
        self._cameras = Collection(self.database, "cameras", OwnCamera, key="station_id")

    async def all(self) -> list[OwnCamera]:
        """By station id, sealed ones without their secrets."""
        return await self._cameras.find(sort=["station_id"], limit=0)

    async def find(self, station_id: str) -> OwnCamera | None:
        """Still sealed where it can't be opened."""
        kept = await self._cameras.get(station_id)
        if kept is None or not kept.sealed:
            return kept
        try:
            address = await self.safe.opened(kept.sealed, _about(station_id))
        except ValueError:
            return kept
        return kept.model_copy(update={"source": with_address(kept.source, address), "sealed": ""})

    async def get(self, station_id: str) -> OwnCamera:
        """Raises NotFound."""
        found = await self.find(station_id)
        if found is None:
            raise NotFound(f"station_id '{station_id}' has no camera", {"station_id": "no camera"})
        return found

    async def put(self, camera: OwnCamera) -> None:
        public = shown(camera.source)
        if (
            isinstance(camera.source, (RtspSource, HttpSource))
            and public != camera.source
            and self.safe.seals
        ):
            sealed = await self.safe.sealed(camera.source.url, _about(camera.station_id))
            camera = camera.model_copy(update={"source": public, "sealed": sealed})
        await self._cameras.put(camera)

    async def remove(self, station_id: str) -> bool:
        """Whether there was one."""
        return await self._cameras.delete(station_id)

    async def move(self, camera: OwnCamera, cursor: str) -> bool:
        """Take the next picture; False when another trigger took it, or the camera was changed."""
        expected = {"cursor": camera.cursor, "changed_at": camera.changed_at}
        return await self._cameras.swap(camera.station_id, expected, {"cursor": cursor})

    async def did(self, camera: OwnCamera, now: datetime) -> None:
        """Note a picture."""
        good = {"state": CameraState.OK, "failures": 0, "last_frame_at": now}
        await self._cameras.update(camera.station_id, {"$set": good, "$inc": {"captured": 1}})

    async def failed(self, camera: OwnCamera, why: str, now: datetime) -> None:
        """Note a try without a picture."""
        bad = {"state": CameraState.AWAY, "last_failure_at": now, "last_failure": why}
        await self._cameras.update(camera.station_id, {"$set": bad, "$inc": {"failures": 1}})


def _about(station_id: str) -> str:
    return f"inspection.camera.{station_id}"
