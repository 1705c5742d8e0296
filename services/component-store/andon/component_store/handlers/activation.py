"""Moves pointers, and tells of it until it is told."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from andon.component_store.domain.records import Pointer, StoredVersion, move
from andon.component_store.store import HistoryStore, PointerStore, VersionStore
from andon.contracts import NotFound, Unavailable
from andon.contracts.component import ACTIVATED, PUBLISHED, Activation
from andon.messaging import Service
from andon.telemetry import log

_log = log("andon.component-store")
_TRIES = 200


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Activator:
    """The one place where pointers move."""

    versions: VersionStore
    pointers: PointerStore
    history: HistoryStore
    bus: Service
    clock: Callable[[], datetime] = utc_now
    _telling: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary[str, asyncio.Lock]
    )

    async def activate(self, version: StoredVersion, by: str, why: str) -> None:
        """As `move`, and tell of it."""
        await self.move(version, by, why)
        await self.tell(version.path)

    async def move(self, version: StoredVersion, by: str, why: str) -> None:
        """From now on this is the path's active version; the last of several callers wins."""
        for _ in range(_TRIES):
            pointer = await self._pointer_of(version)
            if pointer.active == version.sha256 or await self._moved(pointer, version, by, why):
                return
        raise Unavailable(f"too many activate versions of {version.path} at once; try again")

    async def settle(self, version: StoredVersion) -> None:
        """Finish what an upload began: move the pointer if nobody moved it since, and tell of the version."""
        pointer = await self._pointer_of(version)
        wish = version.wish
        if wish and pointer.version == wish.at_version:
            await self._moved(pointer, version, wish.by, wish.why)
            pointer = await self._pointer_of(version)
        await self.pointers.counted(version.path, await self.versions.count(version.path), version.created_at)
        await self.bus.say(PUBLISHED, version.shown(pointer.active), once=version.id)
        await self.versions.settled(version)
        await self.tell(version.path)

    async def tell(self, path: str) -> None:
        """Put moves into the history and onto the bus, in their order; what can't be told now waits."""
        async with self._telling.setdefault(path, asyncio.Lock()):
            pointer = await self.pointers.get(path)
            waiting: tuple[Activation, ...] = pointer.pending if pointer else ()
            try:
                for activation in sorted(waiting, key=lambda each: each.sequence):
                    await self._tell(activation)
            except Unavailable as away:
                _log.warning("an activation is told later", path=path, reason=str(away))

    async def _tell(self, activation: Activation) -> None:
        await self.history.put(activation)
        key = f"{activation.path}@{activation.sequence}"
        await self.bus.say(ACTIVATED, activation, once=key)
        await self.pointers.told(activation)

    async def _moved(self, pointer: Pointer, version: StoredVersion, by: str, why: str) -> bool:
        activation = move(pointer, version, by, why, self.clock())
        return await self.pointers.moved(activation, version.created_at)

    async def _pointer_of(self, version: StoredVersion) -> Pointer:
        pointer = await self.pointers.get(version.path)
        if pointer is None:
            raise NotFound(f"there is no component {version.path}")
        return pointer


@dataclass(frozen=True)
class Finisher:
    """Finishes what a process that ended, or a bus that was away, left half done."""

    activator: Activator

    async def finish(self) -> None:
        for version in await self.activator.versions.open():
            await self.activator.settle(version)
        for pointer in await self.activator.pointers.open():
            await self.activator.tell(pointer.path)
