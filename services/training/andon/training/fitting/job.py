"""A fit from the first image to two checked model files."""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from andon.contracts import Invalid, Refused
from andon.contracts.training import Head
from andon.serving import PROBE_KEY, decode, look, probe_image
from andon.training.domain import choice, drift, heads, synthetic
from andon.training.domain.calibration import FAIL_LEVEL, Calibration, calibrate
from andon.training.domain.order import FitOrder, FitResult, FittedFile, enough
from andon.training.fitting import backbone, graph
from andon.training.fitting.checkpoints import Checkpoints

Pixels = NDArray[np.uint8]
Say = Callable[[str, float, str], None]
"""Stage, fraction of the whole, message."""

PAINTED = (40, 100)
"""Synthetic defects, fewest and most; more did not change any choice."""
STEADY = 49
"""Good images from which on the fail limit is an order statistic and no longer read from a tail."""
FP32, INT8 = "model.fp32.onnx", "model.int8.onnx"


@dataclass(eq=False)
class _Kept:
    """What the stages of one fit hand on."""

    images: Pixels
    digests: tuple[str, ...]
    painted: Pixels
    originals: NDArray[np.int64]
    notes: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)


def fit(order: FitOrder, folder: Path, say: Say, kept_before: Checkpoints | None = None) -> FitResult:
    """Fit from `folder`/images, leave the model files in `folder`; goes on from what was kept before.

    Raises Invalid, UnsupportedMedia or TooLarge, naming the image, and Invalid for too few of them.
    """
    started, kept_before = time.monotonic(), kept_before or Checkpoints()
    cv2.setNumThreads(order.threads)
    enough(len(order.keys))
    say("load", 0.0, f"{len(order.keys)} images")
    kept = _load(order, folder)
    say("quantise", 0.1, "measuring ranges for INT8")
    small_net = kept_before.model("quantised", lambda: backbone.quantised(kept.images))
    say("extract", 0.25, f"{len(kept.images)} good, {len(kept.painted)} with painted defects")
    nets = {FP32: backbone.full(), INT8: small_net}
    features = {
        name: kept_before.array(
            name, lambda net=net: backbone.Runner(net, order.threads).features(kept.images)
        )
        for name, net in nets.items()
    }
    painted = kept_before.array(
        "painted", lambda: backbone.Runner(small_net, order.threads).features(kept.painted)
    )
    if kept_before.found:
        kept.notes.append(f"went on from {kept_before.found} stages that an attempt before had done")
    trial = _try(order, features[INT8], painted, kept, say)
    say("calibrate", 0.75, "limits from held-out images")
    calibration = calibrate(trial.good)
    _promise(calibration, kept)
    say("export", 0.8, "two ONNX files")
    heads_of = {name: heads.fit(trial.kind, seen, order.seed) for name, seen in features.items()}
    models = {name: graph.merge(net, heads_of[name]) for name, net in nets.items()}
    say("verify", 0.9, "INT8 against FP32")
    files = _verify(models, calibration, kept, folder, order.threads)
    kept.metrics |= {"images": len(kept.images), "fit_seconds": round(time.monotonic() - started, 2)}
    return FitResult(
        head=trial.kind,
        thresholds=calibration.thresholds,
        metrics=kept.metrics,
        notes=tuple(kept.notes),
        source_sha256=kept.digests,
        fp32=files[FP32],
        int8=files.get(INT8),
    )


