"""Takes orders for runs, tells where they stand, and stops them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from andon.contracts import Conflict, NotFound, learning, queue
from andon.contracts.learning import Evaluation, Place, Run, RunState, StartRun
from andon.messaging import Delivery, Service
from andon.training.learning.environment import repeat_of
from andon.training.learning.placing import Placing
from andon.training.learning.runner import Runner
from andon.training.learning.store import Evaluations, Labels, Runs
from andon.training.learning.wishes import Wish, Wishes


@dataclass
class LearningDesk:
    bus: Service
    runs: Runs
    labels: Labels
    evaluations: Evaluations
    wishes: Wishes
    runner: Runner
    placing: Placing
    clock: Callable[[], datetime]
    then: Callable[[str], Awaitable[None]] | None = None
    """Told the station when one of its runs has ended here."""
    _here: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    async def start(self, wish: StartRun, _delivery: Delivery | None = None) -> Run:
        """Raises NotFound, BadRequest and Invalid for what can't be learned; a repeat gets the same run."""
        run_id = wish.run_id or f"run-{uuid4().hex[:12]}"
        if (known := await self.runs.get(run_id)) is not None:
            return known
        understood = await self.wishes.understood(wish, f"model-{run_id.removeprefix('run-')}")
        seat = await self.placing.seat(wish)
        understood = replace(understood, gpus=seat.gpus)
        run = self._run(run_id, wish, understood, seat.place)
        try:
            await self.runs.add(run)
        except Conflict:
            return await self.get(learning.GetRun(id=run_id))
        await self.labels.learned(list(understood.labels))
        self._begin(run, understood)
        return run

    async def get(self, query: learning.GetRun, _delivery: Delivery | None = None) -> Run:
        found = await self.runs.get(query.id)
        if found is None:
            raise NotFound(f"there is no run {query.id}")
        return found

    async def list(self, query: learning.ListRuns, _delivery: Delivery) -> learning.Runs:
        found = await self.runs.listed(query.station_id, query.state, query.limit)
        return learning.Runs(runs=tuple(found))

    async def stop(self, query: learning.StopRun, _delivery: Delivery) -> Run:
        """Ends what runs and throws its result away; one that has ended is answered as it is."""
        run = await self.get(learning.GetRun(id=query.id))
        if run.ended_at is not None:
            return run
        message = f"stopped by {query.by}"
        stopped = await self.runner.told(run, state=RunState.STOPPED, ended_at=self.clock(), message=message)
        if (task := self._here.get(run.id)) is not None:
            task.cancel()
            await asyncio.wait([task])
        if run.job_id is not None:
            await self.bus.ask(queue.CANCEL, queue.CancelJob(id=run.job_id, by=query.by))
        return stopped or await self.get(learning.GetRun(id=query.id))

    async def evaluation(self, query: learning.GetEvaluation, _delivery: Delivery) -> Evaluation:
        found = await self.evaluations.get(query.version_id)
        if found is None:
            raise NotFound(f"{query.version_id} was not measured on held-out parts, or there is none")
        return found

    async def interrupted(self) -> None:
        """Runs that ran in this service when it went away will not end by themselves."""
        for run in await self.runs.live({"job_id": None}):
            if run.id not in self._here:
                await self.runner.failed(run, "Interrupted by server restart")

    async def close(self) -> None:
        tasks = [*self._here.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _run(self, run_id: str, wish: StartRun, understood: Wish, place: Place) -> Run:
        lesson = understood.lesson
        return Run(
            id=run_id,
            kind=wish.kind,
            station_id=wish.station_id,
            name=wish.name,
            state=RunState.QUEUED,
            place=place,
            images=len(lesson.images),
            held_out=sum(bool(image.held_out) for image in lesson.images),
            parameters=wish.parameters,
            dataset_version=wish.dataset_version,
            parent=understood.parent.id if understood.parent else None,
            repeat=repeat_of(lesson, wish.dataset_version),
            deploy=wish.deploy,
            created_at=self.clock(),
            requested_by=wish.requested_by,
        )

    def _begin(self, run: Run, understood: Wish) -> None:
        task = asyncio.ensure_future(self._whole(run, understood))
        self._here[run.id] = task
        task.add_done_callback(lambda _: self._here.pop(run.id, None))

    async def _whole(self, run: Run, understood: Wish) -> None:
        await self.runner.begin(run, understood)
        if self.then is not None and run.place is Place.HERE:
            await self.then(run.station_id)
