"""The engine's time: the database's, so that replicas on machines whose clocks differ agree on leases."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from andon.contracts import Unavailable
from andon.storage import Mongo, reaching
from andon.telemetry import log

_EVERY_SECONDS = 10.0
_SOON_SECONDS = 0.5
_TOLERATED = timedelta(seconds=0.25)
"""The database tells milliseconds, half a round trip late: below this, time is not corrected."""
_log = log("andon.queue")


def _now() -> datetime:
    return datetime.now(UTC)


class DatabaseClock:
    """Goes on evenly between two looks, whatever becomes of this machine's own clock."""

    def __init__(self, mongo: Mongo, local: Callable[[], datetime] = _now) -> None:
        self._admin = mongo.database("queue").client.admin
        self._local = local
        self._start: datetime | None = None
        self._since = 0.0

    def __call__(self) -> datetime:
        """UTC; this machine's own before the database was heard once."""
        if self._start is None:
            return self._local()
        return self._start + timedelta(seconds=time.monotonic() - self._since)

    async def set(self) -> None:
        """Raises Unavailable while the database is away."""
        asked = time.monotonic()
        with reaching():
            answer = await self._admin.command("hello")
        told = answer["localTime"].replace(tzinfo=UTC) + timedelta(seconds=(time.monotonic() - asked) / 2)
        off = told - self()
        if self._start is None or abs(off) > _TOLERATED:
            if abs(off) > _TOLERATED:
                _log.warning("this clock is not the database's", seconds=round(off.total_seconds(), 3))
            self._start, self._since = told, time.monotonic()

    @asynccontextmanager
    async def kept_right(self) -> AsyncIterator[None]:
        """Set before anything is done."""
        await self.set()
        yield

    async def keep(self) -> None:
        """Look again now and then."""
        while True:
            try:
                await self.set()
            except Unavailable:
                await asyncio.sleep(_SOON_SECONDS)
            else:
                await asyncio.sleep(_EVERY_SECONDS)
