"""An alert of Andon as an alarm condition of OPC UA."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from andon.contracts.alerting import Alert, AlertState, Severity

_SEVERITIES = {Severity.INFO: 200, Severity.WARNING: 400, Severity.ERROR: 700, Severity.CRITICAL: 900}


@dataclass(frozen=True)
class Alarm:
    """What a condition says of itself at one time."""

    condition: str
    """Name of its node: one per rule and subject."""
    event_id: bytes
    """The same for the same state of the same alert, also after a restart."""
    station_id: str | None
    name: str
    message: str
    severity: int
    """1 to 1000."""
    active: bool
    acknowledged: bool
    confirmed: bool
    comment: str
    by: str
    """Who acknowledged it."""
    began: datetime
    at: datetime
    """Of its last change."""

    @property
    def retained(self) -> bool:
        """Whether it is still of interest to operators."""
        return self.active


def alarm_of(alert: Alert, *, confirmed_by: str | None = None) -> Alarm:
    """How an alert is shown. Who has confirmed it is known at the bridge alone."""
    return Alarm(
        condition=condition_of(alert),
        event_id=event_id(alert, confirmed=confirmed_by is not None),
        station_id=alert.station_id,
        name=alert.title,
        message=alert.message,
        severity=_SEVERITIES[alert.severity],
        active=alert.state is not AlertState.RESOLVED,
        acknowledged=alert.acknowledged_at is not None,
        confirmed=confirmed_by is not None,
        comment=f"confirmed by {confirmed_by}" if confirmed_by else "",
        by=alert.acknowledged_by or "",
        began=alert.timestamp,
        at=max(filter(None, (alert.timestamp, alert.acknowledged_at, alert.resolved_at))),
    )


def condition_of(alert: Alert) -> str:
    """Name of the condition's node."""
    return f"alarm/{alert.rule}/{alert.subject or alert.station_id or 'all'}"


def event_id(alert: Alert, *, confirmed: bool) -> bytes:
    """16 bytes."""
    state = f"{alert.id} {alert.state} {alert.severity} {alert.acknowledged_at is not None} {confirmed}"
    return blake2b(state.encode(), digest_size=16).digest()


def event_ids(alert: Alert) -> frozenset[bytes]:
    """Of all the states it may have been in: a client may answer to any of them."""
    return frozenset(
        event_id(
            alert.model_copy(
                update={
                    "state": state,
                    "severity": severity,
                    "acknowledged_at": alert.timestamp if acknowledged else None,
                }
            ),
            confirmed=confirmed,
        )
        for state in AlertState
        for severity in Severity
        for acknowledged in (False, True)
        for confirmed in (False, True)
    )
