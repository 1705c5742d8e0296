"""How normal is described: a Gaussian per position, or the patches good parts are made of."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from andon.contracts.training import Head
from andon.training.domain import heat

Floats = NDArray[np.float32]
Features = NDArray[np.floating]
"""[n, channels, 32, 32]; float16 where many are kept."""

PADIM_DIMENSIONS = 64
"""Measured: 100 gain nothing and cost 2.4 times the memory traffic per part; 32 lose 2 points of AUROC."""
PCA_IMAGES = 200
RIDGE = 0.01
KNN_PATCHES = 1000
KNN_CANDIDATES = 20_000
SKETCH = 48
"""Dimensions of the random projection in which the coreset's distances are taken."""
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Padim:
    """One Gaussian per cell over projected features; distances are Mahalanobis over sqrt(dimensions)."""

    mean: Floats
    """[channels]"""
    projection: Floats
    """[dimensions, channels]"""
    whitening: Floats
    """[cells, dimensions, dimensions], lower triangular."""
    offset: Floats
    """[cells, dimensions]: the whitened mean."""

    kind = Head.PADIM

    def distances(self, features: Features) -> Floats:
        """[n, channels, 32, 32] -> [n, 32, 32]."""
        found = [self._chunk(features[start : start + CHUNK]) for start in range(0, len(features), CHUNK)]
        return np.concatenate(found).reshape(-1, *features.shape[2:])

    def _chunk(self, features: Features) -> Floats:
        places = _project(features, self.mean, self.projection)
        white = places @ self.whitening.transpose(0, 2, 1) - self.offset[:, None]
        return np.sqrt(np.square(white).mean(axis=2)).T


@dataclass(frozen=True, eq=False)
class Knn:
    """Patches that good parts are made of; the distance is that to the nearest."""

    patches: Floats
    """[patches, channels]"""

    kind = Head.KNN

    def distances(self, features: Features) -> Floats:
        """[n, channels, 32, 32] -> [n, 32, 32]."""
        lengths = np.square(self.patches).sum(axis=1)
        found = np.empty((len(features), features.shape[2] * features.shape[3]), np.float32)
        for index, image in enumerate(features):
            cells = image.reshape(len(image), -1).astype(np.float32)
            nearest = (lengths[:, None] - 2 * self.patches @ cells).min(axis=0)
            found[index] = np.sqrt(np.maximum(nearest + np.square(cells).sum(axis=0), 0))
        return found.reshape(-1, *features.shape[2:])


Fitted = Padim | Knn


def fit(kind: Head, features: Features, seed: int = 0) -> Fitted:
    """Describe normal from the features of good parts. `kind` is padim or knn, not auto."""
    return fit_padim(features) if kind is Head.PADIM else fit_knn(features, seed)


def score(head: Fitted, features: Features) -> Floats:
    """[n, channels, 32, 32] -> [n]."""
    return heat.scores(heat.smooth(head.distances(features)))


def fit_padim(features: Features, dimensions: int = PADIM_DIMENSIONS) -> Padim:
    """Each cell's covariance leans on that of all cells, the more the fewer images there are."""
    count = len(features)
    mean, projection = _principal(features, dimensions)
    places = _project(features, mean, projection)
    centre = places.mean(axis=1)
    places -= centre[:, None]
    covariance = (places.transpose(0, 2, 1) @ places) / max(count - 1, 1)
    lean = dimensions / (dimensions + count)
    covariance = (1 - lean) * covariance + lean * covariance.mean(axis=0)
    spread = float(np.trace(covariance, axis1=1, axis2=2).mean()) / dimensions
    covariance += max(RIDGE * spread, 1e-6) * np.eye(dimensions, dtype=np.float32)
    factors = cast("NDArray[np.float64]", np.linalg.cholesky(covariance.astype(np.float64)))
    whitening = np.linalg.inv(factors).astype(np.float32)
    offset = np.matmul(whitening, centre[:, :, None])[:, :, 0]
    return Padim(mean, projection, whitening, offset)


def fit_knn(features: Features, seed: int = 0, patches: int = KNN_PATCHES) -> Knn:
    """A coreset: of many good patches those that lie farthest from one another."""
    generator = np.random.default_rng(seed)
    channels, cells = features.shape[1], features.shape[2] * features.shape[3]
    total = len(features) * cells
    chosen: NDArray[np.int64] = generator.permutation(total)[:KNN_CANDIDATES]
    flat = features.reshape(len(features), channels, cells)
    candidates = flat[chosen // cells, :, chosen % cells].astype(np.float32)
    sketch = generator.normal(scale=SKETCH**-0.5, size=(channels, SKETCH)).astype(np.float32)
    points: Floats = candidates @ sketch
    return Knn(candidates[_farthest(points, patches, int(generator.integers(len(candidates))))])


def _farthest(points: Floats, count: int, first: int) -> list[int]:
    lengths = np.square(points).sum(axis=1)
    nearest = np.full(len(points), np.inf, np.float32)
    chosen: list[int] = []
    following = first
    for _ in range(min(count, len(points))):
        chosen.append(following)
        away = lengths - 2 * points @ points[following] + lengths[following]
        np.minimum(nearest, away, out=nearest)
        following = int(nearest.argmax())
    return chosen


def _principal(features: Features, dimensions: int) -> tuple[Floats, Floats]:
    """Mean and leading directions of the channels over all cells, from evenly spaced images."""
    step = -(-len(features) // PCA_IMAGES)
    cells = features[::step].astype(np.float32).transpose(0, 2, 3, 1).reshape(-1, features.shape[1])
    mean = cells.mean(axis=0)
    cells = cells - mean
    _, directions = np.linalg.eigh((cells.T @ cells).astype(np.float64) / len(cells))
    return mean, directions[:, ::-1][:, :dimensions].T.astype(np.float32)


def _project(features: Features, mean: Floats, projection: Floats) -> Floats:
    """[n, channels, 32, 32] -> [cells, n, dimensions]."""
    count, channels = features.shape[:2]
    shift = projection @ mean
    found = np.empty((features.shape[2] * features.shape[3], count, len(projection)), np.float32)
    for index, image in enumerate(features):
        found[:, index] = (projection @ image.reshape(channels, -1).astype(np.float32)).T - shift
    return found
