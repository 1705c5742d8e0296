"""Takes batch jobs whose turn it is, and those whose process died."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from pydantic import BaseModel, Field

from andon.contracts import Unavailable
from andon.inspection.handlers.batch_job import JobRun, Tools
from andon.inspection.store.batches import OwnedJob
from andon.telemetry import log

_log = log(__name__)
_SWEEP = 600.0
"""Seconds between two looks for images that no job needs any more."""


_LEAVE_SECONDS = 5.0
"""How long files in work have to be finished at a stop; after it the lease has to run out."""


class BatchSettings(BaseModel):
    """What batch jobs may read, and how much of the machine they take."""

    roots: tuple[Path, ...] = ()
    """Folders that jobs may read; none by default. Whoever may create jobs may read what lies in them."""
    concurrent: Annotated[int, Field(ge=1, le=64)] = 4
    """Jobs that run at once, over all processes; more wait for their turn."""
    in_work: Annotated[int, Field(ge=1, le=64)] = 2
    """Files of one job in work at once; cameras' frames pass between them."""
    files: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Most files of one job."""
    unpacked_mebibytes: Annotated[int, Field(ge=1)] = 1024
    """Most that an uploaded archive may unpack to, on this machine's disk."""
    lease_seconds: Annotated[float, Field(ge=1)] = 10.0
    """How long after a process died its jobs go to another."""
    poll_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How often to look for jobs that were started in another process."""


@dataclass(eq=False)
class BatchRunner:
    """Keeps as many jobs going as may run at once."""

    tools: Tools
    concurrent: Callable[[], int]
    """Gives what holds at the moment."""
    poll_seconds: float
    owner: str = field(default_factory=lambda: uuid4().hex[:12])
    _runs: dict["asyncio.Task[None]", JobRun] = field(default_factory=dict["asyncio.Task[None]", JobRun])
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _sweep_at: float = 0.0

    def wake(self) -> None:
        """Look for jobs now."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; jobs in hand are given back at the end."""
        this = asyncio.current_task()
        try:
            while this is not None and not this.cancelling():  # before Python 3.12, PyMongo may lose a cancel
                self._woken.clear()
                try:
                    await self._sweep()
                    took = await self._take()
                except Unavailable as away:
                    _log.warning("batch jobs wait", reason=str(away))
                    took = False
                if not took:
                    await self._rest()
        finally:
            await self._give_back()

    async def _take(self) -> bool:
        now = datetime.now(UTC)
        until = now + self.tools.lease
        job = await self.tools.batches.claim(self.owner, now, until, self.concurrent())
        if job is None or any(run.job.id == job.id for run in self._runs.values()):
            return False
        run = JobRun(self.tools, job)
        task = asyncio.create_task(run.work())
        self._runs[task] = run
        task.add_done_callback(partial(self._ended, job))
        return True

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self.poll_seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def _ended(self, job: OwnedJob, task: "asyncio.Task[None]") -> None:
        self._runs.pop(task, None)
        self.wake()
        if not task.cancelled() and (error := task.exception()):
            # Its lease runs out, then it is tried again; a job that breaks off each time is given up.
            _log.error("a batch job broke off", job=job.id, exc_info=error)

    async def _sweep(self) -> None:
        """Remove images of jobs that ended elsewhere, or while this process was away."""
        if time.monotonic() < self._sweep_at:
            return
        left = await asyncio.to_thread(self.tools.luggage.left)
        alive = await self.tools.batches.living(left) if left else set[str]()
        await self.tools.luggage.sweep([job_id for job_id in left if job_id not in alive])
        self._sweep_at = time.monotonic() + _SWEEP

    async def _give_back(self) -> None:
        """Let another process go on at once."""
        for run in self._runs.values():
            run.leave()
        left = set(self._runs)
        if left:
            _, left = await asyncio.wait(left, timeout=_LEAVE_SECONDS)
        for task in left:
            task.cancel()
