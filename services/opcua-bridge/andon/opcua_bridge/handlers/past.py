"""The past of the numeric nodes, kept with the counts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.contracts import Unavailable
from andon.contracts.inspection import Inspection
from andon.opcua_bridge.adapters.history import StoredHistory
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.domain.lines import StationState
from andon.opcua_bridge.domain.past import Moment, moment
from andon.opcua_bridge.store import Moments
from andon.telemetry import log

_MOST_WAITING = 50_000
_AT_ONCE = 500
_PRUNE_SECONDS = 3600.0

_log = log("andon.opcua_bridge")


@dataclass
class Past:
    """Written before the counts are: what a crash loses here is read from the stream again."""

    server: OpcuaServer
    moments: Moments
    clock: Callable[[], datetime]
    days: int
    _waiting: list[Moment] = field(default_factory=list[Moment])
    _full: bool = False

    async def prepare(self) -> None:
        """Let clients read it."""
        self.server.core.history = StoredHistory(self.server.index, self.moments.find)

    def note(self, state: StationState, part: Inspection, seq: int) -> None:
        """Remember a part until the counts are saved."""
        if not self.server.serves(part.station_id):
            return
        if len(self._waiting) >= _MOST_WAITING:
            if not self._full:
                _log.error("history has a gap: the store is away for too long", since=part.judged_at)
            self._full = True
            return
        self._waiting.append(moment(state, part, seq))

    async def flush(self) -> None:
        """Raises Unavailable; then the rest is still waiting."""
        for _ in range(0, len(self._waiting), _AT_ONCE):
            some = tuple(self._waiting[:_AT_ONCE])
            await self.moments.put(some)
            del self._waiting[: len(some)]
        self._full = False

    async def prune(self) -> None:
        """Forget what is too old, now and then."""
        while True:
            try:
                gone = await self.moments.forget_before(self.clock() - timedelta(days=self.days))
            except Unavailable:
                gone = 0
            if gone:
                _log.info("old history is gone", values=gone)
            await asyncio.sleep(_PRUNE_SECONDS)
