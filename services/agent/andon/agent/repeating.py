"""`andon job ID --again`: the same once more, and what of it would not be the same."""

import typer

from andon.agent import screen
from andon.contracts import NotFound, queue
from andon.contracts.queue import GetJob, GetRecord, Given, Job, JobStatus, RepeatJob
from andon.messaging import Service
from andon.storage import Blobs

_SECONDS = 15.0


async def repeat(bus: Service, blobs: Blobs, job_id: str, *, anyway: bool, follow: bool) -> int:
    """0 when it was submitted, and with `follow` has succeeded. Raises NotFound without a record."""
    record = await bus.ask(queue.RECORD, GetRecord(id=job_id), timeout=_SECONDS)
    if missing := [each for each in record.inputs if not await _is_there(blobs, each)]:
        for each in missing:
            _tell("missing", f"{each.kind} {each.name}: {each.source} with the sha256 {each.sha256} is gone")
        return 1
    repeated = await bus.ask(queue.REPEAT, RepeatJob(id=job_id, anyway=anyway), timeout=_SECONDS)
    for each in repeated.differences:
        _tell("differs", each)
    for each in repeated.notes:
        _tell("note", each)
    if repeated.job is None:
        typer.echo("nothing was submitted; --anyway does it all the same", err=True)
        return 1
    typer.echo(repeated.job.id)
    return await _followed(bus, blobs, repeated.job) if follow else 0


async def _followed(bus: Service, blobs: Blobs, job: Job) -> int:
    async def read() -> Job:
        return await bus.ask(queue.GET, GetJob(id=job.id), timeout=_SECONDS)

    ended = await screen.follow(read, blobs)
    try:
        record = await bus.ask(queue.RECORD, GetRecord(id=job.id), timeout=_SECONDS)
    except NotFound:
        _tell("differs", ended.error or ended.status_message)
        return 1
    for each in record.differences:
        _tell("differs", each)
    return 0 if ended.status is JobStatus.SUCCEEDED else 1


async def _is_there(blobs: Blobs, given: Given) -> bool:
    """Of what lies in the object store; whatever is there is hashed by the machine that takes it."""
    return "://" in given.source or given.source in await blobs.list(given.source)


def _tell(what: str, text: str) -> None:
    typer.secho(f"{what}: {text}", err=True, fg="yellow")
