"""The pictures that prove a judgement, in the object store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from andon.contracts.inspection import StoredImage
from andon.inspection.adapters.picture import Drawing
from andon.serving import Decoded
from andon.storage import Blobs

_SUFFIX = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "image/webp": "webp",
}


@dataclass(frozen=True)
class Place:
    """Which part's evidence, and where it is filed."""

    part: str
    station: str
    day: datetime

    def key(self, kind: str, suffix: str) -> str:
        """The same part has the same key on every try."""
        return f"{kind}/{self.station}/{self.day:%Y/%m/%d}/{self.part}.{suffix}"


@dataclass(frozen=True)
class EvidenceStore:
    """Keeps originals as they came, and what was drawn over them."""

    blobs: Blobs

    def original(self, place: Place, data: bytes, decoded: Decoded) -> StoredImage:
        """Where and as what the received bytes will be kept."""
        return StoredImage(
            key=place.key("images", _SUFFIX[decoded.media_type]),
            content_type=decoded.media_type,
            size=len(data),
            width=decoded.width,
            height=decoded.height,
            sha256=sha256(data).hexdigest(),
        )

    def annotated(self, place: Place, drawing: Drawing) -> StoredImage:
        """Where and as what the annotated picture will be kept."""
        return StoredImage(
            key=place.key("annotated", "jpg"),
            content_type="image/jpeg",
            size=len(drawing.jpeg),
            width=drawing.width,
            height=drawing.height,
        )

    async def keep(self, image: StoredImage, data: bytes) -> None:
        """Store; a repeat overwrites with the same. Raises Unavailable while the store is away or full."""
        await self.blobs.put(image.key, data, image.content_type, sha256=image.sha256)

    async def drop(self, keys: Sequence[str]) -> None:
        """Remove what is there."""
        if keys:
            await self.blobs.delete_many(keys)
