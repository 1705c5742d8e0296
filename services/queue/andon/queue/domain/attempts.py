"""How an attempt begins and ends, and what that makes of its job."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from andon.contracts.queue import AttemptOutcome, JobStatus, QueueSettings, Reason, Signal
from andon.queue.domain.record import ENGINE, Held, Record, Tried, Wish, changed
from andon.queue.domain.retries import rest, retried


def leased(  # noqa: PLR0913 - to whom, with what
    record: Record,
    settings: QueueSettings,
    now: datetime,
    *,
    device: str,
    session: str,
    gpus: tuple[int, ...] = (),
    confirm: bool = False,
) -> Record:
    """Handed to a device; with `confirm` it runs from now on."""
    number = record.attempt_no + 1
    token = f"{number}.{secrets.token_hex(8)}"
    seconds = settings.lease_seconds if confirm else settings.confirm_seconds
    lease = Held(
        token=token,
        number=number,
        device=device,
        session=session,
        expires_at=now + timedelta(seconds=seconds),
        heartbeat_at=now,
        lease_seconds=settings.lease_seconds,
    )
    tried = Tried(
        number=number,
        device=device,
        session=session,
        gpus=gpus,
        leased_at=now,
        confirmed_at=now if confirm else None,
        started_at=now if confirm else None,
        token=token,
    )
    return changed(
        record,
        now,
        device,
        waited=(now - record.waiting_since).total_seconds() if record.waiting_since else None,
        status=JobStatus.RUNNING if confirm else JobStatus.LEASED,
        lease=lease,
        holder=device,
        device=device,
        gpus=gpus,
        attempt_no=number,
        attempts=(*record.attempts, tried),
        leased_at=now,
        started_at=now if confirm else None,
        not_before=None,
        pid=None,
        exit_code=None,
    )


def ended(  # noqa: PLR0913 - how, and whose word it is
    record: Record,
    now: datetime,
    by: str,
    status: JobStatus,
    outcome: AttemptOutcome,
    *,
    reason: str = "",
    message: str = "",
    exit_code: int | None = None,
    signal: Signal | None = None,
    **changes: Any,
) -> Record:
    """Over, whatever it was doing."""
    error: dict[str, Any] = {"error": message or reason} if status is JobStatus.FAILED else {}
    return changed(
        record,
        now,
        by,
        reason=reason,
        message=message,
        signal=signal,
        ran=_ran(record, now),
        status=status,
        ended_at=now,
        exit_code=exit_code,
        attempts=_closed(record, now, outcome, reason=reason, message=message, exit_code=exit_code),
        keys=tuple(key for key in record.keys if not key.startswith("live:")),
        **{**error, **changes, **_RELEASED},
    )


def tried_again(  # noqa: PLR0913 - how the last try ended
    record: Record,
    settings: QueueSettings,
    now: datetime,
    by: str,
    outcome: AttemptOutcome,
    *,
    reason: str,
    message: str = "",
    exit_code: int | None = None,
) -> Record:
    """After an attempt that came to nothing: waiting again, or over."""
    if record.wish is Wish.CANCEL or record.wish is Wish.STOP:
        return as_wished(record, now, by, message)
    budget = retried(record, outcome)
    if budget is None:
        return ended(
            record,
            now,
            by,
            JobStatus.FAILED,
            outcome,
            reason=reason,
            message=message,
            exit_code=exit_code,
        )
    paused = record.pause_requested or record.status is JobStatus.PAUSED
    return changed(
        record,
        now,
        by,
        reason=reason,
        message=message,
        ran=_ran(record, now),
        status=JobStatus.PAUSED if paused else JobStatus.QUEUED,
        attempts=_closed(record, now, outcome, reason=reason, message=message, exit_code=exit_code),
        not_before=now + rest(record, outcome, settings),
        waiting_since=now,
        device=None,
        gpus=(),
        pid=None,
        started_at=None,
        leased_at=None,
        error=message or reason,
        **budget,
        **_RELEASED,
    )


def as_wished(
    record: Record, now: datetime, by: str, message: str = "", *, signal: Signal | None = None
) -> Record:
    """Over because it was told to be."""
    stopped = record.wish is Wish.STOP
    return ended(
        record,
        now,
        by,
        JobStatus.STOPPED if stopped else JobStatus.CANCELLED,
        AttemptOutcome.STOPPED if stopped else AttemptOutcome.CANCELLED,
        reason=Reason.STOPPED if stopped else Reason.CANCELLED,
        message=message,
        signal=signal,
    )


_RELEASED: dict[str, Any] = {
    "holder": None,
    "lease": None,
    "wish": None,
    "lost_until": None,
    "interrupted": None,
    "stop_requested": False,
    "pause_requested": False,
}


def _closed(  # noqa: PLR0913 - how it ended
    record: Record,
    now: datetime,
    outcome: AttemptOutcome,
    *,
    reason: str,
    message: str,
    exit_code: int | None,
) -> tuple[Tried, ...]:
    last = record.attempt
    if last is None:
        return record.attempts
    closed = last.model_copy(
        update={
            "ended_at": now,
            "outcome": outcome,
            "reason": reason,
            "message": message,
            "exit_code": exit_code,
            "pid": record.pid,
            "heartbeat_at": record.lease.heartbeat_at if record.lease else record.updated_at,
            "checkpoint": record.checkpoint,
            "logs": record.logs,
        }
    )
    return (*record.attempts[:-1], closed)


def _ran(record: Record, now: datetime) -> float | None:
    """Seconds; never below 0, whatever the clocks say."""
    if record.attempt is None or record.started_at is None:
        return None
    return max((now - record.started_at).total_seconds(), 0.0)


def lost(record: Record, settings: QueueSettings, now: datetime) -> Record:
    """Its device is silent: it may come back within the grace."""
    return changed(
        record,
        now,
        ENGINE,
        reason="worker_lost",
        message=f"no sign of life from {record.holder} for {settings.lease_seconds:g} s",
        status=JobStatus.LOST,
        interrupted=record.status,
        lost_until=now + timedelta(seconds=settings.lost_grace_seconds),
    )
