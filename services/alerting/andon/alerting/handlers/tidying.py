"""Forgets what is old."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from andon.alerting.store.alerts import Alerts
from andon.alerting.store.notices import Notices
from andon.alerting.store.rollups import Rollups
from andon.contracts import Unavailable

_EVERY_SECONDS = 3600.0


class KeepSettings(BaseModel):
    """How long what is over is kept."""

    alert_days: Annotated[int, Field(ge=1, le=36500)] = 365
    notice_days: Annotated[int, Field(ge=1, le=36500)] = 30
    count_days: Annotated[int, Field(ge=2, le=365)] = 14
    """Counts by minute, on which rules are tried."""


@dataclass(frozen=True)
class Tidying:
    alerts: Alerts
    notices: Notices
    rollups: Rollups
    leads: asyncio.Event
    clock: Callable[[], datetime]
    keep: KeepSettings

    async def run(self) -> None:
        """Every hour, for as long as the service lives."""
        while True:
            await self.leads.wait()
            now, keep = self.clock(), self.keep
            with suppress(Unavailable):
                await self.alerts.forget(now - timedelta(days=keep.alert_days))
                await self.notices.forget(now - timedelta(days=keep.notice_days))
                await self.rollups.forget(now - timedelta(days=keep.count_days))
            await asyncio.sleep(_EVERY_SECONDS)
