"""Andon's model and its peers over the same held-out parts, in turns, told by the same figures."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from quality_peers.peer import NAMES, Peer, fitted

from andon.contracts.annotation import Verdict
from andon.contracts.learning import LabelledImage
from andon.serving import ModelFiles, ServingSettings, decode_full, load, look
from andon.training.domain.lessons import RESULT, LessonResult
from andon.training.evaluation import evidence
from andon.training.evaluation.figures import separation
from andon.training.evaluation.judging import Candidate, judge_all

THREADS = 2
PAUSE_SECONDS = 0.02
"""Between turns, so that threads that spin for more work have given up."""

Part = tuple[LabelledImage, Path]


def beside(
    row: dict[str, Any], parts: Sequence[Part], folder: Path, bank: int, most: int
) -> list[dict[str, Any]]:
    """Ours as `row` tells it, and each peer, judged on what `folder` holds the fitted model of.

    `bank`: patches that PatchCore keeps; `most`: good parts with which it is not left out.
    """
    held_out = [part for part in parts if part[0].held_out]
    good = [path for image, path in parts if not image.held_out and image.verdict is Verdict.GOOD]
    looked = np.stack([_look(path) for _, path in held_out])
    np.save(folder / "held-out.npy", looked)
    np.save(folder / "good.npy", np.stack([_look(path) for path in good]))
    kinds = [kind for kind in NAMES if kind == "padim" or len(good) <= most]
    candidate = _candidate(folder)
    with ExitStack() as stack:
        peers = [stack.enter_context(fitted(kind, folder, bank)) for kind in kinds]
        ours = asyncio.run(_in_turns(candidate, peers, looked))
    seen, _ = judge_all(candidate, held_out)
    rows = [{**row, "system": f"Andon, {row['head']}", "ms": ours, "bank": 0, "peer": False}]
    for peer in peers:
        theirs = [
            replace(one, judged=replace(one.judged, score=score), heatmap=heatmap)
            for one, score, heatmap in zip(seen, peer.scores, peer.maps, strict=True)
        ]
        found = {
            "system": NAMES[peer.kind],
            "auroc": separation([one.judged for one in theirs]),
            "pro": evidence._pro(theirs),  # noqa: SLF001 - the very figure that ours is told by
            "fit_s": peer.fit_seconds,
            "ms": float(np.median(peer.milliseconds)),
            "bank": peer.bank,
            "peer": True,
        }
        rows.append({"set": row["set"], "good": len(good), "held_out": len(held_out), **found})
    return rows


def _look(path: Path) -> NDArray[np.uint8]:
    return look(decode_full(path.read_bytes()).pixels)


def _candidate(folder: Path) -> Candidate:
    fit = LessonResult.model_validate_json((folder / RESULT).read_text()).fit
    assert fit is not None
    files = ModelFiles(folder / fit.fp32.name, folder / fit.int8.name if fit.int8 else None)
    return Candidate(files, fit.thresholds, threads=THREADS)


async def _in_turns(candidate: Candidate, peers: Sequence[Peer], looked: NDArray[np.uint8]) -> float:
    """Each part by ours and by every peer, one after the other; ours in milliseconds, the median."""
    predictor = await load(candidate.files, ServingSettings(threads=candidate.threads))
    taken: list[float] = []
    try:
        for number, pixels in enumerate(looked):
            await asyncio.sleep(PAUSE_SECONDS)
            began = time.perf_counter()
            await predictor.predict(pixels)
            taken.append((time.perf_counter() - began) * 1e3)
            for peer in peers:
                await asyncio.sleep(PAUSE_SECONDS)
                peer.judge(number)
    finally:
        await predictor.close()
    return float(np.median(taken))
