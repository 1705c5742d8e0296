"""Deeper runs are given to those who have torch, over a real bus, a real database and a real object store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from andon.contracts import BadRequest, learning, queue, training
from andon.contracts.learning import LabelledImage, Parameters, Place, Run, RunKind, RunState, Trainer
from andon.contracts.queue import DeviceFacts, DeviceHeartbeat, Job
from andon.contracts.training import ListModels
from andon.messaging import Service
from andon.runtime import optional, serving
from andon.runtime.registry import definition_of
from andon.serving import Detector
from andon.testing import eventually
from andon.training.learning import placing

from .learning_parts import some
from .test_detector_service import ended
from .test_learning_service import Line, line  # noqa: F401 - the line is a fixture

pytestmark = pytest.mark.timeout(400)

DEEPER = Parameters(trainer=Trainer.TORCH, steps=60)


@dataclass(frozen=True)
class Machines:
    """The queue, and agents that say what they have."""

    bus: Service

    async def add(self, *labels: str, gpus: int = 0, torch: str | None = None) -> None:
        facts = DeviceFacts(cpu_cores=2, gpu_count=gpus, torch_version=torch)
        beat = DeviceHeartbeat(id="press-hall", facts=facts, labels=labels, slots=0)
        await self.bus.ask(queue.HEARTBEAT, beat, timeout=15)

    async def job(self, run: Run) -> Job:
        """The one that was handed in for it."""

        async def there() -> Job | None:
            found = (await self.bus.ask(queue.LIST, queue.ListJobs(), timeout=15)).jobs
            return next((job for job in found if job.metadata.get("run") == run.id), None)

        found = await eventually(there, within=30)
        assert found is not None
        return found


@pytest.fixture
async def machines(line: Line) -> AsyncIterator[Machines]:  # noqa: F811 - as above
    definition = definition_of("queue")
    known = line.settings.model_dump(include={"bus", "mongo", "data"})
    async with serving(definition, definition.settings(**known)):
        yield Machines(line.gateway)


async def outlined(line: Line) -> tuple[LabelledImage, ...]:  # noqa: F811 - as above
    await line.model()
    return await line.keep(some(0, 5, held_out=100))


async def test_without_torch_anywhere_it_is_refused_and_named(
    line: Line,  # noqa: F811 - as above
    machines: Machines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = await outlined(line)
    monkeypatch.setattr(placing, "optional", lambda _: None)
    await machines.add("training")

    for place in (Place.AUTO, Place.HERE):
        with pytest.raises(BadRequest, match="trainer: torch is installed neither") as refused:
            await line.start(kind=RunKind.DETECTOR, images=images, parameters=DEEPER, place=place)
        assert refused.value.problem.fields == {"trainer": "no torch"}
    assert not (await line.gateway.ask(queue.LIST, queue.ListJobs(), timeout=15)).jobs


async def test_an_agent_that_has_torch_gets_it_with_a_gpu_that_its_build_can_use(
    line: Line,  # noqa: F811 - as above
    machines: Machines,
) -> None:
    images = await outlined(line)

    run = await line.start(kind=RunKind.DETECTOR, images=images, parameters=DEEPER, place=Place.QUEUE)
    job = await machines.job(run)
    assert (job.requirements.labels, job.requirements.gpu) == (("training", "torch"), 0)

    async def waits() -> bool:
        found = await line.gateway.ask(learning.GET, learning.GetRun(id=run.id))
        return (found.message, found.state) == ("waits for an agent with torch", RunState.QUEUED)

    await eventually(waits, within=20)
    for gpus, torch, wanted in ((2, "2.13.0", 1), (2, "2.13.0+cpu", 0), (0, "2.13.0", 0)):
        await machines.add("training", "torch", gpus=gpus, torch=torch)
        run = await line.start(kind=RunKind.DETECTOR, images=images, parameters=DEEPER, place=Place.AUTO)
        assert run.place is Place.QUEUE
        assert (await machines.job(run)).requirements.gpu == wanted


@pytest.mark.long
@pytest.mark.skipif(optional("torch") is None, reason="torch is not installed: scripts/setup --torch")
async def test_outlined_parts_become_a_deeper_version_with_its_evidence(line: Line) -> None:  # noqa: F811 - as above
    await line.model()
    images = await line.keep(some(2, 8, held_out=3))

    began = await line.start(kind=RunKind.DETECTOR, images=images, deploy=True, parameters=DEEPER)
    run = await ended(line, began.id)

    assert run.state is RunState.SUCCEEDED, run.message
    assert run.repeat is not None
    assert run.repeat.trained_with.startswith("torch 2.")
    assert len(run.curves["train_loss"]) == len(run.curves["learning_rate"]) == 6
    assert run.metrics["export_off"] < 1e-4
    [version] = (await line.gateway.ask(training.LIST, ListModels(limit=1))).models
    assert version.metrics["map50"] > 0.5
    assert version.model.detector is not None
    assert line.place.recipe is not None
    assert line.place.recipe.model == version.model
    detector = Detector.open(await line.blobs.get(version.model.detector.file.key))
    assert detector.classes == ("pit", "scratch")
    evidence = await line.gateway.ask(learning.EVALUATION, learning.GetEvaluation(version_id=version.id))
    assert evidence.map50 == pytest.approx(version.metrics["map50"], abs=1e-3)
