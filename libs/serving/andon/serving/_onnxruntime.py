"""Inference by ONNX Runtime: the FP32 file, on the processor or a GPU."""

import asyncio
import gc
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from andon.serving import _probe
from andon.serving._batches import Batches
from andon.serving._predictor import Prediction
from andon.serving._session import open_session, ort


class OnnxRuntimePredictor:
    """One session that uses its threads within a batch; a quantised file would be slower here than FP32."""

    name = "onnxruntime"

    def __init__(self, session: Any, max_batch: int) -> None:
        known: str | None = session.get_modelmeta().custom_metadata_map.get(_probe.PROBE_KEY)
        self._session: Any = session
        self._device: str = session.get_providers()[0].removesuffix("ExecutionProvider")
        self._known = float(known) if known else None
        self._batches = Batches.in_threads(self._infer, lanes=1, limit=max_batch)

    @classmethod
    async def open(cls, model: bytes | Path, *, threads: int = 0, max_batch: int = 8) -> Self:
        """Load and warm a model file. `threads` 0 means every core. Raises Invalid for no model."""
        predictor = await asyncio.to_thread(cls._load, model, threads, max_batch)
        try:
            await predictor.probe()
        except BaseException:
            await predictor.close()
            raise
        return predictor

    @classmethod
    def _load(cls, model: bytes | Path, threads: int, max_batch: int) -> Self:
        wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider")
                  if name in ort.get_available_providers()]  # fmt: skip
        return cls(open_session(model, threads, wanted), max_batch)

    @property
    def device(self) -> str:
        return self._device

    async def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        return await self._batches.ask(pixels)

    async def probe(self) -> None:
        _probe.check(await self.predict(_probe.probe_image()), self._known)

    async def close(self) -> None:
        await self._batches.close()
        self._session = None
        gc.collect()

    def _infer(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        scores, heatmaps = self._session.run(["score", "heatmap"], {"image": images})
        return scores, heatmaps
