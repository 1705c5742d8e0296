"""The head: seven layers, nine with masks, forward and backward in plain matrix products."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Weights = dict[str, Floats]
Norms = dict[str, tuple[Floats, Floats]]
"""Running mean and variance of each normalised layer."""

FINE, COARSE = 136, 112
"""Channels of the features at a cell of 8 pixels (with those at 4 pixels folded in) and at one of 16."""
WIDTH = 64
NORMED = ("mix", "one", "two", "class", "box")
"""Layers that are normalised and rectified."""
MASK = "mask"
"""One more of them, in a head that was told outlines."""
_KERNELS = ("one", "two", "class", "box")
_MASK_CELLS = 16
"""Of a cell."""
_RARE = -4.0
"""Logit of a class before anything is learned: nearly every cell is background."""
_TINY = 1e-4


def begin(
    classes: int,
    seed: int,
    width: int = WIDTH,
    channels: tuple[int, int] = (FINE, COARSE),
    *,
    masks: bool = False,
) -> Weights:
    """Weights to learn from. A 3 x 3 kernel is [3, 3 * in, out]: by row, columns beside each other."""
    generator = np.random.default_rng(seed)

    def normal(shape: tuple[int, ...], inputs: int) -> Floats:
        return generator.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32)

    fine, coarse = channels
    weights = {"fine": normal((fine, width), fine + coarse), "coarse": normal((coarse, width), fine + coarse)}
    weights |= {name: normal((3, 3 * width, width), 9 * width) for name in _KERNELS}
    outs = [("class", classes, _RARE), ("box", 4, 1.0)]
    if masks:
        weights[MASK] = normal((3, 3 * width, width), 9 * width)
        outs.append((MASK, _MASK_CELLS, 0.0))
    for name in (*NORMED, MASK)[: len(NORMED) + masks]:
        weights[f"{name}.scale"] = np.ones(width, np.float32)
        weights[f"{name}.shift"] = np.zeros(width, np.float32)
    for name, outputs, bias in outs:
        weights[f"{name}.out"] = generator.normal(0, 0.01, (width, outputs)).astype(np.float32)
        weights[f"{name}.bias"] = np.full(outputs, bias, np.float32)
    return weights


def fresh_norms(width: int = WIDTH, *, masks: bool = False) -> Norms:
    """Of layers that have seen nothing."""
    layers = (*NORMED, MASK) if masks else NORMED
    return {name: (np.zeros(width, np.float32), np.ones(width, np.float32)) for name in layers}


@dataclass(eq=False)
class Pass:
    """One way through the head, with what the way back needs."""

    classes: Floats
    """[n, h, w, classes] logits."""
    distances: Floats
    """[n, h, w, 4] logarithms of left, top, right and bottom, in cells from a cell's centre."""
    seen: Norms
    """Mean and variance of this batch."""
    kept: dict[str, Floats]
    masks: Floats | None = None
    """[n, h, w, 16] logits of a cell's mask cells, row by row; None of a head without."""


def forward(weights: Mapping[str, Floats], fine: Floats, coarse: Floats, norms: Norms | None = None) -> Pass:
    """Features [n, h, w, 136] and [n, h/2, w/2, 112], standardised, to logits.

    Without `norms` each layer is normalised by the batch itself, as while learning.
    """
    kept: dict[str, Floats] = {"fine.in": fine, "coarse.in": coarse}
    seen: Norms = {}

    def normed(name: str, x: Floats) -> Floats:
        if norms is None:
            seen[name] = _moments(x)
        mean, variance = seen[name] if norms is None else norms[name]
        inverse = 1 / np.sqrt(variance + _TINY)
        away = (x - mean) * inverse
        y = np.maximum(away * weights[f"{name}.scale"] + weights[f"{name}.shift"], 0)
        kept[f"{name}.away"], kept[f"{name}.inverse"], kept[f"{name}.y"] = away, inverse, y
        return y

    def convolved(name: str, x: Floats) -> Floats:
        y, kept[f"{name}.in"] = conv(x, weights[name])
        return normed(name, y)

    mixed = normed("mix", _linear(fine, weights["fine"]) + _doubled(_linear(coarse, weights["coarse"])))
    trunk = convolved("two", convolved("one", mixed)) + mixed
    for name in ("class", "box"):
        kept[f"{name}.last"] = convolved(name, trunk)
    classes = _linear(kept["class.last"], weights["class.out"]) + weights["class.bias"]
    distances = _linear(kept["box.last"], weights["box.out"]) + weights["box.bias"]
    if MASK not in weights:
        return Pass(classes, distances, seen, kept)
    kept["mask.last"] = convolved(MASK, trunk)
    return Pass(
        classes, distances, seen, kept, _linear(kept["mask.last"], weights["mask.out"]) + weights["mask.bias"]
    )