def _load(order: FitOrder, folder: Path) -> _Kept:
    def read(number: int) -> tuple[Pixels, str]:
        data = (folder / "images" / str(number)).read_bytes()
        try:
            pixels = decode(data, region=order.region).pixels
        except Refused as refused:
            raise type(refused)(f"{order.keys[number]}: {refused}") from refused
        return look(pixels, order.region), hashlib.sha256(data).hexdigest()

    with ThreadPoolExecutor(order.threads) as threads:
        read_images = list(threads.map(read, range(len(order.keys))))
    digests = tuple(digest for _, digest in read_images)
    enough(len(set(digests)))
    first = {digest: number for number, digest in reversed(list(enumerate(digests)))}
    chosen = sorted(first.values())  # a copy on both sides of a fold would make every limit too tight
    images = np.stack([read_images[number][0] for number in chosen])
    generator = np.random.default_rng(order.seed)
    originals = np.arange(int(np.clip(2 * len(images), *PAINTED))) % len(images)
    painted = np.stack([synthetic.damage(images[number], generator) for number in originals])
    kept = _Kept(images, tuple(digests[number] for number in chosen), painted, originals)
    if len(chosen) < len(digests):
        kept.notes.append(f"{len(digests) - len(chosen)} images came more than once and count once")
    if not np.ptp(images, axis=(1, 2, 3)).any():
        raise Invalid("every image is a plain surface of one colour; there is nothing to learn")
    return kept


def _try(
    order: FitOrder, seen: heads.Features, painted: heads.Features, kept: _Kept, say: Say
) -> choice.Trial:
    kinds = [Head.PADIM, Head.KNN] if order.head is Head.AUTO else [order.head]
    trials: list[choice.Trial] = []
    for number, kind in enumerate(kinds):
        start = 0.4 + 0.35 * number / len(kinds)

        def step(done: float, start: float = start, kind: Head = kind) -> None:
            say("fit", start + 0.35 * done / len(kinds), f"{kind}, held-out images")

        trials.append(choice.cross_fit(kind, seen, painted, kept.originals, step))
        kept.metrics[f"synthetic_auroc_{kind}"] = round(trials[-1].auroc, 4)
    best = choice.choose(trials)
    say("choose", 0.75, f"{best.kind}: {best.auroc:.3f} AUROC on painted defects")
    kept.metrics |= {"synthetic_auroc": round(best.auroc, 4), "synthetic_caught": round(best.caught, 4)}
    return best


def _promise(calibration: Calibration, kept: _Kept) -> None:
    kept.metrics["false_fail_bound"] = round(calibration.false_fail_bound, 4)
    if len(kept.images) < STEADY:
        kept.notes.append(
            f"{len(kept.images)} good images can promise no less than {calibration.false_fail_bound:.1%} "
            f"false fails; {STEADY} or more can promise {1 - FAIL_LEVEL:.0%}"
        )


def _verify(
    models: dict[str, onnx.ModelProto], calibration: Calibration, kept: _Kept, folder: Path, threads: int
) -> dict[str, FittedFile]:
    """Write FP32 always and INT8 if it says the same. Raises Invalid when even FP32 makes no sense."""
    files: dict[str, FittedFile] = {}
    answers: dict[str, NDArray[np.float32]] = {}
    asked = np.concatenate([kept.images, kept.painted])
    for name, model in models.items():
        runner = backbone.Runner(model, threads)
        answers[name] = runner.scores(asked)
        if name == FP32 and not np.isfinite(answers[name]).all():
            raise Invalid("the fitted model answers with something that is not a number")
        if name == INT8 and (why := _refusal(answers, calibration, kept)):
            kept.notes.append(f"the INT8 model is left out: {why}")
            continue
        known = runner.scores(probe_image()[None])[0]
        files[name] = _write(folder / name, graph.answer_known(model, PROBE_KEY, float(known)))
    return files


def _refusal(answers: dict[str, NDArray[np.float32]], calibration: Calibration, kept: _Kept) -> str | None:
    found = drift.compare(answers[FP32], answers[INT8], calibration.thresholds.uncertain_above)
    kept.metrics |= {
        "int8_correlation": round(found.correlation, 4),
        "int8_drift": round(found.pass_rate, 4),
    }
    return found.refusal


def _write(path: Path, data: bytes) -> FittedFile:
    path.write_bytes(data)
    return FittedFile(name=path.name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
