"""Inference by a Triton server: a model is loaded there by its content, probed, and unloaded when let go."""

import asyncio
import time
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from andon.contracts import Refused
from andon.serving import _probe
from andon.serving._batches import Batches
from andon.serving._onnxruntime import OnnxRuntimePredictor
from andon.serving._predictor import Prediction
from andon.serving.triton._client import NotLoaded, TritonClient, TritonServer
from andon.serving.triton._repository import Layout, Repository
from andon.telemetry import log

_HOUR = 3600.0
_SLACK = 1.0
"""Seconds that the server's clock may go before this one's without being taken for another's question."""
_log = log("andon.serving")


class TritonPredictor:
    """A model in a server that others may use, too; it must say there what ONNX Runtime says here."""

    name = "triton"

    def __init__(
        self, client: TritonClient, layout: Layout, known: Prediction, repository: Repository | None
    ) -> None:
        self._client = client
        self._layout = layout
        self._model = layout.name
        self._known = known
        self._repository = repository
        self._device = "AUTO"
        self._asked_at = 0.0
        self._loading = asyncio.Lock()
        self._closed = False
        self._batches = Batches(self._look, lanes=client.server.in_flight, limit=layout.max_batch)

    @classmethod
    async def open(
        cls,
        model: bytes | Path,
        server: TritonServer,
        *,
        max_batch: int = 8,
        repository: Repository | None = None,
    ) -> Self:
        """Load and probe an FP32 file; without a `repository` it travels with the request to load it.

        Raises Invalid for no model and for one that the server can't load, ProbeFailed when it says something
        else there than here, Unavailable when the server is away.
        """
        known = await _said_here(model)
        data = model if isinstance(model, bytes) else await asyncio.to_thread(model.read_bytes)
        client = TritonClient(server)
        try:
            await client.greet()
        except BaseException:
            await client.close()
            raise
        predictor = cls(client, Layout(data, max_batch), known, repository)
        try:
            await predictor._load()
            predictor._device = await predictor._client.device(predictor._model)
            await predictor._sweep()
        except BaseException:
            await predictor.close()
            raise
        return predictor

    @property
    def device(self) -> str:
        return self._device

    async def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        return await self._batches.ask(pixels)

    async def probe(self) -> None:
        self._check(await self.predict(_probe.probe_image()))

    async def close(self) -> None:
        await self._batches.close()
        if self._closed:
            return
        self._closed = True
        try:
            await self._let_go()
        except Refused as away:
            _log.warning("a model may stay loaded in Triton", model=self._model, reason=str(away))
        finally:
            await self._client.close()

    async def _look(self, batch: list[NDArray[np.uint8]]) -> list[Prediction]:
        images = np.stack(batch)
        try:
            return await self._infer(images)
        except NotLoaded as gone:
            async with self._loading:
                _log.warning("a model is loaded into Triton again", model=self._model, reason=str(gone))
                await self._load()
            return await self._infer(images)

    async def _infer(self, images: NDArray[np.uint8]) -> list[Prediction]:
        scores, heatmaps = await self._client.infer(self._model, images)
        self._asked_at = time.time()
        return [Prediction(float(score), heatmap) for score, heatmap in zip(scores, heatmaps, strict=True)]

    async def _load(self) -> None:
        if not await self._client.ready(self._model):  # else another inspector was here before
            files = self._layout
            if self._repository is None:
                await self._client.load(self._model, files.config, files.in_request)
            else:
                await self._repository.put(self._model, files.in_repository)
                await self._client.load(self._model, None, None)
        # A backend built against another numpy answers with wrong numbers and no error.
        self._check((await self._infer(_probe.probe_image()[None]))[0])

    def _check(self, said: Prediction) -> None:
        _probe.check(said, self._known.score)
        apart = float(np.abs(said.heatmap - self._known.heatmap).max())
        if apart > _probe.TOLERANCE * float(np.abs(self._known.heatmap).max()):
            raise _probe.ProbeFailed(f"the model's heatmap of its probe image is {apart:.4g} off in Triton")

    async def _let_go(self) -> None:
        """Unload the model, unless somebody else has asked it since we did."""
        asked_at = (await self._client.last_asked()).get(self._model, 0)
        if asked_at <= self._asked_at + _SLACK:
            await self._drop(self._model)

    async def _sweep(self) -> None:
        """Unload what nobody has asked for long: whoever loaded it may have been killed."""
        oldest = time.time() - self._client.server.idle_hours * _HOUR
        for name, asked_at in (await self._client.last_asked()).items():
            if name == self._model or not 0 < asked_at < oldest:
                continue
            try:
                await self._drop(name)
            except Refused as away:
                _log.warning("an idle model stays loaded in Triton", model=name, reason=str(away))
            else:
                _log.info("an idle model was unloaded from Triton", model=name)

    async def _drop(self, name: str) -> None:
        await self._client.unload(name)
        if self._repository is not None:
            await self._repository.remove(name)


async def _said_here(model: bytes | Path) -> Prediction:
    """The known answer. Raises Invalid for no model, ProbeFailed for one that says nonsense itself."""
    here = await OnnxRuntimePredictor.open(model, threads=1, max_batch=1)
    try:
        return await here.predict(_probe.probe_image())
    finally:
        await here.close()
