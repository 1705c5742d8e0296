"""An alert: what went wrong, who has seen it, and everything that became of it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Time


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


Words = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")
]
"""What a person writes; may have several lines."""


class Alert(Message):
    """One open alert per rule and subject at a time."""

    id: str
    rule: str
    subject: str = ""
    """What it is about: a station, a line, a model, a device, a queue or a channel; empty is all stations."""
    station_id: str | None = None
    """Where it is about one station."""
    severity: Severity
    title: str
    message: str
    state: AlertState
    timestamp: Time
    """When it was opened."""
    acknowledged_at: Time | None = None
    acknowledged_by: str | None = None
    resolved_at: Time | None = None
    escalated: int = 0
    """How many steps of its rule's escalation were taken."""
    comments: int = 0
    silenced_until: Time | None = None
    """Nobody is notified of it before then; as of the answer."""


class Change(Message):
    """Something that became of an alert."""

    at: Time
    by: str
    """A person's name, or `andon`."""
    what: str
    """opened, acknowledged, escalated, commented or resolved."""
    text: str = ""
    """A comment's words, or why."""


class ListAlerts(Message):
    severity: Severity | None = None
    acknowledged: bool | None = None
    """True and False leave out what is already resolved unless it was acknowledged."""
    station_id: str | None = None
    rule: str | None = None
    state: AlertState | None = None
    before: Time | None = None
    """Only those opened earlier: the way to the next page."""
    limit: int = 200


class Alerts(Message):
    """Newest first."""

    alerts: tuple[Alert, ...]


class GetAlert(Message):
    id: str


class AlertDetails(Message):
    alert: Alert
    history: tuple[Change, ...]
    """Oldest first; comments are among it."""


class AcknowledgeAlert(Message):
    id: str
    by: str


class ResolveAlert(Message):
    """Take an alert as over by hand; it opens again when its rule still finds the same."""

    id: str
    by: str
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class CommentAlert(Message):
    id: str
    by: str
    text: Words


class AlertGroup(Message):
    """The alerts of one rule that are not over: what a flood of them comes to."""

    rule: str
    title: str
    severity: Severity
    """The worst of them."""
    open: int
    """Nobody has acknowledged these."""
    acknowledged: int
    subjects: tuple[str, ...]
    """What the first fifty are about: open ones before acknowledged ones, newest first."""
    began_at: Time
    """When the oldest was opened."""
    latest_at: Time


class ListGroups(Message):
    pass


class AlertGroups(Message):
    """Worst first, then those with most that is open."""

    groups: tuple[AlertGroup, ...]


class AcknowledgeGroup(Message):
    """Mark what is open of a rule as seen, as long as it was opened by `until`."""

    rule: Label
    by: str
    until: Time
    """When the person looked: what came later nobody has seen."""


class GroupAcknowledged(Message):
    count: int
    left: int
    """Still open, such as what came later; a group is acknowledged five hundred at a time."""


class Silence(Message):
    """For some time nobody is notified of what matches: every filter that is set must."""

    id: str
    begins_at: Time
    ends_at: Time
    """Exclusive."""
    reason: str
    by: str
    rules: tuple[str, ...] = ()
    """Empty filters match everything, here and below."""
    stations: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    ended_by: str | None = None
    """Who ended it before its time."""


class AddSilence(Message):
    """Such as for maintenance. Alerts are opened and listed all the same."""

    reason: Words
    by: str
    ends_at: Time
    begins_at: Time | None = None
    """None is now."""
    rules: Annotated[tuple[Label, ...], Field(max_length=100)] = ()
    stations: Annotated[tuple[Label, ...], Field(max_length=1000)] = ()
    subjects: Annotated[tuple[Label, ...], Field(max_length=1000)] = ()


class EndSilence(Message):
    id: str
    by: str


class ListSilences(Message):
    ended: bool = False
    """Also those that are over, of the last 30 days."""


class Silences(Message):
    """By their begin, newest first."""

    silences: tuple[Silence, ...]
