"""What an upload is by its bytes, and addresses of images that expire."""

import hashlib
import hmac
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

MEDIA_TYPES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/webp": "webp",
}
"""What may be uploaded and shown, with the ending of its file name."""

PAGES = ("line", "parts", "quality", "review", "models", "work", "alerts", "system")
"""First parts of the dashboard's addresses; each is a folder below dashboard/src/pages once it is built."""

_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Sizes of the headers that follow the first 14 bytes of a bitmap; `BM` alone would be any text."""


def sniff(data: bytes) -> str | None:
    """The media type by the first bytes, whatever the sender calls it; None when it is no image we take."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"II*\x00", b"MM\x00*")):
        return "image/tiff"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    return None


class Picture(StrEnum):
    """What can be seen of a part."""

    ORIGINAL = "original"
    ANNOTATED = "annotated"
    THUMBNAIL = "thumbnail"
    """The original, small; made when it is asked for."""


@dataclass(frozen=True)
class ImageName:
    """The last piece of an image's address: `<id>.jpg`, `<id>.annotated.jpg` or `<id>.thumbnail.jpg`."""

    inspection_id: str
    picture: Picture
    ending: str = "jpg"

    def __str__(self) -> str:
        middle = "" if self.picture is Picture.ORIGINAL else f".{self.picture}"
        return f"{self.inspection_id}{middle}.{self.ending}"

    @classmethod
    def parsed(cls, text: str) -> "ImageName | None":
        """None when it is no name that we give out."""
        match = _IMAGE_NAME.fullmatch(text)
        if match is None:
            return None
        return cls(match["id"], Picture(match["picture"] or Picture.ORIGINAL), match["ending"])


_IMAGE_NAME = re.compile(
    rf"(?P<id>[A-Za-z0-9_-]{{1,64}})(?:\.(?P<picture>annotated|thumbnail))?\.(?P<ending>{'|'.join(MEDIA_TYPES.values())})"
)


@dataclass(frozen=True)
class Signature:
    """Lets whoever holds the address see one image for a while, as an <img> can't send a token."""

    key: bytes
    window: int = 3600
    """Seconds: an address is good for one to two of these; within one it stays the same, for caches."""

    def query(self, name: ImageName, now: float) -> str:
        expires = (int(now) // self.window + 2) * self.window
        return f"expires={expires}&signature={self._sign(name, expires)}"

    def holds(self, name: ImageName, expires: int, signature: str, now: float) -> bool:
        return now < expires and hmac.compare_digest(signature.encode(), self._sign(name, expires).encode())

    def _sign(self, name: ImageName, expires: int) -> str:
        text = f"{name.inspection_id}\n{name.picture}\n{expires}".encode()
        return hmac.new(self.key, text, hashlib.sha256).hexdigest()[:32]


def split(text: str) -> tuple[str, ...]:
    """Arguments as a POSIX shell would split them; nothing else of a shell happens. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("an argument can't hold a NUL")
    arguments = tuple(shlex.split(text))
    if len(arguments) > _ARGUMENTS:
        raise ValueError(f"at most {_ARGUMENTS} arguments")
    return arguments


_ARGUMENTS = 900
HELPER = "helper:"
"""What the session of an attempt begins with that a training cluster's helper has in hand."""
