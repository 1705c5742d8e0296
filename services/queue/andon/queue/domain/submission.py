"""From what was asked for to a job that waits."""

import hashlib
from datetime import datetime
from typing import Any

from andon.contracts import Invalid
from andon.contracts.queue import Aliases, JobStatus, NewJob, QueueSettings
from andon.queue.domain.ids import cvlab_uid, new_id
from andon.queue.domain.ranks import rank_of
from andon.queue.domain.record import Record, changed

_LONGEST = 256_000
_SPEC_LONGEST = 4_000_000
_SHARED = frozenset(NewJob.model_fields) - {"id", "draft", "cvlab_uid", "timeout_seconds", "expire_seconds"}


def submitted(asked: NewJob, settings: QueueSettings, now: datetime) -> Record:
    """A new job. Raises Invalid when it is too big to keep."""
    _sized(asked)
    job_id = asked.id or new_id(now)
    uid = cvlab_uid(now) if asked.cvlab_uid else None
    expire = asked.expire_seconds
    if expire is None and settings.expire_hours is not None:
        expire = settings.expire_hours * 3600
    record = Record(
        **{name: getattr(asked, name) for name in _SHARED},
        id=job_id,
        aliases=Aliases(cvlab=uid, clearml=job_id.replace("-", "")),
        version=0,
        status=JobStatus.DRAFT,
        timeout_seconds=asked.timeout_seconds or settings.timeout_hours * 3600,
        expire_seconds=expire,
        created_at=now,
        changed_at=now,
        updated_at=now,
        fingerprint=fingerprint(asked),
        keys=_keys(asked, uid),
    )
    if asked.draft:
        return changed(record, now, asked.user, reason="submitted")
    return queued(record, settings, now, asked.user, reason="submitted")


def queued(  # noqa: PLR0913 - who queues what, when and why
    record: Record,
    settings: QueueSettings,
    now: datetime,
    by: str,
    *,
    reason: str,
    message: str = "",
    **changes: Any,
) -> Record:
    """Waiting from now on."""
    names = (live_name(record),) if record.unique_name else ()
    return changed(
        record,
        now,
        by,
        reason=reason,
        message=message,
        status=JobStatus.QUEUED,
        queued_at=now,
        waiting_since=now,
        rank=rank_of(now, record.priority, settings),
        keys=tuple(dict.fromkeys((*record.keys, *names))),
        **changes,
    )


def renamed(record: Record, now: datetime) -> Record:
    """The same new job under another short alias, when its own was taken."""
    uid = cvlab_uid(now)
    keys = tuple(f"cvlab:{uid}" if key.startswith("cvlab:") else key for key in record.keys)
    aliases = record.aliases.model_copy(update={"cvlab": uid})
    told = tuple(
        each.model_copy(update={"changed": each.changed.model_copy(update={"aliases": aliases})})
        for each in record.outbox
        if each.changed is not None
    )
    return record.model_copy(update={"aliases": aliases, "keys": keys, "outbox": told})


def live_name(record: Record) -> str:
    """The key that one live job of this name has."""
    return f"live:{record.project}:{record.name}"


def idempotency(user: str, key: str) -> str:
    return f"once:{user}:{key}"


def fingerprint(asked: NewJob) -> str:
    """The same for what asks for the same."""
    if asked.idempotency_key is None and asked.id is None:
        return ""
    return hashlib.sha256(asked.model_dump_json(exclude={"id"}).encode()).hexdigest()


def _keys(asked: NewJob, uid: str | None) -> tuple[str, ...]:
    keys = [f"cvlab:{uid}"] if uid else []
    if asked.idempotency_key is not None:
        keys.append(idempotency(asked.user, asked.idempotency_key))
    return tuple(keys)


def _sized(asked: NewJob) -> None:
    for name, longest in (("metadata", _LONGEST), ("parameters", _LONGEST), ("spec", _SPEC_LONGEST)):
        size = len(asked.model_dump_json(include={name}).encode())
        if size > longest:
            raise Invalid(f"{name} takes {size} bytes", {name: f"at most {longest} bytes as JSON"})
