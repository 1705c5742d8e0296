"""What channels are told: words, values, when it is tried again, and when it is given up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Template
from typing import Any

from andon.alerting.domain.builtin import CHANNEL_FAILING
from andon.contracts.alerting import (
    Alert,
    AlertRule,
    Channel,
    ChannelBody,
    Notice,
    NoticeState,
    Severity,
    Target,
)

FIELDS = (
    "count", "severity", "title", "state", "station", "subject", "rule", "time", "message", "change", "id",
)  # fmt: skip
SHOWN = 50
"""Alerts that one message spells out; it says how many more there are."""
_SEVERITIES = tuple(Severity)
_SUBJECT = "[Andon] $severity: $title"
_SUBJECT_OF_MANY = "[Andon] $count alerts, the worst $severity: $title"
_BODY = "$severity $change: $title\n$message\nat $time, rule $rule\n"


@dataclass(frozen=True)
class Told:
    """One change of one alert."""

    change: str
    alert: Alert


@dataclass(frozen=True)
class Digest:
    """Everything one message tells."""

    id: str
    """The same at every try: who gets it twice can tell."""
    subject: str
    text: str
    told: tuple[Told, ...]
    """At most SHOWN."""
    total: int
    at: datetime

    def values(self) -> dict[str, Any]:
        """For machines."""
        return {
            "type": "alerts",
            "id": self.id,
            "timestamp": self.at.isoformat(),
            "subject": self.subject,
            "text": self.text,
            "total": self.total,
            "alerts": [{"change": each.change, **each.alert.model_dump(mode="json")} for each in self.told],
        }


def wrong_templates(channel: ChannelBody) -> dict[str, str]:
    """What is wrong with which template."""
    wrong: dict[str, str] = {}
    for name in ("subject", "body"):
        template = Template(getattr(channel, name))
        if not template.is_valid():
            wrong[name] = "a $ stands before one of its names; a plain one is written $$"
        elif unknown := [each for each in template.get_identifiers() if each not in FIELDS]:
            wrong[name] = f"there is no ${unknown[0]}; there are {', '.join(f'${each}' for each in FIELDS)}"
    return wrong


def composed(channel: ChannelBody, key: str, told: Sequence[Told], total: int, now: datetime) -> Digest:
    """One message about one alert or many."""
    shown = tuple(told[:SHOWN])
    worst = max(shown, key=lambda each: _SEVERITIES.index(each.alert.severity))
    one = Template(channel.subject or (_SUBJECT if total == 1 else _SUBJECT_OF_MANY))
    subject = " ".join(one.safe_substitute(_values(worst, total)).split())[:250]
    body = Template(channel.body or _BODY)
    texts = [body.safe_substitute(_values(each, total)) for each in shown]
    if total > len(shown):
        texts.append(f"and {total - len(shown)} more, see the list of alerts\n")
    return Digest(key, subject, "\n".join(texts), shown, total, now)


def wanted(channels: Sequence[Channel], rule: AlertRule | None, alert: Alert, change: str) -> list[Channel]:
    """Who is told of a change; a channel is not told that it fails itself."""
    own = set(rule.channels) if rule else set[str]()
    base = own or {each.id for each in channels if _takes(each, alert)}
    steps = [set(step.channels) for step in rule.escalation[: alert.escalated]] if rule else []
    chosen = base.union(*steps)
    if change == "escalated":
        chosen = (steps[-1] if steps else set[str]()) or base
    failing = alert.subject if alert.rule == CHANNEL_FAILING else None
    return [
        each
        for each in channels
        if each.enabled
        and each.id in chosen
        and each.id != failing
        and (change != "resolved" or each.resolved_too)
    ]


def notice(channel: Channel, alert: Alert, change: str, *, number: int, now: datetime, wait: float) -> Notice:  # noqa: PLR0913
    """To be sent after `wait` seconds; the same change makes the same notice."""
    return Notice(
        id=f"{alert.id}-{number}-{channel.id}",
        channel=channel.id,
        alert_id=alert.id,
        title=alert.title,
        severity=alert.severity,
        change=change,
        state=NoticeState.WAITING,
        created_at=now,
        next_at=now + timedelta(seconds=wait),
    )


@dataclass(frozen=True)
class Patience:
    """How often and when a notice is tried."""

    attempts: int = 8
    first: float = 5.0
    longest: float = 600.0
    """Seconds."""

    def after(self, before: Notice, error: str, now: datetime) -> Notice:
        """A notice after a try that failed."""
        attempts = before.attempts + 1
        dead = attempts >= self.attempts
        return before.model_copy(
            update={
                "attempts": attempts,
                "error": error,
                "state": NoticeState.DEAD if dead else NoticeState.WAITING,
                "next_at": now + timedelta(seconds=self.rest(attempts)),
            }
        )

    def rest(self, failures: int) -> float:
        """Seconds: doubling."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)


def sent(before: Notice, now: datetime) -> Notice:
    return before.model_copy(
        update={"state": NoticeState.SENT, "sent_at": now, "attempts": before.attempts + 1, "error": None}
    )


def place_of(target: Target) -> tuple[object, ...]:
    """Where a channel sends to: with another place, the old secret is not sent along."""
    values = target.model_dump(exclude={"password", "secret", "to", "sender", "topic"})
    return tuple(sorted((name, str(value)) for name, value in values.items()))


def _takes(channel: Channel, alert: Alert) -> bool:
    return _SEVERITIES.index(alert.severity) >= _SEVERITIES.index(channel.minimum_severity)


def _values(told: Told, total: int) -> Mapping[str, str]:
    alert = told.alert
    return {
        "count": str(total),
        "severity": alert.severity.value,
        "title": alert.title,
        "state": alert.state.value,
        "station": alert.station_id or "",
        "subject": alert.subject or "all stations",
        "rule": alert.rule,
        "time": alert.timestamp.isoformat(timespec="seconds"),
        "message": alert.message,
        "change": told.change,
        "id": alert.id,
    }
