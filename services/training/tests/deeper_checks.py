"""Deeper runs, checked in a process of its own, which has torch on its path.

Without a word it prints figures; FOLDER KEPT STEPS [DIE_AT] learns FOLDER/order.json, and ends itself by -9
at a step; with DIE_AT -1 nothing ever gets better.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own

from andon.contracts.annotation import Verdict
from andon.serving import Detector
from andon.training.domain.lessons import Lesson
from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.deeper import learn as whole
from andon.training.fitting.deeper import losses, steps
from andon.training.fitting.deeper.windows import MIDDLE, Bench
from andon.training.fitting.detector import masks, network, targets
from andon.training.fitting.detector.examples import Example, View
from andon.training.fitting.detector.export import Head as Frozen
from andon.training.fitting.detector.export import exported
from andon.training.fitting.detector.state import Scaling
from andon.training.fitting.detector.taps import Eye, Features
from andon.training.fitting.detector.training import Course

SIDE, CLASSES = 256, 3
generator = np.random.default_rng(0)


def course() -> tuple[Bench, Any]:
    """Two pictures and a scaling of their features, as a run would have them."""
    pixels = generator.integers(0, 255, (2, SIDE, SIDE, 3)).astype(np.uint8)
    pixels[:, 60:120, 80:160] //= 3
    fine, coarse = Eye(SIDE, 2).exact(pixels)
    scaling = Scaling(
        (fine.mean((0, 1, 2)), fine.std((0, 1, 2)) + 1e-3),
        (coarse.mean((0, 1, 2)), coarse.std((0, 1, 2)) + 1e-3),
    )
    example = Example(0, "k", None, b"", np.zeros((0, 4), np.float32), np.zeros(0, np.int64))  # pyright: ignore[reportArgumentType]
    made = Course(
        Features(fine.astype(np.float16), coarse.astype(np.float16)),
        (View(example, SIDE, 0, 0),) * 2,
        2,
        CLASSES,
        10,
        0,
        scaling,
        masks=True,
    )
    return Bench(made, SIDE, "cpu"), pixels


def figures() -> dict[str, float]:
    """How far torch is from what Andon's own arithmetic and runtime say."""
    bench, pixels = course()
    fine, coarse = Eye(SIDE, 2).exact(pixels)
    both = bench.fresh().both.eval()
    found: dict[str, float] = {}
    with torch.no_grad():
        told = (
            both.upper(torch.from_numpy(fine[..., MIDDLE:]).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
        )
    found["upper"] = float(np.abs(told - coarse).max() / np.abs(coarse).max())
    disturbed(both)
    weights, norms = both.head.plain()
    own = network.forward(weights, *bench.course.scaling(fine, told), norms)
    with torch.no_grad():
        seen = both.head(*bench.scaled(bench.tensor(fine), bench.tensor(told)))
    for name, mine, theirs in zip(
        ("classes", "distances", "masks"), (own.classes, own.distances, own.masks), seen, strict=True
    ):
        assert mine is not None
        found[f"head_{name}"] = float(np.abs(theirs.permute(0, 2, 3, 1).numpy() - mine).max())
    names = ("a", "b", "c")
    data = whole.written(bench, both, names, 0.25)
    found["file"] = whole.apart(bench, both, data, list(pixels))
    frozen = exported(Frozen(weights, norms, bench.course.scaling), SIDE, names, 0.25)
    found["upper_changes_the_file"] = whole.apart(bench, both, frozen, list(pixels))
    detector = Detector.open(data)
    found["opened"] = float(detector.classes == names and detector.sure_above == 0.25)
    return {**found, **lost()}


def disturbed(both: Any) -> None:
    """Weights, running means and the upper blocks, as learning would change them."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in both.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.startswith("upper"):
                value.mul_(1 + 0.1 * torch.randn_like(value))
            elif value.is_floating_point():
                value.add_(0.02 * torch.randn_like(value))


def lost() -> dict[str, float]:
    """Each loss and its derivative beside the ones written by hand."""
    found: dict[str, float] = {}
    boxes = np.array([[20, 30, 70, 60], [100, 90, 131, 140]], np.float32)
    one = targets.target(boxes, np.array([0, 2]), targets.Window(0, 0, 24), CLASSES)
    logits = generator.normal(-1, 1.5, (1, 24, 24, CLASSES)).astype(np.float32)
    logarithms = generator.normal(0.5, 0.5, (1, 24, 24, 4)).astype(np.float32)
    by_hand = targets.class_loss(logits, one.heat[None])
    found |= compared("class", by_hand, logits, lambda x: losses.class_loss(x, moved(one.heat[None])))
    by_hand = targets.box_loss(logarithms, one.weight[None], one.distances[None])
    weight = torch.from_numpy(one.weight[None])
    found |= compared(
        "box", by_hand, logarithms, lambda x: losses.box_loss(x, weight, moved(one.distances[None]))
    )
    mask = np.zeros((192, 192), np.uint8)
    mask[35:55, 25:60] = 255
    painted = masks.painted(mask, boxes, np.array([True, False]), targets.Window(0, 0, 24))
    logits = generator.normal(0, 1, (1, 24, 24, 16)).astype(np.float32)
    by_hand = masks.mask_loss(logits, [painted])
    share, weight = (torch.from_numpy(each[None]) for each in (painted.share, painted.weight))
    found |= compared("mask", by_hand, logits, lambda x: losses.mask_loss(x, share.float(), weight.float()))
    return found


def moved(x: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2)


def compared(name: str, by_hand: tuple[float, Any], x: Any, loss: Any) -> dict[str, float]:
    asked = moved(x).contiguous().requires_grad_()
    told = loss(asked)
    told.backward()
    apart = np.abs(asked.grad.permute(0, 2, 3, 1).numpy() - by_hand[1]).max()
    return {f"{name}_loss": abs(told.item() - by_hand[0]), f"{name}_gradient": float(apart)}


def learned(folder: Path, kept: Path, count: int, die_at: int) -> None:
    """A tiny run; its result as a line."""
    steps.SAVE_EVERY, steps.TELL_EVERY = 4, 2
    lesson = Lesson.model_validate_json((folder / "order.json").read_bytes())
    lesson = lesson.model_copy(update={"parameters": lesson.parameters.model_copy(update={"steps": count})})
    if die_at < 0:
        steps.CHECK_EVERY, steps.PATIENCE, steps.rate = 1, 2, lambda *_: 0.0
    assert any(image.verdict is Verdict.DEFECT for image in lesson.images)
    curve: list[float] = []

    def say(
        stage: str, _done: float, message: str, told: Mapping[str, float] = MappingProxyType({}), /
    ) -> None:
        if stage == "learn" and message == f"step {die_at} of {count}":
            os.kill(os.getpid(), signal.SIGKILL)
        curve.extend([told["train_loss"]] if "train_loss" in told else [])

    found, trained_with = whole.learn(lesson, folder, say, Checkpoints(kept))
    told = {"sha256": found.file.sha256, "notes": found.notes, "metrics": found.metrics, "curve": curve}
    sys.stdout.write(json.dumps({**told, "trained_with": trained_with, "classes": found.classes}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        learned(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int((*sys.argv, "0")[4]))
    else:
        sys.stdout.write(json.dumps(figures()))
