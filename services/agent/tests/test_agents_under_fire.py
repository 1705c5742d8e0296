"""Agents, queue and broker killed by surprise, again and again: each job counts once, none is lost."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.contracts import Unavailable, queue
from andon.contracts.queue import AttemptOutcome, JobHistory, ListJobs, NewJob, Spec, SubmitMany
from andon.queue.app import QueueServiceSettings
from andon.testing import eventually

pytestmark = pytest.mark.long

EFFECT = 'sleep 0.2; echo "$ANDON_ATTEMPT" >> "$0"'
_AT_ONCE = 50


class QueueProcess:
    """A replica of the queue as a process of its own."""

    def __init__(self, settings: QueueServiceSettings, log: Path) -> None:
        self._log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANDON_")},
            "ANDON_BUS__URL": settings.bus.url,
            "ANDON_MONGO__URI": settings.mongo.uri,
            "ANDON_MONGO__PREFIX": settings.mongo.prefix,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "andon.runtime.service", "queue"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


@pytest.fixture
def replicas(queue_settings: QueueServiceSettings, tmp_path: Path) -> Iterator[Callable[[], QueueProcess]]:
    """Makes replicas that run."""
    made: list[QueueProcess] = []

    def make() -> QueueProcess:
        made.append(QueueProcess(queue_settings, tmp_path / f"queue-{len(made)}.log"))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.kill()


class Fire:
    """Kills what it meets, and starts it again."""

    def __init__(self, victims: dict[str, tuple[Any, ...]], order: list[str], seed: int) -> None:
        self._victims = victims
        self._order = order
        self._moments = random.Random(seed)
        self.killed: Counter[str] = Counter()

    async def rage(self, effects: Path, jobs: int) -> None:
        """From the first job to the last, evenly over them."""
        for number, kind in enumerate(self._order):
            reached = number * jobs / (len(self._order) + 1)
            await eventually(lambda reached=reached: len(list(effects.iterdir())) > reached, 300, every=0.1)
            await asyncio.sleep(self._moments.uniform(0, 1))  # somewhere in the middle of things
            victim = self._moments.choice(self._victims[kind])
            victim.kill()
            if (again := victim.start()) is not None:
                await again
            self.killed[kind] += 1


async def patiently(ask: Any, *question: Any) -> Any:
    while True:
        try:
            return await ask(*question, timeout=10)
        except Unavailable:
            await asyncio.sleep(0.2)


async def all_ended(floor: Any, count: int, within: float) -> None:
    deadline = time.monotonic() + within
    while True:
        found = await patiently(floor.bus.ask, queue.LIST, ListJobs(status=tuple(queue.ENDED), limit=1))
        if found.total == count:
            return
        left = await patiently(floor.bus.ask, queue.LIST, ListJobs(limit=1000))
        states = Counter(str(job.status) for job in left.jobs)
        assert time.monotonic() < deadline, f"{found.total} of {count} have ended; {states}"
        await asyncio.sleep(0.5)


def in_order(history: JobHistory) -> None:
    """Nothing is missing between the first change and the last."""
    versions = [entry.version for entry in history.entries]
    assert versions == list(range(1, history.job.version + 1))
    befores = [entry.previous for entry in history.entries[1:]]
    assert befores == [entry.status for entry in history.entries[:-1]]
    assert all(attempt.ended_at is not None for attempt in history.attempts)
    assert [attempt.outcome for attempt in history.attempts][-1] is AttemptOutcome.SUCCEEDED


async def hurry(floor: Any) -> None:
    """What an agent took and died before it wrote it down is handed out anew within seconds."""
    now = await patiently(floor.bus.ask, queue.SETTINGS_GET, queue.GetSettings())
    after = now.model_copy(update={"confirm_seconds": 5, "retry_first_seconds": 0})
    await patiently(floor.bus.ask, queue.SETTINGS_PUT, queue.PutSettings(settings=after))


def wishes(jobs: int, effects: Path) -> list[NewJob]:
    return [
        NewJob(
            name=f"j{n}",
            idempotency_key=f"k{n}",
            max_infrastructure_retries=100,
            spec=Spec(command=("sh", "-c", EFFECT, str(effects / f"j{n}"))),
        )
        for n in range(jobs)
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("jobs", "agents", "queues", "order"),
    [
        (60, 2, 1, ["agent", "broker", "agent", "queue"]),
        pytest.param(1000, 4, 2, ["agent", "agent", "queue", "agent", "broker"] * 6, marks=pytest.mark.slow),
    ],
    ids=["60 jobs", "1000 jobs"],
)
async def test_each_job_has_its_effect_once(  # noqa: PLR0913, PLR0917 - fixtures, and how much of each
    nats_process, floor, replicas, agent_process, tmp_path, jobs, agents, queues, order
) -> None:
    effects = tmp_path / "effects"
    effects.mkdir()
    victims = {
        "agent": tuple(agent_process(f"edge-{n}") for n in range(agents)),
        "queue": tuple(replicas() for _ in range(queues)),
        "broker": (nats_process,),
    }
    await hurry(floor)
    for agent in victims["agent"]:
        agent.start()
    submitted = wishes(jobs, effects)
    for at in range(0, jobs, _AT_ONCE):
        batch = SubmitMany(jobs=tuple(submitted[at : at + _AT_ONCE]))
        told = await patiently(floor.bus.ask, queue.SUBMIT_MANY, batch)
        assert all(result.job is not None for result in told.results)
    fire = Fire(victims, order, seed=jobs)
    await fire.rage(effects, jobs)
    await all_ended(floor, jobs, within=60 + jobs / 2)
    listed = await patiently(floor.bus.ask, queue.LIST, ListJobs(limit=1000))
    assert Counter(str(job.status) for job in listed.jobs) == {"succeeded": jobs}
    for job in listed.jobs:
        assert (effects / job.name).read_text() == f"{job.attempt_no}\n"
        in_order(await patiently(floor.bus.ask, queue.HISTORY, queue.GetJob(id=job.id)))
    assert fire.killed == Counter(order)
