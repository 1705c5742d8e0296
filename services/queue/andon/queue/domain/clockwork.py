"""What time alone makes of a job."""

from datetime import datetime

from andon.contracts.queue import AttemptOutcome, JobStatus, QueueSettings, Reason, Signal
from andon.queue.domain.attempts import as_wished, ended, lost, tried_again
from andon.queue.domain.record import ENGINE, SILENCE, Phase, Record, Wish, changed, overtime

_NON_RESPONSIVE = "non_responsive"


def elapsed(record: Record, settings: QueueSettings, now: datetime) -> Record:
    """The job as it must be by now; the same object when nothing is due."""
    if record.due_at is None or record.due_at > now:
        return record
    if record.status is JobStatus.QUEUED:
        return _expired(record, now)
    if record.phase is Phase.ACTIVE:
        return _on_device(record, settings, now) if record.lease is not None else _silent(record, now)
    return record


def _on_device(record: Record, settings: QueueSettings, now: datetime) -> Record:
    assert record.lease is not None  # noqa: S101 - it was asked before
    if record.status is JobStatus.LOST:
        return _given_up(record, settings, now)
    if record.lease.expires_at <= now:
        return _unheard(record, settings, now)
    return _overdue(record, settings, now)


def missing(record: Record, settings: QueueSettings, now: datetime) -> Record:
    """Its device says that it does not have it."""
    began = record.status is not JobStatus.LEASED
    return tried_again(
        record,
        settings,
        now,
        record.holder or ENGINE,
        AttemptOutcome.LOST if began else AttemptOutcome.RELEASED,
        reason=Reason.WORKER_RESTARTED,
        message=f"{record.holder} no longer has it",
    )


def _expired(record: Record, now: datetime) -> Record:
    return ended(
        record,
        now,
        ENGINE,
        JobStatus.EXPIRED,
        AttemptOutcome.RELEASED,
        reason=Reason.QUEUED_TOO_LONG,
        message=f"waited for more than {record.expire_seconds:g} s",
    )


def _silent(record: Record, now: datetime) -> Record:
    return ended(
        record,
        now,
        ENGINE,
        JobStatus.STOPPED,
        AttemptOutcome.LOST,
        reason=_NON_RESPONSIVE,
        message=f"Forced stop (non-responsive): its client said nothing for {SILENCE}",
    )


def _unheard(record: Record, settings: QueueSettings, now: datetime) -> Record:
    if record.status is JobStatus.LEASED:
        return tried_again(
            record,
            settings,
            now,
            ENGINE,
            AttemptOutcome.UNCONFIRMED,
            reason=Reason.UNCONFIRMED,
            message=f"{record.holder} did not confirm it",
        )
    if record.wish in (Wish.CANCEL, Wish.STOP):
        return as_wished(record, now, ENGINE)
    return lost(record, settings, now)


def _given_up(record: Record, settings: QueueSettings, now: datetime) -> Record:
    return tried_again(
        record,
        settings,
        now,
        ENGINE,
        AttemptOutcome.LOST,
        reason=Reason.WORKER_LOST,
        message=f"{record.holder} went silent",
    )


def _overdue(record: Record, settings: QueueSettings, now: datetime) -> Record:
    if record.started_at is None or overtime(record) > now:
        return record
    message = f"ran for more than {record.timeout_seconds:g} s"
    if record.wish is Wish.TIME_OUT:
        return tried_again(
            record,
            settings,
            now,
            ENGINE,
            AttemptOutcome.FAILED,
            reason=Reason.TIMED_OUT,
            message=f"{message} and did not end when it was told to",
        )
    if record.wish is not None:  # somebody stopped it, and it does not end: their wish holds
        return as_wished(record, now, ENGINE)
    return changed(
        record,
        now,
        ENGINE,
        reason=Reason.TIMED_OUT,
        message=message,
        signal=Signal.STOP,
        stop_requested=True,
        wish=Wish.TIME_OUT,
    )
