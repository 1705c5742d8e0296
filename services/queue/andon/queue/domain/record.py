"""A job with everything the engine itself must know of it, and the one way in which it changes."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from andon.contracts import Message, Time
from andon.contracts.queue import (
    ENDED,
    HELD,
    Attempt,
    HistoryEntry,
    Job,
    JobChanged,
    JobDeleted,
    JobSignalled,
    JobStatus,
    Signal,
)

ENGINE = "engine"
HISTORY = 200
"""Changes that are remembered of one job."""
SILENCE = timedelta(hours=2)
"""How long a job that its own client runs may say nothing."""
_STUBBORN_SECONDS = 60.0


class Phase(StrEnum):
    """What a status means to who looks for jobs."""

    DRAFT = "draft"
    WAITING = "waiting"
    HELD = "held"
    """Paused, on no device."""
    ACTIVE = "active"
    """A device has it, or its own client runs it."""
    ENDED = "ended"
    DELETED = "deleted"


class Wish(StrEnum):
    """Why a running job was told to stop."""

    CANCEL = "cancel"
    STOP = "stop"
    TIME_OUT = "time_out"


class Held(Message):
    """The current lease."""

    token: str
    number: int
    device: str
    session: str = ""
    expires_at: Time
    heartbeat_at: Time
    lease_seconds: float


class Tried(Attempt):
    """An attempt with its token, so that a report said twice is known again."""

    token: str = ""


class Told(Message):
    """An event that is written with the change and said after it."""

    version: int
    changed: JobChanged | None = None
    signalled: JobSignalled | None = None
    deleted: JobDeleted | None = None


class Record(Job):
    """A job as it is kept."""

    phase: Phase = Phase.DRAFT
    rank: int = 0
    """Of two that wait, the lower goes first; `ready` says how it is made."""
    holder: str | None = None
    """The device that has it, while one has."""
    lease: Held | None = None
    lost_until: Time | None = None
    """How long its silent device may come back."""
    due_at: Time | None = None
    """When time alone may change something."""
    wish: Wish | None = None
    interrupted: JobStatus | None = None
    """What it was before it was paused or lost."""
    waiting_since: Time | None = None
    """When it was queued last."""
    attempts: tuple[Tried, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    """Of a record as read: all that is kept. Of a changed one: with the new entry."""
    outbox: tuple[Told, ...] = ()
    """What the bus may not have been told yet."""
    unsaid_at: Time | None = None
    """Since when something is in the outbox."""
    keys: tuple[str, ...] = ()
    """Names that no two jobs share."""
    fingerprint: str = ""
    """Of what was asked for with an idempotency key."""
    checkpoint: dict[str, Any] | None = None
    mark: str = ""
    """Of the last change: tells whose write won."""
    deleted_at: Time | None = None

    def job(self) -> Job:
        """As others see it."""
        return Job.model_construct(**{name: getattr(self, name) for name in Job.model_fields})

    @property
    def attempt(self) -> Tried | None:
        """The one that lasts, if any."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None


def phase_of(status: JobStatus, holder: str | None) -> Phase:
    if status in ENDED:
        return Phase.ENDED
    if status in HELD:
        return Phase.ACTIVE
    if status is JobStatus.PAUSED:
        return Phase.ACTIVE if holder else Phase.HELD
    return Phase.WAITING if status is JobStatus.QUEUED else Phase.DRAFT


def changed(  # noqa: PLR0913 - what a change is made of
    record: Record,
    now: datetime,
    by: str,
    *,
    reason: str = "",
    message: str = "",
    signal: Signal | None = None,
    waited: float | None = None,
    ran: float | None = None,
    previous: JobStatus | None = None,
    **changes: Any,
) -> Record:
    """The job at its next version, with its history and the events about it."""
    was = record
    told_device = record.holder
    record = record.model_copy(
        update={
            "status_reason": reason,
            "status_message": message,
            **changes,
            "version": record.version + 1,
            "changed_at": now,
            "updated_at": now,
            "mark": secrets.token_hex(8),
        }
    )
    record = record.model_copy(update={"phase": phase_of(record.status, record.holder)})
    record = record.model_copy(update={"due_at": due_at(record)})
    entry = HistoryEntry.model_construct(
        version=record.version,
        at=now,
        status=record.status,
        previous=previous or (was.status if was.version else None),
        reason=reason,
        message=message,
        by=by,
        attempt=record.attempt_no,
    )
    told = Told.model_construct(
        version=record.version,
        changed=_announced(was, record, entry, waited, ran),
        signalled=_signalled(record, signal, told_device or record.holder, now),
        deleted=None,
    )
    return record.model_copy(
        update={
            "history": (*was.history, entry)[-HISTORY:],
            "outbox": (*was.outbox, told),
            "unsaid_at": now,
        }
    )


def due_at(record: Record) -> datetime | None:
    """When `clockwork` must look at it again."""
    if record.status is JobStatus.QUEUED and record.expire_seconds is not None and record.waiting_since:
        return record.waiting_since + timedelta(seconds=record.expire_seconds)
    if record.phase is not Phase.ACTIVE:
        return None
    if record.lease is None:
        return record.updated_at + SILENCE
    times = [record.lost_until] if record.lost_until is not None else [record.lease.expires_at]
    if record.started_at is not None:
        times.append(overtime(record))
    return min(times)


def overtime(record: Record) -> datetime:
    """When a run is told to end, and once it was told, when it is ended without being asked."""
    assert record.started_at is not None  # noqa: S101 - a run has begun
    longest = record.timeout_seconds
    if record.wish is Wish.TIME_OUT:
        longest += record.spec.kill_after_seconds + _STUBBORN_SECONDS
    return record.started_at + timedelta(seconds=longest)


def _announced(
    was: Record, record: Record, entry: HistoryEntry, waited: float | None, ran: float | None
) -> JobChanged:
    return JobChanged.model_construct(
        id=record.id,
        version=record.version,
        status=record.status,
        previous=entry.previous,
        aliases=record.aliases,
        name=record.name,
        project=record.project,
        kind=record.kind,
        queue=record.queue,
        previous_queue=was.queue if was.queue != record.queue else None,
        previous_project=was.project if was.project != record.project else None,
        user=record.user,
        experiment=record.experiment,
        priority=record.priority,
        rank=record.rank,
        requirements=record.requirements,
        not_before=record.not_before,
        attempt=record.attempt_no,
        device=record.device,
        reason=entry.reason,
        message=entry.message,
        stop_requested=record.stop_requested,
        pause_requested=record.pause_requested,
        exit_code=record.exit_code,
        error=record.error,
        progress=record.progress,
        retry_count=record.retry_count + record.infrastructure_retry_count,
        by=entry.by,
        waited_seconds=waited,
        ran_seconds=ran,
        at=entry.at,
    )


def _signalled(
    record: Record, signal: Signal | None, device: str | None, now: datetime
) -> JobSignalled | None:
    if signal is None or device is None:
        return None
    return JobSignalled(
        job_id=record.id,
        version=record.version,
        device=device,
        attempt=record.attempt_no,
        signal=signal,
        reason=record.status_reason,
        at=now,
    )
