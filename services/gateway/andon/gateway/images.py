"""Evidence by inspection id: where it lies, and addresses that an <img> can use."""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from pydantic import BaseModel, SecretStr

from andon.contracts import NotFound, inspection
from andon.gateway.domain import MEDIA_TYPES, ImageName, Picture, Signature
from andon.gateway.thumbnails import Thumbnails
from andon.messaging import Service
from andon.storage import Blobs

_REMEMBERED = 2000
"""Parts whose keys are kept in mind, so that showing what was just judged asks nobody."""

Kept = tuple[inspection.StoredImage | None, inspection.StoredImage | None]
"""original, annotated"""


class ImageSettings(BaseModel):
    signing_key: SecretStr | None = None
    """Signs image addresses. Set the same for several gateways; by default new with each start."""


@dataclass(frozen=True)
class Shown:
    """An image's bytes with what a browser needs to know of them."""

    data: bytes
    media_type: str
    sha256: str


@dataclass
class Images:
    """Finds evidence and signs its addresses."""

    bus: Service
    blobs: Blobs
    signature: Signature
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    _kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict[str, Kept])

    @classmethod
    def opened(cls, bus: Service, blobs: Blobs, settings: ImageSettings) -> "Images":
        given = settings.signing_key
        key = given.get_secret_value().encode() if given else secrets.token_bytes(32)
        return cls(bus, blobs, Signature(key))

    def address(
        self, inspection_id: str, picture: Picture, kept: inspection.StoredImage | None
    ) -> str | None:
        """A path that shows the image for one to two hours; None when it was not kept."""
        if kept is None:
            return None
        ending = "jpg" if picture is Picture.THUMBNAIL else MEDIA_TYPES.get(kept.content_type, "jpg")
        name = ImageName(inspection_id, picture, ending)
        return f"/static/images/{name}?{self.signature.query(name, time.time())}"

    def opens(self, name: ImageName, expires: int, signature: str) -> bool:
        """Whether an address that we gave out still shows its image."""
        return self.signature.holds(name, expires, signature, time.time())

    def remember(self, record: inspection.Inspection) -> None:
        self._kept[record.id] = (record.image, record.annotated)
        self._kept.move_to_end(record.id)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)

    def forget(self, inspection_id: str) -> None:
        for image in self._kept.pop(inspection_id, ()):
            if image is not None:
                self.thumbnails.forget(image.key)

    def forget_all(self) -> None:
        """Many parts lost their images, and nobody told which."""
        self._kept.clear()
        self.thumbnails.forget_all()

    async def read(self, inspection_id: str, picture: Picture) -> Shown:
        """Raises NotFound for an unknown part and for an image that was not kept."""
        original, annotated = await self._find(inspection_id)
        # Over a part that passed nothing is drawn: its original is all there is to see.
        kept = annotated or original if picture is Picture.ANNOTATED else original
        if kept is None:
            raise NotFound(f"No {picture} image was kept of inspection {inspection_id}.")
        if picture is Picture.THUMBNAIL:
            return Shown(await self.thumbnails.of(kept.key, self.blobs.get), "image/jpeg", "")
        media_type = kept.content_type if kept.content_type in MEDIA_TYPES else "application/octet-stream"
        return Shown(await self.blobs.get(kept.key), media_type, kept.sha256)

    async def _find(self, inspection_id: str) -> Kept:
        if kept := self._kept.get(inspection_id):
            return kept
        record = await self.bus.ask(inspection.GET, inspection.GetInspection(id=inspection_id))
        self.remember(record)
        return record.image, record.annotated
