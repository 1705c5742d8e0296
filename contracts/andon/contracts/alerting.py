"""Alerts: the line went bad, and who has seen it."""

from enum import StrEnum

from andon.contracts._message import Message, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Alert(Message):
    """One open alert per rule and station at a time."""

    id: str
    rule: str
    station_id: str | None = None
    severity: Severity
    title: str
    message: str
    state: AlertState
    timestamp: Time
    """When it was opened."""
    acknowledged_at: Time | None = None
    acknowledged_by: str | None = None
    resolved_at: Time | None = None


class ListAlerts(Message):
    severity: Severity | None = None
    acknowledged: bool | None = None
    """True and False leave out what is already resolved unless it was acknowledged."""
    station_id: str | None = None
    limit: int = 200


class Alerts(Message):
    """Newest first."""

    alerts: tuple[Alert, ...]


class AcknowledgeAlert(Message):
    id: str
    by: str


OPENED = Event(
    "alerting.alert.opened.v1",
    Alert,
    "A rule's limit was crossed.",
    said_by=("alerting",),
    heard_by=("gateway",),
)
ACKNOWLEDGED = Event(
    "alerting.alert.acknowledged.v1",
    Alert,
    "A person has seen it.",
    said_by=("alerting",),
    heard_by=("gateway",),
)
RESOLVED = Event(
    "alerting.alert.resolved.v1",
    Alert,
    "What it was about is over.",
    said_by=("alerting",),
    heard_by=("gateway",),
)
LIST = Query(
    "alerting.alert.list.v1",
    ListAlerts,
    "Read alerts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("alerting",),
    reply=Alerts,
)
ACKNOWLEDGE = Query(
    "alerting.alert.acknowledge.v1",
    AcknowledgeAlert,
    "Mark an alert as seen.",
    said_by=("gateway",),
    heard_by=("alerting",),
    reply=Alert,
)
