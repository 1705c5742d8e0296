"""A job asked for again, from the record of what it was made of."""

from collections.abc import Mapping
from typing import Any

from andon.contracts.queue import Expectation, Job, JobId, JobRecord, NewJob, RepeatJob
from andon.contracts.workspace import Archive

_SAME = (
    "name",
    "project",
    "kind",
    "queue",
    "priority",
    "requirements",
    "metadata",
    "tags",
    "system_tags",
    "experiment",
    "max_retries",
    "max_infrastructure_retries",
    "timeout_seconds",
    "expire_seconds",
)


def asked_again(job: Job, record: JobRecord, ask: RepeatJob, new_id: JobId) -> NewJob:
    """What ran, with every name bound to the bytes it stood for, and its machine's likeness expected."""
    spec = record.spec
    sync = None if spec.sync is None else spec.sync.model_copy(update={"uid": None})
    expects = Expectation(environment=record.environment, strict=not ask.anyway)
    given: dict[str, Any] = {name: getattr(job, name) for name in _SAME}
    return NewJob(
        **given,
        id=new_id,
        user=ask.by,
        parameters=record.parameters,
        spec=spec.model_copy(update={"sync": sync, "expects": expects}),
        comment=f"again what {job.id} was at attempt {record.attempt}",
        parent=job.id,
        cvlab_uid=job.aliases.cvlab is not None,
    )


def hindrances(record: JobRecord) -> tuple[str, ...]:
    """Why it will not be the same, as far as that is known before it runs."""
    if record.checkpoint is None:
        return ()
    return (f"attempt {record.attempt} went on from a checkpoint; again it begins anew",)


def notes(record: JobRecord, archives: Mapping[tuple[str, str], Archive]) -> tuple[str, ...]:
    """What is other on purpose: where files go, and names that mean something else by now."""
    said: list[str] = []
    for given in record.inputs:
        now = archives.get((given.kind, given.name))
        if now is not None and now.sha256 != given.sha256:
            said.append(
                f"the {given.kind} {given.name} is {now.sha256} now; what it ran on is taken: {given.sha256}"
            )
    if record.spec.sync is not None and record.spec.sync.uid is not None:
        said.append(f"its files are synced below a name of its own, not over those of {record.spec.sync.uid}")
    return tuple(said)
