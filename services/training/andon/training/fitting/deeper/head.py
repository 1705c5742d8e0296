"""The same layers as the detector's own head, in torch; their weights go over both ways."""

from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from numpy.typing import NDArray
from torch import nn  # pyright: ignore[reportMissingImports] - as above
from torch.nn import functional  # pyright: ignore[reportMissingImports] - as above

from andon.training.fitting.detector.network import COARSE, FINE, MASK, NORMED, WIDTH, Norms, Weights, begin

_TINY = 1e-4
_FORGET = 0.05
"""Of a layer's running mean at each step."""
_TOWERS = ("class", "box")


class Head(nn.Module):
    """Standardised features at 8 and at 16 pixels to logits of classes and logarithms of distances."""

    def __init__(self, classes: int, seed: int, *, masks: bool) -> None:
        super().__init__()
        weights = begin(classes, seed, masks=masks)
        self._towers = (*_TOWERS, MASK) if masks else _TOWERS
        self._kernels = ("one", "two", *self._towers)
        self.fine = nn.Conv2d(FINE, WIDTH, 1, bias=False)
        self.coarse = nn.Conv2d(COARSE, WIDTH, 1, bias=False)
        self.kernels = nn.ModuleDict({f"at_{name}": nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
                                      for name in self._kernels})  # fmt: skip
        self.norms = nn.ModuleDict({f"at_{name}": nn.BatchNorm2d(WIDTH, eps=_TINY, momentum=_FORGET)
                                    for name in (*NORMED, MASK)[: len(NORMED) + masks]})  # fmt: skip
        self.outs = nn.ModuleDict({f"at_{name}": nn.Conv2d(WIDTH, len(weights[f"{name}.bias"]), 1)
                                   for name in self._towers})  # fmt: skip
        self._begin(weights)

    def forward(self, fine: Any, coarse: Any) -> list[Any]:
        """[n, 136, h, w] and [n, 112, h/2, w/2] to [n, classes, h, w], [n, 4, h, w] and, of one with masks,
        [n, 16, h, w].
        """
        wide = functional.interpolate(self.coarse(coarse), scale_factor=2, mode="nearest")
        mixed = functional.relu(self.norms["at_mix"](self.fine(fine) + wide))
        trunk = self._layer("two", self._layer("one", mixed)) + mixed
        return [self.outs[f"at_{name}"](self._layer(name, trunk)) for name in self._towers]

    def _layer(self, name: str, x: Any) -> Any:
        return functional.relu(self.norms[f"at_{name}"](self.kernels[f"at_{name}"](x)))

    def _begin(self, weights: Weights) -> None:
        """As the other trainer begins: the same seed is the same beginning."""
        with torch.no_grad():
            for name in ("fine", "coarse"):
                getattr(self, name).weight.copy_(torch.from_numpy(weights[name].T[:, :, None, None].copy()))
            for name in self._kernels:
                square = weights[name].reshape(3, 3, WIDTH, WIDTH).transpose(3, 2, 0, 1)
                self.kernels[f"at_{name}"].weight.copy_(torch.from_numpy(square.copy()))
            for name in self._towers:
                out = self.outs[f"at_{name}"]
                out.weight.copy_(torch.from_numpy(weights[f"{name}.out"].T[:, :, None, None].copy()))
                out.bias.copy_(torch.from_numpy(weights[f"{name}.bias"].copy()))

    def plain(self) -> tuple[Weights, Norms]:
        """As the detector's export, decoding and limits know them."""
        weights: Weights = {
            name: _array(getattr(self, name).weight)[:, :, 0, 0].T for name in ("fine", "coarse")
        }
        norms: Norms = {}
        for name in self._kernels:
            square = _array(self.kernels[f"at_{name}"].weight).transpose(2, 3, 1, 0)
            weights[name] = np.ascontiguousarray(square).reshape(3, 3 * WIDTH, WIDTH)
        for layer in self.norms:
            name = layer.removeprefix("at_")
            norm = self.norms[layer]
            weights[f"{name}.scale"], weights[f"{name}.shift"] = _array(norm.weight), _array(norm.bias)
            norms[name] = _array(norm.running_mean), _array(norm.running_var)
        for name in self._towers:
            out = self.outs[f"at_{name}"]
            weights[f"{name}.out"], weights[f"{name}.bias"] = (
                _array(out.weight)[:, :, 0, 0].T,
                _array(out.bias),
            )
        return {name: np.ascontiguousarray(value) for name, value in weights.items()}, norms


def _array(tensor: Any) -> NDArray[np.float32]:
    return tensor.detach().cpu().numpy().copy()
