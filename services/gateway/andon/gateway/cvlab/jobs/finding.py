"""Jobs of this surface, one by one and in pages."""

from collections.abc import AsyncGenerator
from typing import Any

from andon.contracts import BadRequest, Conflict, NotFound, queue
from andon.contracts.queue import Job, JobHistory, Jobs
from andon.gateway.context import Gateway
from andon.gateway.cvlab.jobs.words import QUEUE
from andon.gateway.domain import HELPER
from andon.gateway.errors import parsed
from andon.security import Principal

SECONDS = 15.0
_PAGE = 100
"""Jobs in one answer of the queue, which may have some kilobytes of metadata each."""


async def found(here: Gateway, uid: str) -> Job:
    """A job by its uid or id. Raises NotFound, also for jobs of other surfaces."""
    return _ours(await here.bus.ask(queue.GET, _named(uid), timeout=SECONDS), uid)


async def history_of(here: Gateway, uid: str) -> JobHistory:
    """The same with its attempts."""
    history = await here.bus.ask(queue.HISTORY, _named(uid), timeout=SECONDS)
    _ours(history.job, uid)
    return history


async def listed(here: Gateway, limit: int, offset: int = 0, **where: Any) -> tuple[list[Job], int]:
    """As many jobs as were asked for, newest first, and how many there are of them."""
    asked = parsed(queue.ListJobs, queue=QUEUE, limit=max(1, min(limit, _PAGE)), offset=offset, **where)
    page = await here.bus.ask(queue.LIST, asked, timeout=SECONDS)
    jobs, total = [*page.jobs], page.total or 0
    async for more in _following(here, asked, page):
        jobs += more.jobs
        if len(jobs) >= limit:
            break
    return jobs[:limit], total


async def each(here: Gateway, **where: Any) -> AsyncGenerator[Job]:
    """All jobs of this surface that fit, newest first unless `order` says otherwise."""
    asked = parsed(queue.ListJobs, queue=QUEUE, limit=_PAGE, with_total=False, **where)
    page = await here.bus.ask(queue.LIST, asked, timeout=SECONDS)
    for job in page.jobs:
        yield job
    async for more in _following(here, asked, page):
        for job in more.jobs:
            yield job


async def holder_of(
    here: Gateway, who: Principal, uid: str, host_id: str | None, attempt: int | None
) -> tuple[Job, str]:
    """The job and the device whose word about it counts: this worker's own.

    Workers don't carry a lease: who they are and what they were handed stands for it. Raises NotFound, and
    Conflict for a worker that is not, or no longer, the one that has it.
    """
    history = await history_of(here, uid)
    last = history.attempts[-1] if history.attempts else None
    if last is None or last.device is None:
        raise Conflict(f"Job {uid} was not handed to a worker.", {"experiment_uid": "not assigned"})
    if attempt is not None and attempt != last.number:
        raise Conflict(f"Job {uid} is at attempt {last.number} now.", {"attempt": f"is {last.number}"})
    if host_id is None and attempt is None and last.session != session_of(who):
        raise Conflict(f"Another worker has job {uid} now.", {"experiment_uid": "of another worker"})
    return history.job, host_id or last.device


def session_of(who: Principal) -> str:
    """As what a worker's heartbeats and leases are remembered; it stays when the worker starts again."""
    return f"{HELPER}{who.id}"[:64]


def is_helper(session: str) -> bool:
    """Whether an attempt is in the hands of a worker of this surface."""
    return session.startswith(HELPER)


async def _following(here: Gateway, asked: queue.ListJobs, page: Jobs) -> AsyncGenerator[Jobs]:
    while page.next_after is not None:
        changes = {"after": page.next_after, "offset": 0, "limit": _PAGE, "with_total": False}
        page = await here.bus.ask(queue.LIST, asked.model_copy(update=changes), timeout=SECONDS)
        yield page


def _named(uid: str) -> queue.GetJob:
    try:
        return parsed(queue.GetJob, id=uid)
    except BadRequest:
        raise NotFound("There is no such job.") from None


def _ours(job: Job, uid: str) -> Job:
    if job.queue != QUEUE:
        raise NotFound(f"There is no job {uid!r}.")
    return job
