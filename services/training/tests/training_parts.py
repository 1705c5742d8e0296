"""Generated parts: a brushed plate with two bores, never twice the same."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def part(number: int, *, scratched: bool = False, side: int = 256) -> Pixels:
    """uint8 [side, side, 3]: good, or with a dark scratch across the middle."""
    generator = np.random.default_rng(number)
    grain = cv2.GaussianBlur(generator.normal(size=(side, side)), (31, 3), 0)
    plate = 130 + 60 * grain + generator.normal(scale=2, size=(side, side))
    image = np.repeat(plate[..., None], 3, axis=2)
    across, down = generator.normal(scale=1.0, size=2)
    for column in (0.3, 0.7):
        place = (round(column * side + across), round(side * 0.5 + down))
        cv2.circle(image, place, side // 12, (60, 62, 66), -1, cv2.LINE_AA)
    if scratched:
        start = generator.uniform(0.35, 0.65, 2) * side
        end = start + generator.uniform(0.1, 0.2, 2) * side
        cv2.line(image, tuple(start.astype(int)), tuple(end.astype(int)), (30, 30, 30), 3, cv2.LINE_AA)
    return np.clip(image, 0, 255).astype(np.uint8)


def parts(count: int, *, first: int = 0, scratched: bool = False) -> Pixels:
    """uint8 [count, 256, 256, 3]"""
    return np.stack([part(first + number, scratched=scratched) for number in range(count)])


def jpeg(pixels: Pixels) -> bytes:
    return cv2.imencode(".jpg", pixels[..., ::-1])[1].tobytes()
