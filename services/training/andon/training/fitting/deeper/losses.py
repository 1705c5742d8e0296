"""What the detector's own losses say, for torch to derive."""

from typing import Any

import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from torch.nn import functional  # pyright: ignore[reportMissingImports] - as above

from andon.training.fitting.detector.decoding import LARGEST
from andon.training.fitting.detector.masks import FINER

_LEAST = 1e-5


def class_loss(logits: Any, heat: Any) -> Any:
    """Focal loss, reduced around a defect's centre; both [n, classes, h, w]."""
    sure = torch.sigmoid(logits).clamp(_LEAST, 1 - _LEAST)
    centre = heat >= 1
    missed = (1 - sure) ** 2 * torch.log(sure)
    wrong = (1 - heat) ** 4 * sure**2 * torch.log1p(-sure)
    return -torch.where(centre, missed, wrong).sum() / centre.sum().clamp(min=1)


def box_loss(logarithms: Any, weight: Any, distances: Any) -> Any:
    """1 - generalised IoU of the boxes told, by weight: [n, 4, h, w], [n, h, w] and [n, 4, h, w]."""
    told, true = torch.exp(logarithms.clamp(max=LARGEST)), distances
    smaller, larger = torch.minimum(told, true), torch.maximum(told, true)
    inner = (smaller[:, 0] + smaller[:, 2]) * (smaller[:, 1] + smaller[:, 3])
    hull = (larger[:, 0] + larger[:, 2]) * (larger[:, 1] + larger[:, 3])
    both = _area(told) + _area(true) - inner
    lost = 2 - inner / both - both / hull
    return (weight * lost).sum() / weight.sum().clamp(min=_LEAST)


def _area(distances: Any) -> Any:
    return (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])


def mask_loss(logits: Any, share: Any, weight: Any) -> Any:
    """Cross entropy by weight: [n, 16, h, w], and twice [n, 4 h, 4 w]."""
    x = functional.pixel_shuffle(logits, FINER)[:, 0]
    return (weight * (functional.softplus(x) - share * x)).sum()
