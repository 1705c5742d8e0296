"""What people ask of a job: stop, pause, go on, change, be led elsewhere."""

from datetime import datetime
from typing import Any

from andon.contracts import Conflict
from andon.contracts.queue import (
    ENDED,
    CancelJob,
    DeleteJob,
    EditJob,
    JobDeleted,
    JobStatus,
    PauseJob,
    PrioritiseJob,
    QueueSettings,
    Reason,
    ResumeJob,
    Signal,
    StopKind,
)
from andon.queue.domain.attempts import as_wished
from andon.queue.domain.ranks import rank_of
from andon.queue.domain.record import Phase, Record, Told, Wish, changed

_WISHES = {StopKind.CANCEL: Wish.CANCEL, StopKind.STOP: Wish.STOP}
_WORK = ("parameters", "spec", "requirements", "kind", "parent")
_WORDS = ("name", "project", "comment", "tags", "system_tags", "experiment", "metadata", "error", "output")


def cancelled(record: Record, ask: CancelJob, now: datetime) -> Record:
    """Over at once where no process runs; else told to end. The same object when there is nothing to do."""
    if record.status in ENDED:
        return record
    wish = _WISHES[ask.kind]
    if ask.force or not _runs(record):
        signal = Signal.REVOKE if record.lease is not None else None
        wished = record.model_copy(update={"wish": wish})
        return as_wished(wished, now, ask.by, ask.message or ask.reason, signal=signal)
    if record.wish is wish:
        return record
    return changed(
        record,
        now,
        ask.by,
        reason=ask.reason or (Reason.CANCELLED if wish is Wish.CANCEL else Reason.STOPPED),
        message=ask.message,
        signal=Signal.STOP,
        stop_requested=True,
        wish=wish,
    )


def _runs(record: Record) -> bool:
    """Whether there may be a process that its device can end; one not confirmed is kept from starting."""
    return record.lease is not None and record.status not in (JobStatus.LEASED, JobStatus.LOST)


def paused(record: Record, ask: PauseJob, now: datetime) -> Record:
    """Raises Conflict when it is neither queued nor on a device."""
    if record.status is JobStatus.PAUSED or record.pause_requested:
        return record
    if record.status is JobStatus.QUEUED:
        return changed(
            record,
            now,
            ask.by,
            reason=Reason.PAUSED,
            status=JobStatus.PAUSED,
            interrupted=JobStatus.QUEUED,
        )
    if record.lease is None or record.status is JobStatus.COLLECTING or record.stop_requested:
        raise Conflict(f"a job that is {_now(record)} can't be paused", {"id": _now(record)})
    return changed(record, now, ask.by, reason=Reason.PAUSED, signal=Signal.PAUSE, pause_requested=True)


def resumed(record: Record, ask: ResumeJob, now: datetime) -> Record:
    """Raises Conflict when it is not paused and was not asked to."""
    if record.status is JobStatus.PAUSED and record.lease is None:
        return changed(
            record,
            now,
            ask.by,
            reason=Reason.RESUMED,
            status=JobStatus.QUEUED,
            interrupted=None,
            waiting_since=now,
        )
    if not record.pause_requested:
        raise Conflict(f"a job that is {_now(record)} can't be resumed", {"id": _now(record)})
    return changed(record, now, ask.by, reason=Reason.RESUMED, signal=Signal.RESUME, pause_requested=False)


def prioritised(
    record: Record, ask: PrioritiseJob, rank: int | None, settings: QueueSettings, now: datetime
) -> Record:
    """`rank` is of the place that was asked for, if one was. Raises Conflict when it has had its turn."""
    if record.phase not in (Phase.DRAFT, Phase.WAITING, Phase.HELD):
        raise Conflict(f"a job that is {_now(record)} has had its turn", {"id": _now(record)})
    priority = record.priority if ask.priority is None else ask.priority
    if rank is None:
        rank = record.rank
        if priority != record.priority:
            rank = rank_of(record.queued_at or now, priority, settings)
    if (priority, rank) == (record.priority, record.rank):
        return record
    return changed(
        record,
        now,
        ask.by,
        reason="prioritised",
        priority=priority,
        rank=rank,
    )


def edited(record: Record, ask: EditJob, now: datetime) -> Record:
    """Raises Conflict when it is at another version, or its work is no longer to be changed."""
    at_version(record, ask.version)
    changes = {name: getattr(ask, name) for name in (*_WORDS, *_WORK)}
    changes = {
        name: value for name, value in changes.items() if value is not None and value != getattr(record, name)
    }
    work = [name for name in _WORK if name in changes]
    if (
        work
        and record.status is not JobStatus.DRAFT
        and not (ask.force and record.phase is not Phase.WAITING)
    ):
        raise Conflict(
            f"the work of a job that is {_now(record)} can't change",
            dict.fromkeys(work, "only of a draft"),
        )
    if record.unique_name and ("name" in changes or "project" in changes):
        raise Conflict("a job with a unique name keeps it", {"name": "can't change"})
    said = ask.status_reason is not None or ask.status_message is not None
    if not changes and not said:
        return record.model_copy(update={"updated_at": now}) if ask.touch else record
    return changed(
        record,
        now,
        ask.by,
        reason=record.status_reason if ask.status_reason is None else ask.status_reason,
        message=record.status_message if ask.status_message is None else ask.status_message,
        **changes,
    )


def deleted(record: Record, ask: DeleteJob, now: datetime) -> Record:
    """In no list any more. Raises Conflict when it has not ended."""
    if record.deleted_at is not None:
        return record
    if record.phase not in (Phase.ENDED, Phase.DRAFT):
        if not ask.force:
            raise Conflict(f"a job that is {_now(record)} can't be deleted", {"id": "cancel it first"})
        record = cancelled(record, CancelJob(id=record.id, force=True, by=ask.by), now)
    after = changed(record, now, ask.by, reason="deleted", message=record.status_message)
    told = after.outbox[-1]
    gone = JobDeleted(
        id=record.id,
        version=after.version,
        aliases=record.aliases,
        status=record.status,
        queue=record.queue,
        project=record.project,
        by=ask.by,
        at=now,
    )
    only = Told(version=told.version, deleted=gone)
    changes: dict[str, Any] = {
        "deleted_at": now,
        "phase": Phase.DELETED,
        "keys": (),
        "outbox": (*after.outbox[:-1], only),
    }
    return after.model_copy(update=changes)


def at_version(record: Record, version: int | None) -> None:
    """Raises Conflict unless it is at this version."""
    if version is not None and record.version != version:
        raise Conflict(f"the job is at version {record.version}", {"version": f"is {record.version}"})


def _now(record: Record) -> str:
    if record.stop_requested:
        return "stopping"
    return record.status.value
