"""The frozen backbone, tapped at three depths, and its features of every view, kept on disk."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray
from onnx import TensorProto, helper

from andon.contracts import Unavailable
from andon.training.fitting.backbone import full
from andon.training.fitting.detector.network import COARSE, FINE

Pixels = NDArray[np.uint8]
Half = NDArray[np.float16]

TAPS = ("_blocks.2.sum", "_blocks.4.sum", "_blocks.10.sum")
"""Outputs of the backbone's blocks: 24 channels at 4 pixels, 40 at 8, 112 at 16."""
_MERGED = ("fine", "coarse", "features")
_BATCH = 4


def tapped(side: int) -> onnx.ModelProto:
    """`image` uint8 [n, side, side, 3] RGB -> the three taps; `side` is a multiple of 32."""
    model = full()
    graph = model.graph
    for node in [each for each in graph.node if each.output[0] in _MERGED]:
        graph.node.remove(node)
    for dimension in graph.input[0].type.tensor_type.shape.dim[1:3]:
        dimension.dim_value = side
    del graph.output[:], graph.value_info[:]
    for name in TAPS:
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None, None, None]))
    return model


class Eye:
    """Looks at squares of one side."""

    def __init__(self, side: int, threads: int) -> None:
        hints: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"
        }  # fmt: skip
        core = ov.Core()
        self._compiled = core.compile_model(
            core.read_model(model=tapped(side).SerializeToString()), "CPU", hints
        )

    def features(self, images: Pixels) -> tuple[Half, Half]:
        """As they are kept: half the bytes, and far finer than what is learned from them."""
        fine, coarse = self.exact(images)
        return fine.astype(np.float16), coarse.astype(np.float16)

    def exact(self, images: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """uint8 [n, side, side, 3] to [n, side/8, side/8, 136] and [n, side/16, side/16, 112]."""
        answer = self._compiled(images)
        deep, middle, last = (np.moveaxis(answer[name], 1, -1) for name in TAPS)
        count, high, wide, channels = deep.shape
        folded = deep.reshape(count, high // 2, 2, wide // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
        folded = folded.reshape(count, high // 2, wide // 2, 4 * channels)
        return np.concatenate([folded, middle], axis=-1), last


@dataclass(frozen=True, eq=False)
class Features:
    """Of every view, read from disk as they are needed."""

    fine: Half
    """[views, h, w, 136]"""
    coarse: Half
    """[views, h/2, w/2, 112]"""


def size_of(side: int) -> int:
    """Bytes of one view's features."""
    grid = side // 8
    return 2 * (grid * grid * FINE + grid * grid // 4 * COARSE)


@dataclass(frozen=True)
class Shelf:
    """A folder with the features of so many views of one side."""

    place: Path
    side: int
    count: int

    def filled(
        self, views: Iterable[Callable[[], Pixels]], threads: int, done: Callable[[int], None]
    ) -> Features:
        """Goes on where an attempt before stopped. Raises Unavailable where the disk does not take them."""
        kept = [self.place / "fine.features", self.place / "coarse.features"]
        grid = self.side // 8
        shapes = [(grid, grid, FINE), (grid // 2, grid // 2, COARSE)]
        sizes = [2 * prod(shape) for shape in shapes]
        known = min(
            path.stat().st_size // size if path.exists() else 0
            for path, size in zip(kept, sizes, strict=True)
        )
        known = min(known, self.count)
        try:
            for path, size in zip(kept, sizes, strict=True):
                with path.open("ab") as cut:
                    cut.truncate(known * size)
            if known < self.count:
                self._fill(
                    islice(views, known, None), kept, Eye(self.side, threads), lambda n: done(known + n)
                )
        except OSError as error:
            need = self.count * size_of(self.side) // 2**20
            raise Unavailable(f"the disk does not take {need} MB of features: {error.strerror}") from error
        fine, coarse = (
            np.memmap(path, np.float16, "r", shape=(self.count, *shape))
            for path, shape in zip(kept, shapes, strict=True)
        )
        return Features(fine, coarse)

    def _fill(
        self, views: Iterator[Callable[[], Pixels]], kept: list[Path], eye: Eye, done: Callable[[int], None]
    ) -> None:
        made = 0
        with kept[0].open("ab") as fine, kept[1].open("ab") as coarse:
            while some := [view() for view in islice(views, _BATCH)]:
                for out, seen in zip((fine, coarse), eye.features(np.stack(some)), strict=True):
                    out.write(seen.tobytes())
                made += len(some)
                done(made)
