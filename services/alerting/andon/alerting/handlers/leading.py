"""One of several replicas counts, decides and tells; the others stand by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import uuid4

from andon.alerting.store.rollups import Leases
from andon.contracts import Unavailable
from andon.telemetry import log

_BEAT_SECONDS = 2.0
_PATIENCE_SECONDS = 8.0
"""A holder whose beat stands still for so long on our own clock is gone; no wall clock decides."""
_log = log("andon.alerting")


@dataclass
class Leading:
    leases: Leases
    name: str = field(default_factory=lambda: uuid4().hex)
    leads: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while this replica is the one."""
    _seen: tuple[str, int] = ("", -1)
    _seen_at: float = 0.0

    async def run(self) -> None:
        """For as long as the service lives."""
        while True:
            try:
                await self._beat()
            except Unavailable:  # the store says so itself; who can't reach it can't lead
                self._stand_by()
            await asyncio.sleep(_BEAT_SECONDS)

    @asynccontextmanager
    async def leaving(self) -> AsyncIterator[None]:
        """Give it back at the end, so that nobody has to wait for our silence."""
        yield
        if self.leads.is_set():
            with suppress(Unavailable):
                await self.leases.take("", await self.leases.seen())

    async def _beat(self) -> None:
        clock = asyncio.get_running_loop().time()
        seen = await self.leases.seen()
        if seen != self._seen:
            self._seen, self._seen_at = seen, clock
        holder, _ = seen
        silent = clock - self._seen_at > _PATIENCE_SECONDS
        if holder in ("", self.name) or silent:
            took = await self.leases.take(self.name, seen)
            if took and not self.leads.is_set():
                _log.info("this replica leads")
                self.leads.set()
            elif not took:
                self._stand_by()
        else:
            self._stand_by()

    def _stand_by(self) -> None:
        if self.leads.is_set():
            _log.warning("another replica leads")
            self.leads.clear()
