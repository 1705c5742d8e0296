"""The models in use, by digest: loaded once, swapped between two frames, closed when long unused."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from andon.contracts import Unavailable
from andon.serving._predictor import Prediction, Predictor

Loader = Callable[[], Awaitable[Predictor]]


@dataclass(eq=False)
class _Entry:
    loading: "asyncio.Task[Predictor]"
    busy: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Loaded:
    """A model that is ready."""

    digest: str
    runtime: str
    device: str


class ModelHost:
    """Keeps the `keep` models used last; one that is pushed out answers what it was asked, then closes."""

    def __init__(self, keep: int = 4) -> None:
        self._keep = keep
        self._held = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def use(self, digest: str, loader: Loader) -> "Hosted":
        """The model of that digest, loaded and warm; callers at the same time share one load.

        Whatever was in use before goes on answering meanwhile. Raises what the loader raises, and tries
        again with the next call.
        """
        await self._ready(self._entry(digest, loader), digest)
        return Hosted(self, digest, loader)

    def hold(self, models: int) -> None:
        """Keep at least so many from now on; never fewer than `keep`."""
        self._held = models

    @property
    def digests(self) -> tuple[str, ...]:
        """Of the models held, the one used last at the end."""
        return tuple(self._entries)

    def loaded(self) -> tuple[Loaded, ...]:
        """The models that are ready, the one used last at the end."""
        ready = [
            (digest, entry.loading.result())
            for digest, entry in self._entries.items()
            if entry.loading.done() and not entry.loading.cancelled() and entry.loading.exception() is None
        ]
        return tuple(Loaded(digest, model.name, model.device) for digest, model in ready)

    async def close(self) -> None:
        """Drain and close every model."""
        self._closed = True
        while self._entries:
            self._push_out(next(iter(self._entries)))
        while self._closing:
            await asyncio.wait(self._closing)

    async def predict(self, digest: str, loader: Loader, pixels: NDArray[np.uint8]) -> Prediction:
        """One prediction by the model of that digest, which stays loaded until it is answered."""
        entry = self._entry(digest, loader)
        entry.busy += 1
        try:
            return await (await self._ready(entry, digest)).predict(pixels)
        finally:
            entry.busy -= 1
            if not entry.busy:
                entry.idle.set()

    def _entry(self, digest: str, loader: Loader) -> _Entry:
        if self._closed:
            raise Unavailable("the models are closed")
        entry = self._entries.get(digest)
        if entry is None:
            entry = self._entries[digest] = _Entry(asyncio.ensure_future(_load(loader)))
        self._entries.move_to_end(digest)
        return entry

    async def _ready(self, entry: _Entry, digest: str) -> Predictor:
        try:
            # Shielded: one caller that gives up must not take the load from the others.
            predictor = await asyncio.shield(entry.loading)
        except BaseException:
            failed = entry.loading.done() and (entry.loading.cancelled() or entry.loading.exception())
            if failed and self._entries.get(digest) is entry:
                del self._entries[digest]
            raise
        while len(self._entries) > max(self._keep, self._held):
            self._push_out(next(iter(self._entries)))
        return predictor

    def _push_out(self, digest: str) -> None:
        task = asyncio.ensure_future(_drain(self._entries.pop(digest)))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Hosted:
    """A model by digest, as its host holds it; stays usable even if the host pushed it out in between."""

    def __init__(self, host: ModelHost, digest: str, loader: Loader) -> None:
        self._host = host
        self._loader = loader
        self.digest = digest

    async def predict(self, pixels: NDArray[np.uint8]) -> Prediction:
        """Like `Predictor.predict`."""
        return await self._host.predict(self.digest, self._loader, pixels)


async def _load(loader: Loader) -> Predictor:
    return await loader()


async def _drain(entry: _Entry) -> None:
    await asyncio.wait((entry.loading,))
    if entry.loading.cancelled() or entry.loading.exception() is not None:
        return
    while entry.busy:
        entry.idle.clear()
        await entry.idle.wait()
    await entry.loading.result().close()
