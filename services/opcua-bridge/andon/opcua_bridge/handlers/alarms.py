"""Andon's alerts as alarms, and what operators answer from SCADA."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from andon.contracts import Conflict, Forbidden, Message, NotFound, Unavailable, alerting, audit
from andon.contracts.alerting import AcknowledgeAlert, Alert, AlertState, CommentAlert, ListAlerts
from andon.contracts.auth import Permission
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.conditions import Conditions, UnknownEvent
from andon.opcua_bridge.adapters.visitors import Caller
from andon.opcua_bridge.domain.alarms import alarm_of, condition_of, event_ids
from andon.opcua_bridge.store import Confirmations
from andon.telemetry import log

_AGAIN_SECONDS = 3.0
_MOST = 1000

_log = log("andon.opcua_bridge")


@dataclass
class Alarms:
    """Alerts live in alerting: here they are shown, and answers are handed on."""

    bus: Service
    conditions: Conditions
    confirmations: Confirmations
    clock: Callable[[], datetime]
    _alerts: dict[str, Alert] = field(default_factory=dict[str, Alert])
    """The latest of each condition."""

    def connect(self) -> None:
        """Let operators' answers come here."""
        self.conditions.acknowledge = self.acknowledge
        self.conditions.confirm = self.confirm
        self.conditions.comment = self.comment

    async def heard(self, message: Message, _delivery: Delivery) -> None:
        """Show what became of an alert."""
        assert isinstance(message, Alert)  # noqa: S101 - follows names no other event
        await self._show(message)

    async def learn(self) -> None:
        """Ask what is open, as soon as somebody can tell."""
        while True:
            try:
                await self.ask()
            except Unavailable:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    async def ask(self) -> None:
        """Show what is open or acknowledged. Raises Unavailable."""
        for state in (AlertState.OPEN, AlertState.ACKNOWLEDGED):
            found = await self.bus.ask(alerting.LIST, ListAlerts(state=state, limit=_MOST))
            for alert in reversed(found.alerts):
                if alert.state is not AlertState.RESOLVED:
                    await self._show(alert)

    async def acknowledge(self, condition: str, event_id: bytes, comment: str, who: Caller) -> None:
        """Raises Refused."""
        alert = self._answered(condition, event_id, who)
        if alert.acknowledged_at is not None:
            raise Conflict("it is acknowledged")
        done = await self.bus.ask(alerting.ACKNOWLEDGE, AcknowledgeAlert(id=alert.id, by=_name(who)))
        if comment.strip():
            await self._comment(alert, comment, who)
        await self._record("opcua.alert.acknowledge", alert, who)
        await self._show(done)

    async def confirm(self, condition: str, event_id: bytes, comment: str, who: Caller) -> None:
        """Raises Refused. Alerts know no such state: it is kept here, and written to them as a comment."""
        alert = self._answered(condition, event_id, who)
        if alert.acknowledged_at is None:
            raise Conflict("it is not acknowledged yet")
        if await self.confirmations.of(alert.id) is not None:
            raise Conflict("it is confirmed")
        await self._comment(alert, f"confirmed: {comment}".removesuffix(": "), who)
        await self.confirmations.put(alert.id, _name(who), self.clock())
        await self._record("opcua.alert.confirm", alert, who)
        await self._show(alert)

    async def comment(self, condition: str, event_id: bytes, comment: str, who: Caller) -> None:
        """Raises Refused."""
        alert = self._answered(condition, event_id, who)
        if comment.strip():
            await self._comment(alert, comment, who)

    def _answered(self, condition: str, event_id: bytes, who: Caller) -> Alert:
        if Permission.INSPECT not in who.visitor.permissions:
            raise Forbidden("this needs the permission 'inspect'")
        alert = self._alerts.get(condition)
        if alert is None:
            raise NotFound(f"there is no {condition}")
        if event_id not in event_ids(alert):
            raise UnknownEvent("the alarm has said no such thing")
        return alert

    async def _show(self, alert: Alert) -> None:
        if alert.station_id is not None and not self.conditions.server.serves(alert.station_id):
            return
        known = self._alerts.get(condition_of(alert))
        if known is not None and (_rank(known) > _rank(alert)):
            return  # An answer may overtake the event that tells of it.
        self._alerts[condition_of(alert)] = alert
        if alert.station_id is not None:
            await self.conditions.server.know(alert.station_id)
        await self.conditions.show(alarm_of(alert, confirmed_by=await self._confirmed(alert)))

    async def _confirmed(self, alert: Alert) -> str | None:
        if alert.acknowledged_at is None:
            return None
        try:
            return await self.confirmations.of(alert.id)
        except Unavailable:
            return None

    async def _comment(self, alert: Alert, text: str, who: Caller) -> None:
        await self.bus.ask(alerting.COMMENT, CommentAlert(id=alert.id, by=_name(who), text=text))

    async def _record(self, action: str, alert: Alert, who: Caller) -> None:
        entry = audit.Action(
            id=uuid4().hex, at=self.clock(), actor=who.visitor.actor, action=action, target=alert.id,
            address=who.address,
        )  # fmt: skip
        await self.bus.say(audit.RECORD, entry, once=entry.id)


def _name(who: Caller) -> str:
    return who.visitor.name or "opcua"


def _rank(alert: Alert) -> tuple[datetime, bool, bool]:
    return (alert.timestamp, alert.resolved_at is not None, alert.acknowledged_at is not None)
