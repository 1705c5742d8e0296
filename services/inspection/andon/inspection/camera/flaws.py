"""What can be wrong with a plate: six kinds of defects, each drawn with its true mask."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.inspection.camera import metal
from andon.inspection.camera.metal import Field, Picture

Random = np.random.Generator


def scratch(rng: Random, plate: Picture) -> Picture:
    """A tool slipped: a bent groove, 130 to 360 pixels long, thin at its ends, a bright burr beside it."""
    path = _slip(rng)
    width = int(rng.integers(3, 6))
    pressed = np.sin(np.linspace(0.12, 0.92, len(path)) * np.pi) * rng.uniform(0.75, 1.0, len(path))
    groove, burr = _line(path, width, pressed), _line(path + (1 + width / 2), 2, pressed)
    deep = rng.uniform(0.3, 0.8)
    return _worn(plate, groove, 1 - deep * groove + 0.6 * deep * burr * (1 - groove))


def crack(rng: Random, plate: Picture) -> Picture:
    """The metal broke: a dark jagged line, 120 to 280 pixels long, with a side branch."""
    start, angle = _spot(rng), rng.uniform(0, 2 * np.pi)
    steps = int(rng.integers(14, 30))
    main = _walk(rng, start, angle, steps)
    branch = _walk(rng, main[steps // 2], angle + rng.choice((-0.8, 0.8)), steps // 3)
    drawn = np.maximum(_line(main, int(rng.integers(3, 6))), _line(branch, 2))
    lip = _line(main + 2.5, 2) * (1 - drawn)
    return _worn(plate, drawn, 1 - rng.uniform(0.55, 0.88) * drawn + 0.25 * lip)


def stain(rng: Random, plate: Picture) -> Picture:
    """Coolant dried on: a brown blot with a darker rim, 70 to 190 pixels wide."""
    radius = rng.uniform(35, 95)
    cloud = cv2.resize(
        rng.normal(0, 1, (9, 9)).astype(np.float32), plate.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    x, y = _around(_spot(rng), plate)
    near = np.hypot(x, y * rng.uniform(0.8, 1.5)) / radius
    waves = cv2.resize(
        rng.normal(0, 0.16, (24, 30)).astype(np.float32), plate.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    inside = np.clip((1 + 0.1 * cloud + waves - near) * radius / 8, 0, 1)
    rim = np.clip(1 - np.abs(inside - 0.5) * 2, 0, 1)
    strength = rng.uniform(0.3, 1.0) * inside * (0.9 + 0.12 * cloud) + 0.3 * rim
    tint = np.array((0.52, 0.38, 0.28), np.float32)
    return _worn(plate, inside, 1 - strength[..., None] * tint)


def dent(rng: Random, plate: Picture) -> Picture:
    """Something fell on it: a round hollow, 50 to 110 pixels wide, dark to the light and bright behind."""
    radius = rng.uniform(25, 55)
    x, y = _around(_spot(rng), plate)
    near = np.hypot(x, y) / radius
    hollow = np.exp(-((near * 1.5) ** 2))
    slope = hollow * (0.55 * x + 0.83 * y) / radius
    shade = 1 + rng.uniform(0.5, 1.5) * slope - 0.16 * hollow
    ring = -0.12 * np.exp(-(((near - 1) * 6) ** 2)) * (x + y) / radius
    return _worn(plate, (near < 1).astype(np.float32), shade + ring)


def pits(rng: Random, plate: Picture) -> Picture:
    """Corrosion or pores: 5 to 35 small dark pits close together."""
    centre, count = _spot(rng), int(rng.integers(5, 36))
    drawn, rims = _canvas(plate), _canvas(plate)
    for place in centre + rng.normal(0, rng.uniform(18, 34), (count, 2)):
        radius = rng.uniform(2.2, 6.5)
        _dot(drawn, place, radius)
        _dot(rims, place + 1.3, radius + 0.8)
    drawn, rims = (cv2.GaussianBlur(dots, (5, 5), 0.9) for dots in (drawn, rims))
    return _worn(plate, drawn, 1 - rng.uniform(0.45, 0.8) * drawn + 0.2 * rims * (1 - drawn))


def missing_hole(rng: Random, plate: Picture) -> Picture:
    """A drilling step was left out: plain metal where a hole belongs."""
    tapped = metal.tapped_holes()
    if rng.random() < 0.5:  # noqa: PLR2004 - one or the other
        place = tapped[int(rng.integers(len(tapped)))]
        middle = (metal.CENTRE[0] + metal.MARGIN, metal.CENTRE[1] + metal.MARGIN)
        turn = cv2.getRotationMatrix2D(middle, 30, 1)
        metal_beside, radius = cv2.warpAffine(plate, turn, plate.shape[1::-1]), metal.TAPPED + 8
    else:
        place = metal.HOLES[int(rng.integers(len(metal.HOLES)))]
        right, down = (
            (150 if place[0] < metal.CENTRE[0] else -150),
            (0 if place[1] < metal.CENTRE[1] else -160),
        )
        metal_beside, radius = np.roll(plate, (-down, -right), (0, 1)), metal.SINK + 4
    x, y = _around(np.array(place) + metal.MARGIN, plate)
    away = np.hypot(x, y) - radius
    ring = (away > 0) & (away < 8)  # noqa: PLR2004 - pixels whose brightness the new metal has to meet
    match = plate[ring].mean() / metal_beside[ring].mean()
    cover = np.clip((3 - away) / 6, 0, 1)
    plate[:] = np.clip(plate + cover[..., None] * (metal_beside * np.float32(match) - plate), 0, 255)
    return np.where(cover > 0, np.uint8(255), np.uint8(0))


FLAWS: dict[str, Callable[[Random, Picture], Picture]] = {
    "scratch": scratch,
    "crack": crack,
    "stain": stain,
    "dent": dent,
    "pits": pits,
    "missing-hole": missing_hole,
}
"""By name; each draws on a plate (uint8 BGR with margin) and gives the mask of what it changed."""


@lru_cache(maxsize=1)
def _spots() -> NDArray[np.intp]:
    return np.argwhere(metal.relief().faces[::8, ::8] > 0)[:, ::-1] * 8


def _spot(rng: Random) -> NDArray[np.float64]:
    spots = _spots()
    return spots[int(rng.integers(len(spots)))].astype(np.float64)


def _slip(rng: Random) -> NDArray[np.float64]:
    """A bent path whose ends lie on flat metal."""
    faces, path = metal.relief().faces, np.empty((0, 2))
    for _ in range(20):
        start, angle, length = _spot(rng), rng.uniform(0, 2 * np.pi), rng.uniform(130, 360)
        along = np.linspace(0, 1, 40)[:, None]
        heading = np.array((np.cos(angle), np.sin(angle)))
        bend = rng.uniform(-30, 30) * np.sin(along * np.pi) * np.array((-heading[1], heading[0]))
        path = start + along * length * heading + bend
        x, y = np.clip(path[-1], 0, np.array(faces.shape[::-1]) - 1).astype(int)
        if faces[y, x]:
            break
    return path


def _walk(rng: Random, start: NDArray[np.float64], angle: float, steps: int) -> NDArray[np.float64]:
    angles = angle + np.cumsum(rng.normal(0, 0.35, steps)) + rng.normal(0, 0.45, steps)
    strides = rng.uniform(5, 13, steps)[:, None]
    return start + np.cumsum(strides * np.stack([np.cos(angles), np.sin(angles)], 1), 0)


def _canvas(plate: Picture) -> Field:
    return np.zeros(plate.shape[:2], np.float32)


def _around(centre: NDArray[np.float64], plate: Picture) -> tuple[Field, Field]:
    height, width = plate.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(centre[0])
    return x, np.arange(height, dtype=np.float32)[:, None] - np.float32(centre[1])


def _line(path: NDArray[np.float64], width: int, strength: NDArray[np.float64] | None = None) -> Field:
    """A line along a path, 0 to 1; `strength` per point of the path."""
    drawn = np.zeros((metal.HEIGHT + 2 * metal.MARGIN, metal.WIDTH + 2 * metal.MARGIN), np.uint8)
    points = np.round(path * 16).astype(np.int32)
    if strength is None:
        cv2.polylines(drawn, [points], False, 255, width, cv2.LINE_AA, 4)
    else:
        for start, end, pressed in zip(points, points[1:], strength, strict=False):
            thick = max(1, round(width * float(pressed)))
            cv2.line(drawn, start.tolist(), end.tolist(), round(255 * float(pressed)), thick, cv2.LINE_AA, 4)
    return drawn.astype(np.float32) / 255


def _dot(drawn: Field, place: NDArray[np.float64], radius: float) -> None:
    centre = (round(place[0] * 16), round(place[1] * 16))
    cv2.circle(drawn, centre, round(radius * 16), 1.0, -1, cv2.LINE_8, 4)


def _worn(plate: Picture, where: Field, gain: Field) -> Picture:
    """Multiply the plate's metal by `gain` in place and give the mask of `where`."""
    on_metal = metal.relief().metal
    if gain.ndim == where.ndim:
        gain = gain[..., None]
    changed = np.any(np.abs(gain - 1) > 0.01, axis=-1) & (on_metal > 0)  # noqa: PLR2004 - below what 8 bits show
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    if rows.size:
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        kept = 1 + (gain[part] - 1) * on_metal[part][..., None]
        plate[part] = np.clip(plate[part] * kept, 0, 255)
    return np.where((where > 0.3) & (on_metal > 0.5), np.uint8(255), np.uint8(0))  # noqa: PLR2004 - soft edges
