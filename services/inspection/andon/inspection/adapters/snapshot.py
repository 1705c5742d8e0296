"""A picture made small enough to be sent to a model that looks at it."""

import cv2
import numpy as np
import simplejpeg

from andon.serving import decode

_SIDE = 1024
"""Pixels of the longer side."""
_QUALITY = 85


def snapshot(data: bytes) -> bytes:
    """An encoded image as a JPEG of at most 1024 pixels a side. Raises like `andon.serving.decode`."""
    pixels = decode(data, min_side=_SIDE // 2).pixels
    scale = _SIDE / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=_QUALITY)
