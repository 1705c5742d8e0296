"""Reactions of alerting: parts are counted, bad lines open alerts, people acknowledge them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from andon.alerting.domain import (
    PASS_RATE_LOW,
    Lines,
    PassRateRule,
    Record,
    Verdict,
    acknowledged,
    counted,
    find,
    opened,
    resolved,
    resumed,
    said,
)
from andon.alerting.store import Alerts, Snapshots
from andon.contracts import Message, NotFound, Unavailable, alerting, inspection, stream_of
from andon.contracts.alerting import AcknowledgeAlert, Alert, AlertState, ListAlerts, Severity
from andon.messaging import Delivery, Service
from andon.telemetry import log, metrics

STREAM = stream_of(inspection.PART_JUDGED)

_TICK_SECONDS = 1.0
_PACE_SECONDS = 0.5
"""However many parts come, the database is asked no more often than this."""
_QUIET_SECONDS = 2.0
_SUBJECTS = {
    AlertState.OPEN: alerting.OPENED,
    AlertState.ACKNOWLEDGED: alerting.ACKNOWLEDGED,
    AlertState.RESOLVED: alerting.RESOLVED,
}
_log = log("andon.alerting")


@dataclass
class Desk:
    """Where alerts lie: read, acknowledged, told."""

    bus: Service
    alerts: Alerts
    clock: Callable[[], datetime]

    async def list(self, query: ListAlerts, _delivery: Delivery) -> alerting.Alerts:
        found = await self.alerts.listed(query)
        return alerting.Alerts(alerts=tuple(each.alert() for each in found))

    async def acknowledge(self, query: AcknowledgeAlert, _delivery: Delivery) -> Alert:
        """Raises NotFound."""
        while True:
            before = await self.alerts.get(query.id)
            if before is None:
                raise NotFound(f"there is no alert {query.id}")
            after = acknowledged(before, query.by, self.clock())
            if after is before:
                return before.alert()
            if await self.alerts.change(before, after):
                await self.tell(after)
                return after.alert()

    async def tell(self, record: Record) -> None:
        """Say what was not said yet. A repeat is harmless: the bus keeps each change once."""
        try:
            for change in record.unsaid:
                await self.bus.say(_SUBJECTS[change], record.alert(), once=f"{record.id}:{change}")
            await self.alerts.change(record, said(record))
        except Unavailable as away:
            _log.warning("an alert is not told yet", alert=record.id, reason=str(away))


@dataclass
class Watcher:
    """Counts what is judged and holds it against the rule."""

    bus: Service
    snapshots: Snapshots
    alerts: Alerts
    desk: Desk
    rule: PassRateRule
    clock: Callable[[], datetime]
    lines: Lines = field(default_factory=Lines)
    _saved: Lines | None = None
    """What the store has; None before it was read."""
    _until: int = 0
    """The place in the stream from which what we know is what there is."""
    _heard: float = 0
    """When the last part was heard, on the loop's clock."""
    _open: dict[str, Record] = field(default_factory=dict[str, Record])
    """Alerts that are not over, by station, as of the last look."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def place(self) -> int:
        """Load what was kept and say where to go on in the stream."""
        if self._saved is None:
            self.lines = self._saved = await self.snapshots.load()
        self._until = await self.bus.last_sequence(STREAM)
        self.lines = resumed(self.lines, self._until)
        self._heard = asyncio.get_running_loop().time()
        return self.lines.last_seq

    async def judged(self, part: Message, delivery: Delivery) -> None:
        """Count a part; what follows from it is found by `watch`."""
        assert isinstance(part, inspection.Inspection)  # noqa: S101 - follows names no other event
        self.lines = counted(self.lines, part, delivery.sequence, self.clock(), self.rule.window_minutes)
        self._heard = asyncio.get_running_loop().time()
        self._news.set()

    async def watch(self) -> None:
        """Look whenever parts came, and every second, since time alone empties a window."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _TICK_SECONDS)
            self._news.clear()
            with suppress(Unavailable):  # the store says so itself, and the next look finds the same
                await self.look()
            await asyncio.sleep(_PACE_SECONDS)

    async def look(self) -> None:
        """Open and resolve what the rule asks for, tell what was not told, remember how far we are."""
        await self._read_alerts()
        if self._caught_up():
            for station_id in self.lines.stations:
                await self._hold(station_id)
        await self._save()

    @asynccontextmanager
    async def remembering(self) -> AsyncIterator[None]:
        """Save once more at the end, when nothing comes any more."""
        await self.alerts.prepare()
        yield
        with suppress(Unavailable):
            await self._save()

    def _caught_up(self) -> bool:
        # Half of a window that is being read again would be judged as if it were all.
        if self._saved is None:
            return False
        quiet = asyncio.get_running_loop().time() - self._heard
        return self.lines.last_seq >= self._until or quiet > _QUIET_SECONDS

    async def _read_alerts(self) -> None:
        unsettled = await self.alerts.unsettled()
        for record in unsettled:
            if record.unsaid:
                await self.desk.tell(record)
        over = AlertState.RESOLVED
        self._open = {
            each.station_id: each for each in unsettled if each.state is not over and each.station_id
        }
        for severity in Severity:
            count = sum(each.severity is severity for each in self._open.values())
            metrics.ALERTS_OPEN.labels(severity).set(count)

    async def _hold(self, station_id: str) -> None:
        now = self.clock()
        found = find(self.rule, self.lines.stations[station_id], now)
        known = self._open.get(station_id)
        if found.verdict is Verdict.BAD and known is None:
            latest = await self.alerts.latest(PASS_RATE_LOW, station_id)
            record = opened(self.rule, station_id, found, latest.number + 1 if latest else 0, now)
            if await self.alerts.add(record):
                _log.warning("alert opened", station=station_id, alert=record.id, message=record.message)
                await self.desk.tell(record)
        elif found.verdict is Verdict.GOOD and known is not None:
            await self._resolve(known.id, now)

    async def _resolve(self, alert_id: str, now: datetime) -> None:
        before = await self.alerts.get(alert_id)
        if before is None:
            return
        after = resolved(before, now)
        if after is not before and await self.alerts.change(before, after):
            _log.info("alert resolved", station=after.station_id, alert=after.id)
            await self.desk.tell(after)

    async def _save(self) -> None:
        lines = self.lines
        if self._saved is None or lines is self._saved:
            return
        await self.snapshots.save(lines)
        self._saved = lines
