"""Opens a camera by its name."""

from enum import StrEnum
from pathlib import Path

from andon.contracts import BadRequest
from andon.inspection.camera.shot import Source


class Kind(StrEnum):
    """Which camera."""

    PLATE = "plate"
    PHOTOS = "photos"
    FOLDER = "folder"


def open_source(  # noqa: PLR0913 - what the command line offers
    kind: Kind | str,
    *,
    images: Path | None = None,
    seed: int = 0,
    defects: float = 0.15,
    good_first: int | None = None,
    repeat: bool = False,
) -> Source:
    """Open a camera; `good_first` None takes each camera's own number. Raises Refused with the reason.

    `images` is the folder of images, or where the photographs were installed (None: in this Python).
    """
    match Kind(kind):
        case Kind.PLATE:
            from andon.inspection.camera.plate import PlateCamera  # noqa: PLC0415 - OpenCV only where it draws

            return PlateCamera(
                seed=seed, defects=defects, good_first=60 if good_first is None else good_first
            )
        case Kind.PHOTOS:
            from andon.inspection.camera.photos import PhotoCamera  # noqa: PLC0415 - the same

            return PhotoCamera(
                images,
                seed=seed,
                defects=defects,
                repeat=repeat,
                good_first=200 if good_first is None else good_first,
            )
        case Kind.FOLDER:
            from andon.inspection.camera.folder import FolderCamera  # noqa: PLC0415 - the same

            if images is None:
                raise BadRequest("Which folder? Name it: --images FOLDER.")
            return FolderCamera(images, seed=seed, good_first=good_first, repeat=repeat)