def backward(
    weights: Mapping[str, Floats],
    done: Pass,
    by_classes: Floats,
    by_distances: Floats,
    by_masks: Floats | None = None,
) -> Weights:
    """The loss's derivative by every weight, from its derivatives by the outputs of a learning pass."""
    kept = done.kept
    found: Weights = {}

    def unnormed(name: str, by: Floats) -> Floats:
        by = by * (kept[f"{name}.y"] > 0)
        away = kept[f"{name}.away"]
        count = by.size // by.shape[-1]
        found[f"{name}.shift"] = by.sum(axis=(0, 1, 2))
        found[f"{name}.scale"] = np.einsum("nhwc,nhwc->c", by, away)
        by -= found[f"{name}.shift"] / count
        by -= away * (found[f"{name}.scale"] / count)
        by *= weights[f"{name}.scale"] * kept[f"{name}.inverse"]
        return by

    def unconvolved(name: str, by: Floats) -> Floats:
        by = unnormed(name, by)
        found[name] = _kernel_gradient(by, kept[f"{name}.in"], weights[name].shape)
        return conv(by, _turned(weights[name]))[0]

    by_trunk = np.zeros_like(kept["mix.y"])
    for name, by in (("class", by_classes), ("box", by_distances), (MASK, by_masks)):
        if by is None:
            continue
        found[f"{name}.out"] = _flat(kept[f"{name}.last"]).T @ _flat(by)
        found[f"{name}.bias"] = by.sum(axis=(0, 1, 2))
        by_trunk += unconvolved(name, _linear(by, np.ascontiguousarray(weights[f"{name}.out"].T)))
    by_mixed = unnormed("mix", unconvolved("one", unconvolved("two", by_trunk)) + by_trunk)
    found["fine"] = _flat(kept["fine.in"]).T @ _flat(by_mixed)
    found["coarse"] = _flat(kept["coarse.in"]).T @ _flat(_halved(by_mixed))
    return found


def conv(x: Floats, kernel: Floats) -> tuple[Floats, Floats]:
    """3 x 3 with zeros around: [n, h, w, in] to [n, h, w, out], and x with its neighbours side by side.

    Three columns are laid beside each other once; the three rows are then the same memory, shifted.
    """
    count, high, wide, channels = x.shape
    beside = np.zeros((count, high + 2, wide, 3 * channels), x.dtype)
    beside[:, 1:-1, 1:, :channels] = x[:, :, :-1]
    beside[:, 1:-1, :, channels : 2 * channels] = x
    beside[:, 1:-1, :-1, 2 * channels :] = x[:, :, 1:]
    rows = beside.reshape(count, (high + 2) * wide, 3 * channels)
    y = rows[:, : high * wide] @ kernel[0]
    for row in (1, 2):
        y += rows[:, row * wide : (row + high) * wide] @ kernel[row]
    return y.reshape(count, high, wide, -1), beside


def _kernel_gradient(by: Floats, beside: Floats, shape: tuple[int, ...]) -> Floats:
    count, high, wide, outputs = by.shape
    rows = beside.reshape(count, (high + 2) * wide, -1)
    found = np.zeros(shape, by.dtype)
    for one, of in zip(rows, by.reshape(count, high * wide, outputs), strict=True):
        for row in range(3):
            found[row] += one[row * wide : (row + high) * wide].T @ of
    return found


def _turned(kernel: Floats) -> Floats:
    """The kernel that carries derivatives back: mirrored both ways, inputs and outputs exchanged."""
    _, inputs, outputs = kernel.shape
    square = kernel.reshape(3, 3, inputs // 3, outputs)[::-1, ::-1].transpose(0, 1, 3, 2)
    return np.ascontiguousarray(square).reshape(3, 3 * outputs, inputs // 3)


def _moments(x: Floats) -> tuple[Floats, Floats]:
    mean = x.mean(axis=(0, 1, 2))
    square = np.einsum("nhwc,nhwc->c", x, x) / (x.size // x.shape[-1])
    return mean, np.maximum(square - mean * mean, 0)


def _flat(x: Floats) -> Floats:
    return x.reshape(-1, x.shape[-1])


def _linear(x: Floats, matrix: Floats) -> Floats:
    return (_flat(x) @ matrix).reshape(*x.shape[:-1], -1)


def _doubled(x: Floats) -> Floats:
    return x.repeat(2, axis=1).repeat(2, axis=2)


def _halved(x: Floats) -> Floats:
    count, high, wide, channels = x.shape
    return x.reshape(count, high // 2, 2, wide // 2, 2, channels).sum(axis=(2, 4))
