"""A job in the words of training clusters' helpers: status, priority, and where it belongs."""

from collections.abc import Mapping
from enum import StrEnum

from andon.contracts.queue import AttemptOutcome, JobStatus, Reason

QUEUE = "cvlab"
"""Of all jobs that are submitted here: lists and counts are of this queue alone."""
KIND = "experiment"
LABEL = "cvlab"
"""What a device must have to get such a job: a checkout that `COMMAND` runs in."""
COMMAND = ("uv", "run", "main.py", "--config", "config.yaml", "--fast")
DEFAULT_PROJECT = "default_project"
_STEP = 10


class HelperStatus(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    """Handed to a worker that has not confirmed it."""
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    EXPIRED = "expired"
    CRASHED = "crashed"
    """In histories: failed since its worker lost it."""
    UNKNOWN = "unknown"


class HelperPriority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


_S, _H = JobStatus, HelperStatus
_STATUS = {
    _S.DRAFT: _H.PENDING,
    _S.QUEUED: _H.QUEUED,
    _S.LEASED: _H.ASSIGNED,
    _S.PREPARING: _H.ASSIGNED,
    _S.RUNNING: _H.RUNNING,
    _S.PAUSED: _H.PAUSED,
    _S.COLLECTING: _H.RUNNING,
    _S.LOST: _H.RUNNING,
    _S.SUCCEEDED: _H.COMPLETED,
    _S.FAILED: _H.FAILED,
    _S.STOPPED: _H.CANCELLED,
    _S.CANCELLED: _H.CANCELLED,
    _S.EXPIRED: _H.EXPIRED,
    _S.PUBLISHING: _H.COMPLETED,
    _S.PUBLISHED: _H.COMPLETED,
}
"""Closed depends on more than the status."""
FILTERS: Mapping[HelperStatus, tuple[JobStatus, ...]] = {
    each: tuple(status for status, shown in _STATUS.items() if shown is each) for each in _H
}
"""Which jobs a list filtered by a status has; none for what is no status of the engine's."""
CRASHES = (Reason.WORKER_LOST, Reason.WORKER_RESTARTED)
ENDED = frozenset({_H.COMPLETED, _H.FAILED, _H.CANCELLED, _H.EXPIRED, _H.CRASHED})

_PRIORITIES = {
    HelperPriority.LOW: 20,
    HelperPriority.NORMAL: 50,
    HelperPriority.HIGH: 80,
    HelperPriority.URGENT: 100,
}
_UP_TO = ((3, HelperPriority.LOW), (6, HelperPriority.NORMAL), (9, HelperPriority.HIGH))
_OUTCOMES = {
    None: _H.RUNNING,
    AttemptOutcome.SUCCEEDED: _H.COMPLETED,
    AttemptOutcome.FAILED: _H.FAILED,
    AttemptOutcome.INFRASTRUCTURE: _H.FAILED,
    AttemptOutcome.LOST: _H.CRASHED,
    AttemptOutcome.STOPPED: _H.CANCELLED,
    AttemptOutcome.CANCELLED: _H.CANCELLED,
    AttemptOutcome.UNCONFIRMED: _H.FAILED,
    AttemptOutcome.RELEASED: _H.QUEUED,
}


def status_of(status: JobStatus, *, failed: bool) -> HelperStatus:
    """`failed`: it ended with an error, which tells what a closed one was."""
    if status is JobStatus.CLOSED:
        return HelperStatus.CANCELLED if failed else HelperStatus.COMPLETED
    return _STATUS[status]


def outcome_of(outcome: AttemptOutcome | None) -> HelperStatus:
    """What one try came to."""
    return _OUTCOMES[outcome]


def history_status_of(status: JobStatus, reason: str, *, failed: bool) -> HelperStatus:
    """As `status_of`, with what its worker lost told apart."""
    if status is JobStatus.FAILED and reason in CRASHES:
        return HelperStatus.CRASHED
    return status_of(status, failed=failed)


def priority_of(ours: int) -> HelperPriority:
    """From 0 to 100; 100 is the most urgent."""
    step = -(-ours // _STEP)
    return next((name for most, name in _UP_TO if step <= most), HelperPriority.URGENT)


def our_priority(theirs: HelperPriority) -> int:
    """0 to 100."""
    return _PRIORITIES[theirs]


def named_priority(word: str) -> HelperPriority:
    """Whatever is no priority is normal."""
    try:
        return HelperPriority(word.strip().lower())
    except ValueError:
        return HelperPriority.NORMAL


def config_path_of(uid: str) -> str:
    """How workers name a job's configuration."""
    return f"queue_logs/{uid}/config.yaml"


def log_path_of(uid: str) -> str:
    """What a job wrote to standard output."""
    return f"queue_logs/{uid}/terminal_log.log"


def error_log_path_of(uid: str) -> str:
    """What it wrote to standard error."""
    return f"queue_logs/{uid}/terminal_err.log"
