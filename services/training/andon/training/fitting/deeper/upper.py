"""The backbone's upper blocks, read from Andon's own ONNX file into torch, and written back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn  # pyright: ignore[reportMissingImports] - as above
from torch.nn import functional  # pyright: ignore[reportMissingImports] - as above

from andon.training.fitting.detector.taps import TAPS

BEGIN, END = TAPS[1], TAPS[2]
"""From 40 channels at 8 pixels to 112 at 16: blocks 5 to 10."""


@dataclass(frozen=True)
class _Node:
    kind: str
    inputs: tuple[str, ...]
    output: str
    conv: int = -1
    """Which convolution it is, of those that are learned."""


class Upper(nn.Module):
    """Those nodes between two taps. Raises ValueError for one of a kind that there is none of in the file."""

    def __init__(self, model: onnx.ModelProto, begin: str = BEGIN, end: str = END) -> None:
        super().__init__()
        values = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        self._begin, self._end = begin, end
        self._nodes: list[_Node] = []
        self._names: list[tuple[str, str]] = []
        self.convs = nn.ModuleList()
        for node in _between(model.graph, begin, end):
            if node.op_type == "Conv":
                self._nodes.append(_Node("Conv", (node.input[0],), node.output[0], len(self.convs)))
                self._names.append((node.input[1], node.input[2]))
                self.convs.append(_Conv(node, values[node.input[1]], values[node.input[2]]))
            elif node.op_type in ("Clip", "Add"):
                inputs = node.input[:1] if node.op_type == "Clip" else node.input
                self._nodes.append(_Node(node.op_type, tuple(inputs), node.output[0]))
            else:
                raise ValueError(f"{node.name} is {node.op_type}, which is not learned here")

    def forward(self, middle: Any) -> Any:
        """[n, 40, h, w] to [n, 112, h/2, w/2]"""
        known = {self._begin: middle}
        for node in self._nodes:
            x = known[node.inputs[0]]
            if node.kind == "Conv":
                known[node.output] = self.convs[node.conv](x)
            elif node.kind == "Clip":
                known[node.output] = functional.relu6(x)
            else:
                known[node.output] = x + known[node.inputs[1]]
        return known[self._end]

    def written(self, data: bytes) -> bytes:
        """A file with the backbone in it, its upper blocks as they are here."""
        model = onnx.load_from_string(data)
        learned = self._learned()
        for constant in model.graph.initializer:
            if (value := learned.pop(constant.name, None)) is not None:
                constant.CopyFrom(numpy_helper.from_array(value, constant.name))
        if learned:
            raise ValueError(f"the file has no {min(learned)}")
        return model.SerializeToString(deterministic=True)

    def _learned(self) -> dict[str, NDArray[np.float32]]:
        """By the names that the file has for them."""
        found: dict[str, NDArray[np.float32]] = {}
        for (kernel, bias), conv in zip(self._names, self.convs, strict=True):
            found[kernel] = np.ascontiguousarray(conv.weight.detach().cpu().numpy())
            found[bias] = np.ascontiguousarray(conv.bias.detach().cpu().numpy())
        return found


class _Conv(nn.Module):
    """One convolution, with padding that need not be the same on all sides."""

    def __init__(self, node: onnx.NodeProto, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        super().__init__()
        about: dict[str, Any] = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        top, left, bottom, right = about["pads"]
        self._pads = (left, right, top, bottom)
        self._strides = tuple(about["strides"])
        self._groups = int(about["group"])
        self.weight = nn.Parameter(torch.from_numpy(kernel.copy()))
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))

    def forward(self, x: Any) -> Any:
        left, right, top, bottom = self._pads
        if (left, top) != (right, bottom):
            x, left, top = functional.pad(x, self._pads), 0, 0
        return functional.conv2d(
            x, self.weight, self.bias, stride=self._strides, padding=(top, left), groups=self._groups
        )


def _between(graph: onnx.GraphProto, begin: str, end: str) -> list[onnx.NodeProto]:
    """What `end` needs beyond `begin`, in order."""
    maker = {node.output[0]: node for node in graph.node}
    wanted, seen = [end], {begin}
    chosen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in maker:
            continue
        seen.add(name)
        chosen.add(name)
        wanted += maker[name].input
    return [node for node in graph.node if node.output[0] in chosen]
