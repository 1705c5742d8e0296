"""Whatever clients and workers do in whatever order, tasks live as the API says they do."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ml_worker_api import Api, Worker, refused

from andon.contracts import Conflict, NotFound
from andon.contracts.queue import Failure, Grant, Stage

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]
T = TypeVar("T")

PROFILE = settings(
    max_examples=6,
    stateful_step_count=14,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
STAGES = {
    Stage.PREPARING: "preparing",
    Stage.RUNNING: "running",
    Stage.COLLECTING: "collecting",
    Stage.SUCCEEDED: "completed",
    Stage.FAILED: "failed",
}
"""In their order, with what clients see."""
ORDER = list(STAGES)
LIVE = ("queued", "preparing", "running", "collecting")
FILTERS = {"queued": LIVE[:1], "running": LIVE[1:], "completed": ("completed",), "failed": ("failed",)}


class Task:
    """What is known of a task."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.id, self.name, self.priority = shown["id"], shown["job_name"], shown["priority"]
        self.status = "queued"
        self.stage = -1
        self.grant: Grant | None = None


class Life(RuleBasedStateMachine):
    """A model of the tasks, told of everything that is done to the real ones."""

    api: Api
    client: httpx.AsyncClient
    worker: Worker
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[Task] = []
        self.gone: list[Task] = []

    def _done(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def teardown(self) -> None:
        self._done(self.api.clear())

    def _held(self) -> list[Task]:
        return [each for each in self.tasks if each.grant and each.status in LIVE]

    @rule(name=some.sampled_from("abcde"), priority=some.integers(1, 10))
    def submit(self, name: str, priority: int) -> None:
        body = {"job_name": name, "priority": priority}
        answer = self._done(self.client.post("/v1/tasks", json=body))
        if name in [each.name for each in self.tasks if each.status in LIVE]:
            assert name in refused(answer, 409, "CONFLICT")
        else:
            assert answer.status_code == 201, answer.text
            self.tasks.append(Task(answer.json()))

    @precondition(lambda self: any(each.status == "queued" for each in self.tasks))
    @rule()
    def lease(self) -> None:
        waiting = [each for each in self.tasks if each.status == "queued"]
        first = max(waiting, key=lambda each: (each.priority, -self.tasks.index(each)))
        (first.grant,) = self._done(self.worker.lease())
        assert first.grant.job.id == first.id
        first.status = "preparing"

    @precondition(lambda self: self._held())
    @rule(data=some.data())
    def report(self, data: some.DataObject) -> None:
        task = data.draw(some.sampled_from(self._held()))
        later = [each for each in ORDER if ORDER.index(each) > task.stage]
        stage = data.draw(some.sampled_from(later))
        more: dict[str, Any] = {"failure": Failure.FINAL} if stage is Stage.FAILED else {}
        assert task.grant
        self._done(self.worker.report(task.grant, stage, **more))
        task.stage, task.status = ORDER.index(stage), STAGES[stage]

    @precondition(lambda self: self.tasks)
    @rule(data=some.data())
    def delete(self, data: some.DataObject) -> None:
        task = data.draw(some.sampled_from(self.tasks))
        assert self._done(self.client.delete(f"/v1/tasks/{task.id}")).status_code == 204
        self.tasks.remove(task)
        self.gone.append(task)

    @precondition(lambda self: any(each.grant for each in self.gone))
    @rule(data=some.data(), stage=some.sampled_from([Stage.RUNNING, Stage.SUCCEEDED]))
    def report_of_what_is_gone(self, data: some.DataObject, stage: Stage) -> None:
        task = data.draw(some.sampled_from([each for each in self.gone if each.grant]))
        assert task.grant
        try:
            self._done(self.worker.report(task.grant, stage))
        except (Conflict, NotFound):
            return
        raise AssertionError("a worker of a deleted task was heard")

    @rule(filtered=some.sampled_from(list(FILTERS)))
    def list_some(self, filtered: str) -> None:
        answer = self._done(self.client.get("/v1/tasks", params={"status": filtered})).json()
        assert [each["id"] for each in answer["tasks"]] == [
            each.id for each in reversed(self.tasks) if each.status in FILTERS[filtered]
        ]

    @invariant()
    def the_list_shows_what_there_is(self) -> None:
        listed = self._done(self.client.get("/v1/tasks")).json()
        newest = [(each.id, each.status) for each in reversed(self.tasks)]
        assert [(each["id"], each["status"]) for each in listed["tasks"]] == newest
        assert listed["total"] == len(self.tasks)
        for task in self.gone[-1:]:
            refused(self._done(self.client.get(f"/v1/tasks/{task.id}")), 404, "NOT_FOUND")


async def test_tasks_live_as_the_model_says(api: Api, client: httpx.AsyncClient, worker: Worker):
    parts = {"api": api, "client": client, "worker": worker, "loop": asyncio.get_running_loop()}
    await asyncio.to_thread(run_state_machine_as_test, type("Run", (Life,), parts), settings=PROFILE)
