"""Where alerts lie: read, seen, commented, over, and told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from andon.alerting.domain.lifecycle import (
    ACKNOWLEDGED,
    OPENED,
    RESOLVED,
    Record,
    acknowledged,
    commented,
    lock_of,
    resolved,
    settled,
    silences,
)
from andon.alerting.handlers.outbox import Outbox
from andon.alerting.store.alerts import Alerts, Silences
from andon.alerting.store.pages import pages
from andon.contracts import NotFound, Unavailable, alerting
from andon.contracts.alerting import (
    AcknowledgeAlert,
    Alert,
    AlertDetails,
    AlertState,
    CommentAlert,
    GetAlert,
    ListAlerts,
    ResolveAlert,
)
from andon.messaging import Delivery, Service
from andon.telemetry import log

_SUBJECTS = {
    OPENED: alerting.OPENED,
    ACKNOWLEDGED: alerting.ACKNOWLEDGED,
    RESOLVED: alerting.RESOLVED,
}
_log = log("andon.alerting")


@dataclass
class Desk:
    bus: Service
    alerts: Alerts
    silences: Silences
    outbox: Outbox
    clock: Callable[[], datetime]
    open: dict[str, Record] = field(default_factory=dict[str, Record])
    """What is not over, by its lock, as this replica knows it."""
    _told: set[tuple[str, str, datetime]] = field(default_factory=set[tuple[str, str, datetime]])

    async def listed(self, query: ListAlerts, _delivery: Delivery) -> alerting.Alerts:
        found = await self.alerts.listed(query)
        return alerting.Alerts(alerts=tuple(await self._shown(found)))

    async def get(self, query: GetAlert, _delivery: Delivery) -> AlertDetails:
        """Raises NotFound."""
        return await self._details(await self._found(query.id))

    async def acknowledge(self, query: AcknowledgeAlert, _delivery: Delivery) -> Alert:
        """Raises NotFound."""
        return (await self.change(query.id, lambda one: acknowledged(one, query.by, self.clock()))).alert()

    async def resolve(self, query: ResolveAlert, _delivery: Delivery) -> Alert:
        """Raises NotFound."""
        why = query.reason
        return (await self.change(query.id, lambda one: resolved(one, self.clock(), query.by, why))).alert()

    async def comment(self, query: CommentAlert, _delivery: Delivery) -> AlertDetails:
        """Raises NotFound."""
        after = await self.change(query.id, lambda one: commented(one, query.by, query.text, self.clock()))
        return await self._details(after)

    async def change(self, alert_id: str, step: Callable[[Record], Record]) -> Record:
        """Lead an alert one step on, whoever else changes it meanwhile, and tell. Raises NotFound."""
        while True:
            before = await self._found(alert_id)
            after = step(before)
            if after is before:
                return before
            if await self.alerts.change(before, after):
                await self.tell([after])
                return after

    async def told(self, rule: str, subject: str, since: datetime) -> bool:
        """Whether there was an alert of that since then, over or not. Raises Unavailable."""
        key = (rule, subject, since)
        if key not in self._told and await self.alerts.opened_since(rule, subject, since):
            self._told.add(key)
        return key in self._told

    async def open_all(self, records: Sequence[Record]) -> None:
        """Each, unless there is one about the same that is not over. Raises Unavailable."""
        for some in pages(records):
            new = await self.alerts.add_many(some)
            for each in new:
                _log.warning("alert opened", rule=each.rule, subject=each.subject, message=each.message)
            await self.tell(new)

    async def refresh(self) -> None:
        """Know everything that is not over, and tell what was not told. Raises Unavailable."""
        unsettled = await self.alerts.unsettled()
        self.open = {each.lock: each for each in unsettled if each.lock}
        for some in pages([each for each in unsettled if each.unsaid]):
            await self.tell(some)

    async def tell(self, records: Sequence[Record]) -> None:
        """Say what was not said yet, and have it sent. A repeat is harmless: each change is kept once."""
        for each in records:
            self._know(each)
        try:
            await self.outbox.add(
                (each.alert(), each.history[place].what, place) for each in records for place in each.unsaid
            )
            await asyncio.gather(*(self._say(each) for each in records))
            await self.alerts.told(records)
            for each in records:
                await self._settle(each)
        except Unavailable as away:
            _log.warning("alerts are not told yet", count=len(records), reason=str(away))

    async def _say(self, record: Record) -> None:
        for place in record.unsaid:
            subject = _SUBJECTS.get(record.history[place].what, alerting.CHANGED)
            await self.bus.say(subject, record.alert(), once=f"{record.id}:{place}")

    async def _settle(self, record: Record) -> None:
        """What is over and told needs nothing more."""
        if record.state is AlertState.RESOLVED:
            now = await self.alerts.get(record.id)
            if now is not None and not now.unsaid and not now.settled:
                await self.alerts.change(now, settled(now))

    def _know(self, record: Record) -> None:
        if record.lock:
            self.open[record.lock] = record
            return
        lock = lock_of(record.rule, record.subject)
        if (known := self.open.get(lock)) is not None and known.id == record.id:
            del self.open[lock]

    async def _found(self, alert_id: str) -> Record:
        record = await self.alerts.get(alert_id)
        if record is None:
            raise NotFound(f"there is no alert {alert_id}")
        return record

    async def _details(self, record: Record) -> AlertDetails:
        (alert,) = await self._shown([record])
        return AlertDetails(alert=alert, history=record.history)

    async def _shown(self, records: Sequence[Record]) -> list[Alert]:
        """With until when nobody is notified of them."""
        now = self.clock()
        running = await self.silences.running(now) if records else []
        shown: list[Alert] = []
        for record in records:
            quiet = [each.ends_at for each in running if record.lock and silences(each, record, now)]
            shown.append(record.alert().model_copy(update={"silenced_until": max(quiet, default=None)}))
        return shown
