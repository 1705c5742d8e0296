"""What becomes of an alert: opened once, seen, raised, commented, over; and what is still to be told."""

from datetime import datetime
from uuid import uuid4

from andon.alerting.domain.scopes import Subject
from andon.contracts.alerting import Alert, AlertRule, AlertState, Change, Severity, Silence, Step

OPENED, ACKNOWLEDGED, ESCALATED, COMMENTED, RESOLVED = (
    "opened",
    "acknowledged",
    "escalated",
    "commented",
    "resolved",
)
ANDON = "andon"
_SEVERITIES = tuple(Severity)


class Record(Alert):
    """An alert with what alerting itself must know of it."""

    version: int = 0
    """Goes up with every change, and a change is only made to the version it was read at."""
    history: tuple[Change, ...] = ()
    unsaid: tuple[int, ...] = ()
    """Places in the history that were not told yet; written with the change itself."""
    lock: str = ""
    """Rule and subject while it is not over: the store lets nobody open another one then."""
    settled: bool = False
    """Over and told: nothing will happen to it by itself."""

    def alert(self) -> Alert:
        """As others see it."""
        return Alert(**{name: getattr(self, name) for name in Alert.model_fields})


def lock_of(rule: str, subject: str) -> str:
    return f"{rule}/{subject}"


def opened(rule: AlertRule, subject: Subject, message: str, now: datetime) -> Record:
    """A new alert."""
    return Record(
        id=uuid4().hex,
        rule=rule.id,
        subject=subject.name,
        station_id=subject.station_id,
        severity=rule.severity,
        title=rule.title,
        message=message,
        state=AlertState.OPEN,
        timestamp=now,
        history=(Change(at=now, by=ANDON, what=OPENED, text=message),),
        unsaid=(0,),
        lock=lock_of(rule.id, subject.name),
    )


def acknowledged(record: Record, by: str, now: datetime) -> Record:
    """Seen by a person; the same object when somebody had seen it. One that is over stays over."""
    if record.acknowledged_at is not None:
        return record
    over = record.state is AlertState.RESOLVED
    state = AlertState.RESOLVED if over else AlertState.ACKNOWLEDGED
    return _changed(record, now, by, ACKNOWLEDGED, state=state, acknowledged_at=now, acknowledged_by=by)


def resolved(record: Record, now: datetime, by: str = ANDON, why: str = "") -> Record:
    """Over; the same object when it was over before."""
    if record.state is AlertState.RESOLVED:
        return record
    return _changed(record, now, by, RESOLVED, why, state=AlertState.RESOLVED, resolved_at=now, lock="")


def escalated(record: Record, steps: tuple[Step, ...], now: datetime) -> Record:
    """One step further where that is due: nobody has acknowledged it; else the same object."""
    if record.state is not AlertState.OPEN or record.escalated >= len(steps):
        return record
    step = steps[record.escalated]
    if (now - record.timestamp).total_seconds() < step.after_minutes * 60:
        return record
    severity = max(record.severity, step.severity or record.severity, key=_SEVERITIES.index)
    why = f"nobody acknowledged it within {step.after_minutes} minutes"
    return _changed(record, now, ANDON, ESCALATED, why, severity=severity, escalated=record.escalated + 1)


def commented(record: Record, by: str, text: str, now: datetime) -> Record:
    return _changed(record, now, by, COMMENTED, text, comments=record.comments + 1)


def settled(record: Record) -> Record:
    """It was over, and everything of it was told."""
    return record.model_copy(update={"settled": True, "version": record.version + 1})


def silences(silence: Silence, alert: Alert, now: datetime) -> bool:
    """Whether nobody is to be notified of the alert now."""
    return (
        silence.begins_at <= now < silence.ends_at
        and (not silence.rules or alert.rule in silence.rules)
        and (not silence.stations or alert.station_id in silence.stations)
        and (not silence.subjects or alert.subject in silence.subjects)
    )


def _changed(record: Record, now: datetime, by: str, what: str, text: str = "", **changes: object) -> Record:
    history = (*record.history, Change(at=now, by=by, what=what, text=text))
    update = {"history": history, "unsaid": (*record.unsaid, len(history) - 1), **changes}
    return record.model_copy(update={**update, "version": record.version + 1})
