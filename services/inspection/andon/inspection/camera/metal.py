"""A machined plate, drawn once per blank: relief, light and brushed metal."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from andon.contracts import NotFound

Field = NDArray[Any]  # cv2's own types know neither kind nor shape
"""Float, height x width."""
Picture = NDArray[Any]
"""uint8, height x width, or height x width x BGR."""

WIDTH, HEIGHT = 1280, 1024
"""Pixels of a frame."""
MARGIN = 32
"""Pixels drawn around the frame, so that a part that lies askew shows no edge."""
HOLES = ((190, 190), (1090, 190), (190, 834), (1090, 834))
"""Centres of the bolt holes in frame pixels."""
HOLE, SINK = 34, 56
"""Radii of a bolt hole and of its countersink, in pixels."""
CENTRE, BORE, BOSS = (640, 480), 98, 214
"""The boss in the middle: its centre and radii in pixels."""
TAPPED, TAPPED_ON, TAPPED_COUNT = 15, 158, 6
"""Radius of the tapped holes, of the circle they lie on, and how many there are."""
INSET, CLEAR = 40, 22
"""Pixels that a defect keeps from the plate's outline and from every other edge."""
_LIGHT = np.array((-0.50, -0.58, 0.64), np.float32)


@dataclass(frozen=True)
class Relief:
    """The plate's geometry, the same for every part."""

    shade: Field
    """How much light each pixel throws back; 1 is a flat face."""
    metal: Field
    """1 where there is metal, 0 where the mat or the depth of a hole shows."""
    boss: Field
    """1 on the turned face in the middle."""
    pocket: Field
    """1 on the floor of the milled pockets."""
    shadow: Field
    """How much light reaches the mat."""
    depth: Field
    """1 inside of holes."""
    faces: Picture
    """255 on flat metal, away from every edge: where a defect can be."""


def tapped_holes() -> list[tuple[float, float]]:
    """Centres of the tapped holes on the boss, in frame pixels."""
    angles = np.arange(TAPPED_COUNT) * 2 * np.pi / TAPPED_COUNT + np.pi / 6
    return [
        (CENTRE[0] + TAPPED_ON * float(np.cos(a)), CENTRE[1] + TAPPED_ON * float(np.sin(a))) for a in angles
    ]


def _grid() -> tuple[Field, Field]:
    y, x = np.mgrid[-MARGIN : HEIGHT + MARGIN, -MARGIN : WIDTH + MARGIN].astype(np.float32)
    return x, y


def _disc(x: Field, y: Field, centre: tuple[float, float], radius: float) -> Field:
    return np.hypot(x - centre[0], y - centre[1]) - np.float32(radius)


def _box(x: Field, y: Field, centre: tuple[float, float], half: tuple[float, float], corner: float) -> Field:
    across = np.abs(x - centre[0]) - half[0] + corner
    along = np.abs(y - centre[1]) - half[1] + corner
    outside = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
    return outside + np.minimum(np.maximum(across, along), 0) - np.float32(corner)


def _ramp(distance: Field, width: float) -> Field:
    """0 outside, rising to 1 at `width` pixels inside: a chamfer."""
    return np.clip(-distance / width, 0, 1)


def _cover(distance: Field) -> Field:
    """1 inside, 0 outside, soft over one pixel."""
    return np.clip(0.5 - distance, 0, 1)


@lru_cache(maxsize=1)
def relief() -> Relief:
    """Work out the plate's geometry and how the light falls on it."""
    x, y = _grid()
    plate = _box(x, y, (640, 512), (540, 412), 52)
    boss, bore = _disc(x, y, CENTRE, BOSS), _disc(x, y, CENTRE, BORE)
    slots = [_box(x, y, (cx, 512), (24, 150), 24) for cx in (236, 1044)]
    pocket = _box(x, y, (640, 836), (300, 62), 22)
    bolts = [_disc(x, y, centre, HOLE) for centre in HOLES]
    tapped = [_disc(x, y, centre, TAPPED) for centre in tapped_holes()]
    through = np.minimum.reduce([bore, *slots, *bolts, *tapped])

    height = 13 * _ramp(plate, 11) + 12 * _ramp(boss, 10) - 9 * _ramp(pocket, 7)
    for sink in (_disc(x, y, centre, SINK) for centre in HOLES):
        height -= 14 * _ramp(sink, SINK - HOLE)
    for edge, width, deep in [(bore, 9, 26), *((s, 6, 22) for s in slots), *((t, 3, 8) for t in tapped)]:
        height -= deep * _ramp(edge - width / 2, width)
    height -= 18 * _ramp(np.minimum.reduce(bolts), 5)
    engraved = _engraving()
    height -= 2.4 * engraved
    height = cv2.GaussianBlur(height, (0, 0), 1.1)

    metal = _cover(plate) * (1 - _cover(through + 3))
    hollow = 1 - 0.45 * np.clip((cv2.blur(height, (61, 61)) - height) / 22, 0, 1)
    shade = _lit(height) * hollow * (1 - 0.42 * engraved)
    edges = np.minimum.reduce([np.abs(plate), np.abs(boss), np.abs(pocket), through])
    sinks = np.minimum.reduce([_disc(x, y, centre, SINK) for centre in HOLES])
    free = (
        (plate < -INSET)
        & (pocket > 0)
        & (edges > CLEAR)
        & (sinks > CLEAR)
        & (cv2.dilate(engraved, np.ones((15, 15))) <= 0)
    )
    fallen = cv2.GaussianBlur(np.roll(_cover(plate), (16, 14), (0, 1)), (0, 0), 14)
    return Relief(
        shade=shade,
        metal=metal,
        boss=_cover(boss) * (1 - _cover(bore)),
        pocket=_cover(pocket + 5),
        shadow=1 - 0.72 * fallen,
        depth=_cover(through),
        faces=np.where(free, 255, 0).astype(np.uint8),
    )


