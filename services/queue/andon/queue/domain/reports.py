"""What a worker's report makes of a job, and which reports are refused."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from andon.contracts import Conflict
from andon.contracts.queue import (
    AttemptOutcome,
    Failure,
    HeldLease,
    JobStatus,
    QueueSettings,
    Reason,
    Report,
    Reported,
    Stage,
)
from andon.queue.domain.attempts import as_wished, ended, tried_again
from andon.queue.domain.record import ENGINE, Record, Tried, Wish, changed, due_at

_ORDER = {
    JobStatus.LEASED: 0,
    JobStatus.PREPARING: 1,
    JobStatus.RUNNING: 2,
    JobStatus.PAUSED: 2,
    JobStatus.COLLECTING: 3,
}
_ON = {
    Stage.PREPARING: JobStatus.PREPARING,
    Stage.RUNNING: JobStatus.RUNNING,
    Stage.PAUSED: JobStatus.PAUSED,
    Stage.COLLECTING: JobStatus.COLLECTING,
}
_SAME = {
    Stage.SUCCEEDED: (AttemptOutcome.SUCCEEDED,),
    Stage.FAILED: (
        AttemptOutcome.FAILED,
        AttemptOutcome.INFRASTRUCTURE,
        AttemptOutcome.STOPPED,
        AttemptOutcome.CANCELLED,
    ),
    Stage.STOPPED: (AttemptOutcome.STOPPED, AttemptOutcome.CANCELLED, AttemptOutcome.FAILED),
    Stage.RELEASED: (AttemptOutcome.RELEASED,),
}


def reported(record: Record, report: Report, settings: QueueSettings, now: datetime) -> Record:
    """The job after a report; at the same version when it is only a sign of life; the same object when it
    was said before. Raises Conflict when the lease is over."""
    if not holds(record, report.token, report.device):
        if _said_before(record, report):
            return record
        raise Conflict(
            f"the lease is over: the job is {record.status.value}", {"token": "not the current lease"}
        )
    record = alive(record, now, report)
    if record.status is JobStatus.LOST and report.stage not in _ENDS:
        record = recovered(record, now)
    if report.stage in _ENDS:
        return _ENDS[report.stage](record, report, settings, now)
    if report.stage is None:
        return record
    return _on(record, _ON[report.stage], report, now)


def holds(record: Record, token: str | None, device: str | None) -> bool:
    """Whether this is the current lease."""
    if record.lease is None:
        return False
    if token is not None:
        return record.lease.token == token
    return device is not None and record.lease.device == device


def alive(record: Record, now: datetime, said: Report | HeldLease) -> Record:
    """The job after a sign of life of its lease: kept longer, with what came along."""
    lease = record.lease
    assert lease is not None  # noqa: S101 - `holds` said so
    extended = lease.model_copy(
        update={"heartbeat_at": now, "expires_at": now + timedelta(seconds=lease.lease_seconds)}
    )
    # What is not confirmed yet is not kept by a heartbeat: its grant may have been lost on the way.
    waits = record.status is JobStatus.LEASED and getattr(said, "stage", None) is None
    kept = record.model_copy(
        update={"lease": lease if waits else extended, "updated_at": now, **_progress(record, said)}
    )
    return kept.model_copy(update={"due_at": due_at(kept)})


def recovered(record: Record, now: datetime) -> Record:
    """Its device came back with it in time."""
    return changed(
        record,
        now,
        record.holder or ENGINE,
        reason=Reason.RECOVERED,
        status=record.interrupted or JobStatus.RUNNING,
        interrupted=None,
        lost_until=None,
    )


def answer(record: Record, report: Report) -> Reported:
    """What the worker should know."""
    held = holds(record, report.token, report.device)
    return Reported(
        job_id=record.id,
        status=record.status,
        version=record.version,
        stop_requested=record.stop_requested and held,
        pause_requested=record.pause_requested and held,
        expires_at=record.lease.expires_at if record.lease and held else None,
    )


def _on(record: Record, status: JobStatus, report: Report, now: datetime) -> Record:
    if status is record.status or _ORDER[status] < _ORDER[record.status]:
        return record  # a repeat, or one that was overtaken
    last = record.attempts[-1]
    times: dict[str, Any] = {"confirmed_at": last.confirmed_at or now}
    changes: dict[str, Any] = {}
    begins = status is JobStatus.RUNNING and record.started_at is None
    if begins:
        times["started_at"] = changes["started_at"] = now
    if report.pid is not None:
        times["pid"] = report.pid
    if status is JobStatus.PAUSED:
        changes["interrupted"] = record.status
    return changed(
        record,
        now,
        record.holder or ENGINE,
        reason=report.reason or (Reason.RESUMED if record.status is JobStatus.PAUSED else ""),
        message=report.message,
        status=status,
        attempts=(*record.attempts[:-1], last.model_copy(update=times)),
        **changes,
    )


def _succeeded(record: Record, report: Report, _: QueueSettings, now: datetime) -> Record:
    output: dict[str, Any] = {"output": report.message} if report.message else {}
    return ended(
        _begun(record, now),
        now,
        record.holder or ENGINE,
        JobStatus.SUCCEEDED,
        AttemptOutcome.SUCCEEDED,
        reason=report.reason,
        message=report.message,
        exit_code=report.exit_code if report.exit_code is not None else 0,
        progress=1.0,
        error="",
        **output,
    )


def _failed(record: Record, report: Report, settings: QueueSettings, now: datetime) -> Record:
    by = record.holder or ENGINE
    if record.wish in (Wish.CANCEL, Wish.STOP):
        return as_wished(record, now, by, report.message)
    reason = report.reason or _reason(record, report)
    if report.failure is Failure.FINAL:
        return ended(
            record,
            now,
            by,
            JobStatus.FAILED,
            AttemptOutcome.FAILED,
            reason=reason,
            message=report.message,
            exit_code=report.exit_code,
        )
    outcome = (
        AttemptOutcome.INFRASTRUCTURE if report.failure is Failure.INFRASTRUCTURE else AttemptOutcome.FAILED
    )
    return tried_again(
        record,
        settings,
        now,
        by,
        outcome,
        reason=reason,
        message=report.message,
        exit_code=report.exit_code,
    )


def _stopped(record: Record, report: Report, settings: QueueSettings, now: datetime) -> Record:
    if record.wish is Wish.TIME_OUT:
        return _failed(record, report, settings, now)
    wish = record.wish or Wish.STOP
    return as_wished(record.model_copy(update={"wish": wish}), now, record.holder or ENGINE, report.message)


def _released(record: Record, report: Report, settings: QueueSettings, now: datetime) -> Record:
    return tried_again(
        record,
        settings,
        now,
        record.holder or ENGINE,
        AttemptOutcome.RELEASED,
        reason=report.reason or Reason.RELEASED,
        message=report.message,
    )


_End = Callable[[Record, Report, QueueSettings, datetime], Record]
_ENDS: dict[Stage | None, _End] = {
    Stage.SUCCEEDED: _succeeded,
    Stage.FAILED: _failed,
    Stage.STOPPED: _stopped,
    Stage.RELEASED: _released,
}


def _begun(record: Record, now: datetime) -> Record:
    """A worker that said nothing between lease and end began with the lease."""
    if record.started_at is not None:
        return record
    since = record.leased_at or now
    last = record.attempts[-1].model_copy(update={"started_at": since, "confirmed_at": since})
    return record.model_copy(update={"started_at": since, "attempts": (*record.attempts[:-1], last)})


def _reason(record: Record, report: Report) -> Reason:
    if record.wish is Wish.TIME_OUT:
        return Reason.TIMED_OUT
    if report.failure is Failure.INFRASTRUCTURE:
        return Reason.INFRASTRUCTURE
    return Reason.SIGNAL if report.exit_code is not None and report.exit_code < 0 else Reason.EXIT_CODE


def _said_before(record: Record, report: Report) -> bool:
    tried = _meant(record, report)
    return tried is not None and report.stage is not None and tried.outcome in _SAME.get(report.stage, ())


def _meant(record: Record, report: Report) -> Tried | None:
    if report.token is None:
        last = record.attempts[-1] if record.attempts else None
        return last if last is not None and last.device == report.device else None
    return next((each for each in record.attempts if each.token == report.token), None)


def _progress(record: Record, said: Report | HeldLease) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if said.progress is not None:
        given = {
            "progress": said.progress.fraction,
            "step": said.progress.step,
            "total_steps": said.progress.total_steps,
            "progress_message": said.progress.message,
        }
        changes |= {name: value for name, value in given.items() if value is not None}
        if said.progress.metrics:
            changes["metrics"] = {**record.metrics, **said.progress.metrics}
    if said.checkpoint is not None:
        changes["checkpoint"] = said.checkpoint
    if said.logs:
        changes["logs"] = {**record.logs, **said.logs}
    if isinstance(said, Report):
        if said.pid is not None:
            changes["pid"] = said.pid
        if said.outputs:
            kept = {(each.name, each.mode): each for each in (*record.outputs, *said.outputs)}
            changes["outputs"] = tuple(kept.values())
    return changes
