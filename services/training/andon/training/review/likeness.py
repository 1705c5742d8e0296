"""How alike parts look, by pooled features: copies of what was asked about, and what was never seen."""

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

COPY = {"spot": 0.006, "part": 0.0015}
"""Cosine distance below which two look alike. Measured on cut-outs of one scratch on different plates (0.003)
and of different scratches (0.007 and more); on whole images, of re-encoded ones (0.0006)."""
ASKED = 500
"""Items of a station whose looks are remembered."""
SEEN = 200
"""Ordinary parts of a station whose looks are remembered, the oldest forgotten first."""
FEWEST = 20
"""Ordinary parts from which on something can be called new."""
FAR = 1.25
"""So much farther from all ordinary parts than any two neighbours among them are."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a part, or the worst spot of it, looks like."""

    kind: str
    """spot or part; only the same kinds can be compared."""
    vector: Vector
    """[528] of length 1."""

    def text(self) -> str:
        """As it is stored, in half precision."""
        return f"{self.kind}:{b64encode(self.vector.astype(np.float16).tobytes()).decode()}"

    @classmethod
    def parsed(cls, text: str) -> "Look":
        kind, _, rest = text.partition(":")
        vector = np.frombuffer(b64decode(rest), np.float16).astype(np.float32)
        return cls(kind, (vector / np.linalg.norm(vector)).astype(np.float32))


@dataclass(frozen=True)
class Nearest:
    """The most similar of what was asked about before."""

    id: str | None
    distance: float | None
    copies: int
    """Of how many it is a copy."""


NOTHING = Nearest(None, None, 0)


@dataclass
class Memory:
    """What one station's parts look like."""

    asked: dict[str, Look] = field(default_factory=dict[str, Look])
    seen: deque[Vector] = field(default_factory=lambda: deque[Vector](maxlen=SEEN))

    def nearest(self, look: Look) -> Nearest:
        """Among the same kind of looks."""
        same = [(name, each.vector) for name, each in self.asked.items() if each.kind == look.kind]
        if not same:
            return NOTHING
        distances = 1 - np.stack([vector for _, vector in same]) @ look.vector
        best = int(distances.argmin())
        copies = int((distances < COPY[look.kind]).sum())
        return Nearest(same[best][0], max(0.0, float(distances[best])), copies)

    def remember(self, name: str, look: Look) -> None:
        self.asked[name] = look
        while len(self.asked) > ASKED:
            del self.asked[next(iter(self.asked))]

    def is_new(self, look: Look) -> bool:
        """Whether a whole part looks unlike all ordinary ones; if not, it is remembered as one of them."""
        if len(self.seen) >= FEWEST:
            known = np.stack(self.seen)
            if float((1 - known @ look.vector).min()) > FAR * spread(known):
                return True
        self.seen.append(look.vector)
        return False


def spread(vectors: NDArray[np.float32]) -> float:
    """The largest distance of any of them to its nearest neighbour."""
    distances = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).max())


def pooled(features: NDArray[np.floating]) -> Vector:
    """[c, h, w] of the backbone as [3c] of length 1: mean, deviation and maximum of each channel."""
    flat = features.reshape(len(features), -1).astype(np.float32)
    joined = np.concatenate([flat.mean(1), flat.std(1), flat.max(1)])
    vector = np.sign(joined) * np.sqrt(np.abs(joined))  # else a few strong channels would be all that counts
    length = float(np.linalg.norm(vector))
    return (vector / length if length else np.full_like(vector, len(vector) ** -0.5)).astype(np.float32)


def spot_of(boxes: Sequence[tuple[tuple[int, int, int, int], float]], width: int, height: int) -> list[int]:
    """The square around the worst of (box, score), a third wider on each side, inside of the image."""
    (x1, y1, x2, y2), _ = max(boxes, key=lambda each: each[1])
    side = min(max(1.7 * max(x2 - x1, y2 - y1), 48), width, height)
    left = min(max((x1 + x2 - side) / 2, 0), width - side)
    top = min(max((y1 + y2 - side) / 2, 0), height - side)
    return [int(left), int(top), int(left + side), int(top + side)]