def _lit(height: Field) -> Field:
    """Diffuse light and a soft gloss from the upper left; 1 on a flat face."""
    down, right = np.gradient(height)
    length = np.sqrt(down**2 + right**2 + 1)
    facing = np.maximum((-right * _LIGHT[0] - down * _LIGHT[1] + _LIGHT[2]) / length, 0)
    half = _LIGHT + np.array((0, 0, 1), np.float32)
    half /= np.linalg.norm(half)
    gloss = np.maximum((-right * half[0] - down * half[1] + half[2]) / length, 0) ** 18
    return 0.30 + 0.62 * facing / _LIGHT[2] + 0.55 * (gloss - half[2] ** 18)


def _engraving() -> Field:
    """The maker's marks: name, part number and a code of dots."""
    drawn = Image.new("L", (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN))
    pen = ImageDraw.Draw(drawn)
    pen.text((376 + MARGIN, 797 + MARGIN), "ANDON", 255, ImageFont.load_default(62))
    pen.text((620 + MARGIN, 800 + MARGIN), "P/N 7042-A", 255, ImageFont.load_default(30))
    pen.text((620 + MARGIN, 840 + MARGIN), "AL 6082-T6", 255, ImageFont.load_default(30))
    dots = np.random.default_rng(7042).integers(0, 2, (12, 12))
    dots[-1, :] = dots[:, 0] = 1
    dots[0, :], dots[:, -1] = np.arange(12) % 2 == 0, np.arange(12) % 2 == 1
    for row, column in np.argwhere(dots):
        left, top = 828 + MARGIN + 7 * column, 794 + MARGIN + 7 * row
        pen.rectangle((left, top, left + 5, top + 5), 255)
    return cv2.GaussianBlur(np.asarray(drawn, np.float32) / 255, (0, 0), 0.7)


@lru_cache(maxsize=1)
def _gravel() -> Field:
    pixels = cv2.imread(str(Path(__file__).parent / "textures" / "gravel.png"), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise NotFound("The camera's texture is not installed: textures/gravel.png is missing.")
    return pixels.astype(np.float32) / 255


def _texture(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Gravel, tiled by mirroring from a random place."""
    tile = _gravel()
    tile = np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])
    tile = np.roll(tile, tuple(int(n) for n in rng.integers(0, 1024, 2)), (0, 1))
    return np.tile(tile, (2, 2))[: shape[0], : shape[1]]


def _brushed(rng: np.random.Generator, shape: tuple[int, int], length: int) -> Field:
    """Streaks along the rows: mean 0, standard deviation 1."""
    fine = cv2.blur(_texture(rng, shape), (length, 1))
    coarse = cv2.blur(_texture(rng, shape), (length * 3, 2))
    fine, coarse = (part - cv2.blur(part, (1, 41)) for part in (fine, coarse))
    streaks = fine / fine.std() + 0.4 * coarse / coarse.std()
    return streaks / streaks.std()


def _turned(rng: np.random.Generator, shape: tuple[int, int], centre: tuple[float, float]) -> Field:
    """Concentric tool marks around a centre (in frame pixels)."""
    reach = 1200
    half = _brushed(rng, (reach, 512), 121).T  # angle x radius
    rings = np.concatenate([half, half[::-1]])  # mirrored, so that it closes without a seam
    middle = (centre[0] + MARGIN, centre[1] + MARGIN)
    # Unfilled, what lies beyond the reach keeps whatever the memory held.
    flags = cv2.WARP_POLAR_LINEAR | cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR | cv2.WARP_FILL_OUTLIERS
    return cv2.warpPolar(rings, (shape[1], shape[0]), middle, reach, flags)


def blank(rng: np.random.Generator) -> Picture:
    """A flawless plate on its mat: uint8 BGR, the frame with its margin. Each has its own grain."""
    form, shape = relief(), (HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN)
    x, y = _grid()
    angle = np.arctan2(y - CENTRE[1], x - CENTRE[0])
    sheen = 1 + 0.10 * np.cos((x - 560) / WIDTH * np.pi * 1.3) + 0.04 * np.cos(y / HEIGHT * np.pi)
    face = 0.78 * sheen * (1 + 0.034 * _brushed(rng, shape, 121))
    bow = 0.70 + 0.36 * np.abs(np.cos(angle + 0.95)) ** 6
    turned = bow * (1 + 0.04 * _turned(rng, shape, CENTRE))
    milled = 0.66 * sheen * (1 + 0.05 * _turned(rng, shape, (640, 1700)))
    surface = face + form.boss * (turned - face)
    surface += form.pocket * (milled - surface)
    lit = surface * form.shade
    mat = (0.105 + 0.05 * (_texture(rng, shape) - 0.5)) * form.shadow
    mat = np.where(form.depth > 0, 0.045 + 0.01 * (mat - mat.mean()), mat)
    tones = np.array((1.015, 1.0, 0.985), np.float32), np.array((1.25, 1.05, 0.90), np.float32)
    cover = form.metal[..., None]
    picture = (lit[..., None] * tones[0]) * cover + (mat[..., None] * tones[1]) * (1 - cover)
    return np.clip(picture * 232, 0, 255).astype(np.uint8)
