"""Pictures that come one after the other when they are asked for: of a folder, or of the rendered plate."""

import re
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from andon.contracts import Unavailable
from andon.inspection.adapters.folders import Roots, files_of
from andon.inspection.camera.plate import PlateCamera
from andon.inspection.domain.batch import IMAGES

MOST = 100_000
"""Images of a folder."""
_IMAGE = re.compile(f".*({'|'.join(re.escape(ending) for ending in sorted(IMAGES))})", re.IGNORECASE)


def after(folder: Path, name: str, roots: Roots) -> str:
    """The name of the image that comes after one, by name; the first again after the last.

    Raises Unavailable where there is none.
    """
    names = files_of(folder, _IMAGE, roots, most=MOST)
    if not names:
        raise Unavailable(f"there is no image in {folder}")
    return names[bisect_right(names, name) % len(names)]


def plate(number: int, seed: int, defects: float) -> bytes:
    """The picture of a part, counted from 0: a JPEG of 1280 x 1024."""
    return _plates(seed, defects).shot(number).data


@lru_cache(maxsize=4)
def _plates(seed: int, defects: float) -> PlateCamera:
    return PlateCamera(seed=seed, defects=defects, good_first=0)
