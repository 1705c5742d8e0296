"""Runs a lesson on the queue or here, and follows it to its version."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from andon.contracts import NotFound, Refused, Unavailable, learning, queue
from andon.contracts.learning import Place, Run, RunState
from andon.contracts.queue import Job, JobChanged, JobProgressed, JobStatus
from andon.messaging import Delivery, Service
from andon.telemetry import log
from andon.training.adapters.process import FittingDied, FittingProcess
from andon.training.domain.lessons import RESULT, Lesson, LessonResult
from andon.training.domain.order import FitStep
from andon.training.domain.progress import ended_as, learned_of, line_of
from andon.training.learning.jobs import job_of
from andon.training.learning.keeping import Keeping
from andon.training.learning.packing import ORDER, Packing
from andon.training.learning.store import Runs
from andon.training.learning.wishes import Wish

_log = log("andon.training")

KIND = "training"


@dataclass(frozen=True)
class Runner:
    bus: Service
    runs: Runs
    packing: Packing
    process: FittingProcess
    keeping: Keeping
    turns: asyncio.Semaphore
    """A run that runs here takes the cores that inspection wants, too: one at a time."""
    clock: Callable[[], datetime]

    async def begin(self, run: Run, wish: Wish) -> None:
        """Until it has ended, or until a job does the rest. What goes wrong stands in the run."""
        try:
            if run.place is Place.QUEUE:
                await self._submit(run, wish)
            else:
                await self._here(run, wish)
        except asyncio.CancelledError:
            raise
        except FittingDied as died:
            await self.failed(run, str(died))
        except Refused as refused:
            await self.failed(run, str(refused))
        except OSError as error:
            await self.failed(run, f"the disk does not take it: {error.strerror}")

    async def _here(self, run: Run, wish: Wish) -> None:
        async with self.turns, self.packing.files.scratch(run.id) as folder:
            await self.told(run, state=RunState.RUNNING, started_at=self.clock(), message="fetching images")
            await self.packing.gather(wish.lesson, wish.parent and wish.parent.model, folder)

            async def heard(step: FitStep) -> None:
                await self._heard(run.id, step.fraction, step.metrics, f"{step.stage}: {step.message}")

            data = await self.process.run(wish.lesson, folder, heard)
            await self._kept(run, wish.lesson, LessonResult.model_validate_json(data), folder)

    async def _submit(self, run: Run, wish: Wish) -> None:
        async with self.packing.files.scratch(run.id) as folder:
            await self.packing.gather(wish.lesson, wish.parent and wish.parent.model, folder)
            archive = await self.packing.pack(folder)
        job = await self.bus.ask(queue.SUBMIT, job_of(run, archive, wish.gpus), timeout=15)
        if await self.told(run, job_id=job.id, message=line_of(job)) is None:
            await self.bus.ask(queue.CANCEL, queue.CancelJob(id=job.id, by=run.requested_by))

    async def progressed(self, news: JobProgressed, _delivery: Delivery) -> None:
        run = await self.runs.of_job(news.id)
        if run is not None:
            await self._heard(run.id, news.progress, news.metrics, news.message)

    async def changed(self, news: JobChanged, _delivery: Delivery) -> None:
        """Another device, a stop or an end of one of our jobs."""
        if news.kind != KIND:
            return
        run = await self.runs.of_job(news.id)
        if run is None or run.ended_at is not None:
            return
        job = await self.bus.ask(queue.GET, queue.GetJob(id=news.id), timeout=15)
        if job.status is JobStatus.SUCCEEDED:
            await self._collect(run, job)
        elif (state := ended_as(job.status)) is not None:
            await self.told(run, state=state, ended_at=self.clock(), message=line_of(job))
        elif job.status is JobStatus.RUNNING and run.state is RunState.QUEUED:
            await self.told(run, state=RunState.RUNNING, started_at=job.started_at, message=line_of(job))
        else:
            await self.told(run, message=line_of(job))

    async def _collect(self, run: Run, job: Job) -> None:
        try:
            async with self.packing.files.scratch(run.id) as folder:
                await self.packing.fetch_outputs(job.outputs, folder)
                result = LessonResult.model_validate_json((folder / RESULT).read_bytes())
                lesson = Lesson.model_validate_json((folder / ORDER).read_bytes())
                await self._kept(run, lesson, result, folder)
        except Unavailable:
            raise
        except (Refused, OSError, ValueError) as error:
            await self.failed(run, f"what the job left can't be used: {error}")

    async def _kept(self, run: Run, lesson: Lesson, result: LessonResult, folder: Path) -> None:
        now = await self.runs.get(run.id)
        if now is None or now.ended_at is not None:
            return  # stopped meanwhile: its result is thrown away
        version = await self.keeping.keep(now, lesson, result, folder)
        try:
            note = await self.keeping.use(now, version)
        except Refused as refused:  # the version is there, and may be deployed by hand
            note = f"not deployed: {refused}"
        notes = (*result.notes, note) if note else result.notes
        repeat = now.repeat and now.repeat.model_copy(update={"trained_with": result.trained_with})
        await self.told(
            now,
            state=RunState.SUCCEEDED,
            ended_at=self.clock(),
            fraction=1.0,
            message="done",
            version_id=version.id,
            notes=notes,
            repeat=repeat,
            metrics={**now.metrics, **result.metrics},
        )
        _log.info("learned", run=run.id, version=version.id)

    async def failed(self, run: Run, reason: str) -> None:
        _log.warning("a run failed", run=run.id, reason=reason)
        await self.told(run, state=RunState.FAILED, ended_at=self.clock(), message=reason)

    async def told(self, run: Run, **changes: Any) -> Run | None:
        """Keep and say it; None, and nothing, where the run has ended."""
        changed = await self.runs.change(run, **changes)
        if changed is not None:
            await self.bus.say(learning.CHANGED, changed)
        return changed

    async def _heard(self, run_id: str, fraction: float, metrics: Mapping[str, float], message: str) -> None:
        run = await self.runs.get(run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}")
        changes = learned_of(run, fraction, metrics, message)
        if changes:
            await self.told(run, **changes)
