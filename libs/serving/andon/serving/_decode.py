"""Encoded images become RGB pixels; whatever is hostile or half there is refused before it costs anything."""

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from andon.contracts import Invalid, TooLarge, UnsupportedMedia
from andon.contracts.station import Region

SIDE = 256
"""Pixels of a side of the square that every model looks at."""
MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_SCANS = 100
"""A progressive JPEG of thousands of scans is small in bytes and takes minutes to decode."""

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
}

Pixels = NDArray[np.uint8]

# Pillow's own bomb guard warns first and raises later; ours is lower, so its warning is an error as well.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True, eq=False)
class Decoded:
    """An image ready to be looked at."""

    pixels: Pixels
    """uint8 [h, w, 3] RGB, perhaps smaller than the original."""
    width: int
    """Of the original, in pixels."""
    height: int
    media_type: str
    """What the bytes are, whatever their sender called them."""


def decode(data: bytes, min_side: int = SIDE, region: Region | None = None) -> Decoded:
    """Decode to RGB, no larger than needed for `min_side` pixels on each side of the region.

    JPEG is scaled down while it is decoded; other formats come in full. Grey, 16-bit (its high byte), palette
    and CMYK images become RGB, alpha is dropped, of several frames the first counts. EXIF orientation is
    ignored: a fixed camera's pixels are judged as they lie on the sensor.
    Raises Invalid (empty, damaged, incomplete), TooLarge (bytes or pixels) and UnsupportedMedia.
    """
    kind = _kind(data)
    if kind == "JPEG":
        return _decode_jpeg(data, min_side, region or Region())
    return _decode_other(data, kind)


def decode_full(data: bytes) -> Decoded:
    """Decode every original pixel, for what is measured in them. Raises like `decode`."""
    return decode(data, min_side=0)


def look(pixels: Pixels, region: Region | None = None, side: int = SIDE) -> Pixels:
    """The region as a uint8 [side, side, 3] square, each pixel the mean of those it covers."""
    height, width = pixels.shape[:2]
    area = region or Region()
    left, top = min(int(area.x * width), width - 1), min(int(area.y * height), height - 1)
    right = max(left + 1, min(width, round((area.x + area.width) * width)))
    bottom = max(top + 1, min(height, round((area.y + area.height) * height)))
    cut = pixels[top:bottom, left:right]
    if cut.shape[:2] == (side, side):
        return np.ascontiguousarray(cut)
    return cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _kind(data: bytes) -> str:
    if not data:
        raise Invalid("the image is empty (0 bytes)")
    if len(data) > MAX_BYTES:
        raise TooLarge(f"the image has {len(data)} bytes; at most {MAX_BYTES} are taken")
    if data[:2] == b"\xff\xd8":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:2] == b"BM":
        return "BMP"
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise UnsupportedMedia("the bytes are not a JPEG, PNG, BMP, TIFF or WebP image")


def _decode_jpeg(data: bytes, min_side: int, region: Region) -> Decoded:
    if data.count(b"\xff\xda") > MAX_SCANS:
        raise TooLarge(f"the JPEG has more than {MAX_SCANS} scans")
    try:
        tall, wide, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return _decode_other(data, "JPEG")  # a rare subsampling, or not a whole header: Pillow can tell
    width, height = int(wide), int(tall)
    _check_size(width, height)
    if colours in ("CMYK", "YCCK"):
        return _decode_other(data, "JPEG")
    try:
        pixels = simplejpeg.decode_jpeg(
            data,
            "RGB",
            min_height=_at_least(min_side, region.height, height),
            min_width=_at_least(min_side, region.width, width),
        )
    except ValueError as error:
        raise Invalid(f"the JPEG is damaged or incomplete: {error}") from error
    return Decoded(pixels, width, height, MEDIA_TYPES["JPEG"])


def _at_least(min_side: int, share: float, original: int) -> int:
    """Pixels to keep of a side, so that the region keeps `min_side` of them where the original has them."""
    return min(original, round(min_side / share)) if min_side else original


def _decode_other(data: bytes, kind: str) -> Decoded:
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            _check_size(*image.size)
            return Decoded(_rgb(image), *image.size, MEDIA_TYPES[kind])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(f"the image has more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except UnidentifiedImageError as error:
        raise Invalid(f"the {kind} is damaged or incomplete: its header can't be read") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        # What Pillow's readers raise on damaged bytes; each of them only ever means that.
        raise Invalid(f"the {kind} is damaged or incomplete: {error}") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise TooLarge(
            f"the image has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels are taken"
        )
    if width < 1 or height < 1:
        raise Invalid("the image has no pixels")


def _rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise UnsupportedMedia("images of 32 bits per channel are not taken; 8 or 16 are")
    return np.asarray(image.convert("RGB"))
