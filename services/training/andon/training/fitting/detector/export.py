"""The detector as one ONNX file: picture in; boxes, scores, classes and perhaps a mask out."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from andon.serving import CLASSES_KEY, FAILS_KEY, MOST_FOUND, OUTLINED_KEY, SURE_KEY
from andon.training.fitting.detector.decoding import LARGEST
from andon.training.fitting.detector.masks import FINER
from andon.training.fitting.detector.network import MASK, Norms, Weights
from andon.training.fitting.detector.state import Scaling
from andon.training.fitting.detector.taps import TAPS, tapped
from andon.training.fitting.detector.targets import CELL

Floats = NDArray[np.floating[Any]]

_DEEP = 24
"""Channels at 4 pixels; four cells of them are folded into one of the head's."""
_TINY = 1e-4


@dataclass(frozen=True, eq=False)
class Head:
    """What was learned."""

    weights: Weights
    norms: Norms
    scaling: Scaling


def exported(  # noqa: PLR0913, PLR0917 - what a file says of itself
    head: Head,
    side: int,
    classes: tuple[str, ...],
    sure_above: float,
    fails_above: float | None = None,
    outlined_above: float = 0.5,
) -> bytes:
    """`image` uint8 [n, side, side, 3] RGB -> `boxes` float32 [n, 100, 4] in its pixels, `scores` float32
    [n, 100], the surest first, `classes` int64 [n, 100]. Scaling and normalisation are in the kernels.
    With masks, `mask` float32 [n, side/2, side/2] too: how probable it is that there is a defect.
    """
    model = tapped(side)
    drawing = _Drawing(model.graph, head)
    last = drawing.trunk()
    logits = drawing.out("class", last)
    logarithms = drawing.out("box", last)
    drawing.decoded(logits, logarithms, side // CELL, len(classes))
    del model.graph.output[:]
    model.graph.output.extend(
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", MOST_FOUND, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", MOST_FOUND]),
            helper.make_tensor_value_info("classes", TensorProto.INT64, ["n", MOST_FOUND]),
        ]
    )
    if MASK in head.weights:
        drawing.masked(last, side // CELL * FINER)
        shape = ["n", side // CELL * FINER, side // CELL * FINER]
        model.graph.output.append(helper.make_tensor_value_info(MASK, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model, full_check=True)
    about = {CLASSES_KEY: json.dumps(list(classes)), SURE_KEY: repr(round(float(sure_above), 6))}
    if fails_above is not None:
        about[FAILS_KEY] = repr(fails_above)
    if MASK in head.weights:
        about[OUTLINED_KEY] = repr(outlined_above)
    helper.set_model_props(model, about)
    return model.SerializeToString(deterministic=True)


class _Drawing:
    """Adds the head's nodes to the backbone's graph."""

    def __init__(self, graph: Any, head: Head) -> None:
        self._graph = graph
        self._weights = head.weights
        self._norms = head.norms
        self._scaling = head.scaling

    def trunk(self) -> str:
        """The name of what both towers begin with."""
        scaling = self._scaling
        factor, shift = self._fold("mix")
        fine = self._weights["fine"] / scaling.fine[1][:, None] * factor
        coarse = self._weights["coarse"] / scaling.coarse[1][:, None] * factor
        bias = shift - scaling.fine[0] @ fine - scaling.coarse[0] @ coarse
        folded = fine[: 4 * _DEEP].reshape(2, 2, _DEEP, -1).transpose(3, 2, 0, 1)
        middle = fine[4 * _DEEP :].T[:, :, None, None]
        deep = self._conv(TAPS[0], folded, bias, "head.deep", kernel_shape=[2, 2], strides=[2, 2])
        at_cell = self._conv(TAPS[1], middle, None, "head.middle", kernel_shape=[1, 1])
        far = self._conv(TAPS[2], coarse.T[:, :, None, None], None, "head.coarse", kernel_shape=[1, 1])
        twice = self._constant("head.twice", np.array([1, 1, 2, 2], np.float32))
        wide = self._node(
            "Resize", [far, "", twice], "head.wide", mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
        both = self._node("Add", [self._node("Add", [deep, at_cell], "head.both"), wide], "head.mixed")
        mixed = self._node("Relu", [both], "head.mix")
        two = self._layer("two", self._layer("one", mixed))
        return self._node("Add", [two, mixed], "head.trunk")

    def out(self, name: str, trunk: str) -> str:
        """The name of a tower's output [n, channels, h, w]."""
        tower = self._layer(name, trunk)
        kernel = self._weights[f"{name}.out"].T[:, :, None, None]
        return self._conv(
            tower, kernel, self._weights[f"{name}.bias"], f"head.{name}.out", kernel_shape=[1, 1]
        )

    def masked(self, trunk: str, side: int) -> None:
        """Every cell's mask cells laid beside each other."""
        finer = self._node("DepthToSpace", [self.out(MASK, trunk)], "head.finer", blocksize=FINER)
        sure = self._node("Sigmoid", [finer], "head.outlined")
        self._node("Reshape", [sure, self._integers("head.mask-shape", 0, side, side)], MASK)

    def decoded(self, logits: str, logarithms: str, grid: int, count: int) -> None:
        """Peaks among eight neighbours, the 100 surest, and their boxes."""
        cells = grid * grid
        heat = self._node("Sigmoid", [logits], "head.heat")
        highest = self._node("MaxPool", [heat], "head.highest", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        lower = self._node("Less", [heat, highest], "head.lower")
        nothing = self._constant("head.nothing", np.float32(0))
        peaks = self._node("Where", [lower, nothing, heat], "head.peaks")
        flat = self._node(
            "Reshape", [peaks, self._integers("head.flat-shape", 0, count * cells)], "head.flat"
        )
        number = self._integers("head.most", MOST_FOUND)
        self._graph.node.append(helper.make_node("TopK", [flat, number], ["scores", "head.places"], axis=1))
        per_class = self._integers("head.cells", cells)
        self._node("Div", ["head.places", per_class], "classes")
        self._boxes(self._node("Mod", ["head.places", per_class], "head.cell"), logarithms, grid)

    def _boxes(self, cell: str, logarithms: str, grid: int) -> None:
        """Of these cells [n, 100], in pixels."""
        cells = grid * grid
        by_cell = self._node("Transpose", [logarithms], "head.by-cell", perm=[0, 2, 3, 1])
        rows = self._node("Reshape", [by_cell, self._integers("head.rows-shape", 0, cells, 4)], "head.rows")
        column = self._node("Unsqueeze", [cell, self._integers("head.last", 2)], "head.column")
        four = self._node("Tile", [column, self._integers("head.four", 1, 1, 4)], "head.fourfold")
        chosen = self._node("GatherElements", [rows, four], "head.chosen", axis=1)
        limited = self._node(
            "Min", [chosen, self._constant("head.limit", np.float32(LARGEST))], "head.limited"
        )
        away = self._node("Exp", [limited], "head.away")
        signs = self._constant("head.signs", np.array([-1, -1, 1, 1], np.float32))
        aside = self._node("Mul", [away, signs], "head.aside")
        wide = self._integers("head.grid", grid)
        centres = [self._node(kind, [column, wide], f"head.{kind.lower()}") for kind in ("Mod", "Div")]
        pair = self._node("Concat", [*centres, *centres], "head.centre", axis=2)
        centre = self._node("Cast", [pair], "head.centre-float", to=TensorProto.FLOAT)
        half = self._node(
            "Add", [centre, self._constant("head.half", np.float32(0.5))], "head.middle-of-cell"
        )
        corners = self._node("Add", [half, aside], "head.corners")
        pixels = self._node(
            "Mul", [corners, self._constant("head.cell-side", np.float32(CELL))], "head.pixels"
        )
        end = self._constant("head.end", np.float32(grid * CELL))
        self._node("Clip", [pixels, "head.nothing", end], "boxes")

    def _layer(self, name: str, x: str) -> str:
        factor, shift = self._fold(name)
        inputs = self._weights[name].shape[1] // 3
        kernel = (self._weights[name] * factor).reshape(3, 3, inputs, -1).transpose(3, 2, 0, 1)
        y = self._conv(x, kernel, shift, f"head.{name}.in", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        return self._node("Relu", [y], f"head.{name}")

    def _fold(self, name: str) -> tuple[Floats, Floats]:
        """A layer's normalisation as a factor for its kernel and a bias."""
        mean, variance = self._norms[name]
        factor = self._weights[f"{name}.scale"] / np.sqrt(variance + _TINY)
        return factor, self._weights[f"{name}.shift"] - mean * factor

    def _conv(self, x: str, kernel: Floats, bias: Floats | None, output: str, **how: Any) -> str:
        inputs = [x, self._constant(f"{output}.kernel", kernel.astype(np.float32))]
        if bias is not None:
            inputs.append(self._constant(f"{output}.bias", bias.astype(np.float32)))
        return self._node("Conv", inputs, output, **how)

    def _integers(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _constant(self, name: str, value: Any) -> str:
        self._graph.initializer.append(
            numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name)
        )
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **how: Any) -> str:
        self._graph.node.append(helper.make_node(kind, inputs, [output], name=output, **how))
        return output
