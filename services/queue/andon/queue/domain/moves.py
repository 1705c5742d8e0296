"""Leading a job to a status by hand: which ways there are, and what each does."""

from datetime import datetime
from typing import Any

from andon.contracts import Conflict
from andon.contracts.queue import AttemptOutcome, JobStatus, MoveJob, QueueSettings, Reason, Signal
from andon.queue.domain.attempts import ended
from andon.queue.domain.orders import at_version
from andon.queue.domain.record import Record, Tried, changed
from andon.queue.domain.submission import queued

_S = JobStatus
_OVER = frozenset({_S.SUCCEEDED, _S.FAILED, _S.STOPPED, _S.CANCELLED, _S.EXPIRED, _S.CLOSED})
_OUTCOMES = {
    _S.SUCCEEDED: AttemptOutcome.SUCCEEDED,
    _S.FAILED: AttemptOutcome.FAILED,
    _S.STOPPED: AttemptOutcome.STOPPED,
}

WAYS: dict[JobStatus, frozenset[JobStatus]] = {
    _S.DRAFT: _OVER | {_S.QUEUED, _S.PAUSED, _S.RUNNING},
    _S.QUEUED: frozenset({_S.DRAFT, _S.STOPPED, _S.FAILED, _S.CANCELLED, _S.EXPIRED}),
    _S.RUNNING: frozenset({_S.DRAFT, _S.QUEUED, _S.STOPPED, _S.SUCCEEDED}),
    _S.SUCCEEDED: frozenset({_S.RUNNING, _S.STOPPED, _S.PUBLISHING}),
    _S.FAILED: frozenset({_S.RUNNING, _S.STOPPED, _S.CLOSED, _S.PUBLISHING}),
    _S.STOPPED: frozenset({_S.RUNNING, _S.QUEUED, _S.FAILED, _S.CLOSED, _S.PUBLISHING}),
    _S.CLOSED: frozenset({_S.STOPPED, _S.SUCCEEDED, _S.FAILED, _S.CANCELLED}),
    _S.PUBLISHING: frozenset({_S.STOPPED, _S.CLOSED, _S.FAILED, _S.SUCCEEDED}),
    _S.PUBLISHED: frozenset({_S.STOPPED, _S.CLOSED, _S.FAILED, _S.SUCCEEDED, _S.PUBLISHING}),
}
"""Whence one may come without force."""


def moved(record: Record, ask: MoveJob, settings: QueueSettings, now: datetime) -> Record:
    """The job where it was led; the same object when it is there. Raises Conflict when there is no way."""
    at_version(record, ask.version)
    if ask.to not in WAYS:
        raise Conflict(f"nobody is led to {ask.to.value} by hand", {"to": "another verb does it"})
    if ask.seen and record.status not in ask.seen:
        raise Conflict(f"the job is {record.status.value}", {"seen": f"is {record.status.value}"})
    elsewhere = ask.to is _S.QUEUED and ask.queue not in (None, record.queue)
    if ask.to is record.status and not elsewhere:
        return record
    if record.lease is not None and not (ask.force and ask.to in (_S.DRAFT, *_OUTCOMES)):
        raise Conflict(f"{record.holder} has the job: cancel it instead", {"to": f"is {record.status.value}"})
    if not ask.force and record.status not in WAYS[ask.to] and not elsewhere:
        raise Conflict(
            f"a job that is {record.status.value} can't become {ask.to.value}",
            {"to": f"not from {record.status.value}"},
        )
    return _move(record, ask, settings, now)


def _move(record: Record, ask: MoveJob, settings: QueueSettings, now: datetime) -> Record:
    if ask.to is _S.DRAFT:
        return _drafted(record, ask, now)
    if ask.to is _S.QUEUED:
        return _queued(record, ask, settings, now)
    if ask.to is _S.RUNNING:
        return _running(record, ask, now)
    if ask.to in _OUTCOMES:
        return ended(
            record,
            now,
            ask.by,
            ask.to,
            _OUTCOMES[ask.to],
            reason=ask.reason,
            message=ask.message,
            signal=Signal.REVOKE if record.lease is not None else None,
            **_DONE.get(ask.to, {}),
        )
    published: dict[str, Any] = {"published_at": now} if ask.to is _S.PUBLISHED else {}
    return changed(
        record,
        now,
        ask.by,
        reason=ask.reason,
        message=ask.message,
        status=ask.to,
        ended_at=record.ended_at or now,
        **published,
    )


_DONE: dict[JobStatus, dict[str, Any]] = {_S.SUCCEEDED: {"progress": 1.0}}
_FRESH: dict[str, Any] = {
    "started_at": None,
    "ended_at": None,
    "leased_at": None,
    "published_at": None,
    "exit_code": None,
    "pid": None,
    "device": None,
    "gpus": (),
    "error": "",
    "output": "",
    "progress": 0.0,
    "step": None,
    "progress_message": "",
    "metrics": {},
    "logs": {},
    "checkpoint": None,
    "retry_count": 0,
    "infrastructure_retry_count": 0,
    "not_before": None,
}


def _fresh(record: Record) -> dict[str, Any]:
    """What a new start forgets; attempts, history and what it was given stay."""
    inputs = tuple(each for each in record.outputs if each.mode == "input")
    return {**_FRESH, "outputs": inputs}


def _drafted(record: Record, ask: MoveJob, now: datetime) -> Record:
    over = record
    if record.attempt is not None:
        over = ended(
            record,
            now,
            ask.by,
            _S.STOPPED,
            AttemptOutcome.STOPPED,
            reason=Reason.RESET,
            signal=Signal.REVOKE if record.lease is not None else None,
        )
    keys = tuple(key for key in over.keys if not key.startswith("live:"))
    fresh = {} if record.status is _S.QUEUED and record.attempt_no == 0 else _fresh(record)
    return changed(
        over,
        now,
        ask.by,
        reason=ask.reason or Reason.RESET,
        message=ask.message,
        status=_S.DRAFT,
        interrupted=None,
        queued_at=None,
        waiting_since=None,
        keys=keys,
        **fresh,
    )


def _queued(record: Record, ask: MoveJob, settings: QueueSettings, now: datetime) -> Record:
    again = record.model_copy(update=_fresh(record)) if record.status in _OVER else record
    elsewhere: dict[str, Any] = {} if ask.queue is None else {"queue": ask.queue}
    return queued(
        again,
        settings,
        now,
        ask.by,
        reason=ask.reason or "queued",
        message=ask.message,
        **elsewhere,
    )


def _running(record: Record, ask: MoveJob, now: datetime) -> Record:
    number = record.attempt_no + 1
    tried = Tried(number=number, device=None, leased_at=now, confirmed_at=now, started_at=now)
    started = min(record.started_at or now, now)
    return changed(
        record,
        now,
        ask.by,
        reason=ask.reason,
        message=ask.message,
        status=_S.RUNNING,
        attempt_no=number,
        attempts=(*record.attempts, tried),
        started_at=started,
        ended_at=None,
        interrupted=None,
        device=None,
        error="",
    )
