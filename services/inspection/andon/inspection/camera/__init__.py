"""Cameras for a line without one: a rendered plate, real photographs, or a folder of images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from andon.inspection.camera.feed import Fed, Sent, feed
    from andon.inspection.camera.folder import FolderCamera
    from andon.inspection.camera.open import Kind, open_source
    from andon.inspection.camera.photos import LICENCE, PACKAGE, PhotoCamera
    from andon.inspection.camera.plate import KINDS, PlateCamera
    from andon.inspection.camera.shot import MAX_INLINE, Shot, Source, Truth

__all__ = [
    "KINDS", "LICENCE", "MAX_INLINE", "PACKAGE", "Fed", "FolderCamera", "Kind", "PhotoCamera", "PlateCamera",
    "Sent", "Shot", "Source", "Truth", "feed", "open_source",
]  # fmt: skip

_HOME = {
    "KINDS": "plate", "PlateCamera": "plate",
    "LICENCE": "photos", "PACKAGE": "photos", "PhotoCamera": "photos",
    "FolderCamera": "folder", "Kind": "open", "open_source": "open",
    "Fed": "feed", "Sent": "feed", "feed": "feed",
    "MAX_INLINE": "shot", "Shot": "shot", "Source": "shot", "Truth": "shot",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported on first use: every `andon` command loads this package, and few need OpenCV.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
