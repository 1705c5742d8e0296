"""Whose turn it is, and on which device: what the queue shares out."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from andon.contracts import Conflict, queue
from andon.contracts.queue import (
    Balancing,
    ListQueues,
    Place,
    PrioritiseJob,
    PutQueue,
    PutSettings,
    Queue,
    QueueSettings,
    Requirements,
    Stage,
)
from andon.testing import eventually

pytestmark = pytest.mark.usefixtures("engine")


async def test_urgent_jobs_go_first_then_the_first_to_come_and_places_can_be_changed(line: Any):
    names = [("a", 50), ("b", 20), ("c", 50), ("d", 100), ("e", 50)]
    jobs = {name: await line.submit(name, priority=priority) for name, priority in names}
    await line.bus.ask(queue.PRIORITISE, PrioritiseJob(id=jobs["e"].id, place=Place.FRONT))
    await line.bus.ask(queue.PRIORITISE, PrioritiseJob(id=jobs["b"].id, priority=80))
    await line.beat(slots=10)
    grants = await line.lease(count=10, wait_seconds=5)
    assert [each.job.name for each in grants] == ["d", "b", "e", "a", "c"]
    with pytest.raises(Conflict):
        await line.bus.ask(queue.PRIORITISE, PrioritiseJob(id=jobs["a"].id, priority=1))


async def test_a_big_job_waits_for_a_big_device_and_holds_nobody_up(line: Any):
    await line.submit("big", requirements=Requirements(gpu=2, gpu_memory_gb=20), priority=100)
    await line.submit("small", requirements=Requirements(cpu=2))
    await line.beat("small-device", cpu=4, gpus=(8,))
    await line.beat("big-device", gpus=(24, 24, 24))
    assert [each.job.name for each in await line.lease("small-device", count=5)] == ["small"]
    (grant,) = await line.lease("big-device", count=5)
    assert (grant.job.name, grant.lease.gpus) == ("big", (0, 1))
    await line.submit("another", requirements=Requirements(gpu=2))
    assert await line.lease("big-device") == ()
    await line.report(grant, Stage.SUCCEEDED)
    assert (await line.lease_one("big-device")).job.name == "another"


async def test_caps_hold_and_a_capped_user_holds_nobody_up(line: Any):
    await line.set(max_concurrent=3, max_per_user=2)
    for number in range(4):
        await line.submit(f"anna-{number}", user="anna", priority=90)
    await line.submit("bert", user="bert")
    await line.submit("carl", user="carl")
    await line.beat(slots=10)
    grants = await line.lease(count=10)
    assert [each.job.name for each in grants] == ["anna-0", "anna-1", "bert"]
    await line.report(grants[0], Stage.SUCCEEDED)
    assert [each.job.name for each in await line.lease(count=10)] == ["anna-2"]


async def test_settings_are_changed_only_by_who_has_read_them(line: Any):
    await line.set(max_per_device=1)
    with pytest.raises(Conflict):
        await line.bus.ask(queue.SETTINGS_PUT, PutSettings(settings=QueueSettings(max_per_device=9)))
    await line.submit("a")
    await line.submit("b")
    await line.beat(slots=10)
    assert len(await line.lease(count=10)) == 1


async def test_queues_have_names_and_can_be_held(line: Any):
    await line.bus.ask(queue.QUEUE_PUT, PutQueue(queue=Queue(name="night", held=True)))
    job = await line.submit("n", queue="night")
    await line.beat()
    assert await line.lease() == ()
    await line.bus.ask(queue.QUEUE_PUT, PutQueue(queue=Queue(name="night")))
    assert await line.lease(queues=["default"]) == ()

    async def known() -> bool:
        infos = (await line.bus.ask(queue.QUEUE_LIST, ListQueues())).queues
        assert [(each.queue.name, each.waiting) for each in infos] == [("night", 1)]
        return True

    await eventually(known)
    with pytest.raises(Conflict):
        await line.bus.ask(queue.QUEUE_DELETE, queue.DeleteQueue(name="night"))
    assert (await line.lease_one(queues=["night"])).job.id == job.id


async def test_a_job_for_later_is_not_handed_out_before(line: Any, clock: Any):
    job = await line.submit("later", not_before=clock() + timedelta(hours=1), priority=100)
    soon = await line.submit("now", priority=20)
    await line.beat()
    assert [each.job.id for each in await line.lease(count=4, wait_seconds=1)] == [soon.id]
    clock.pass_seconds(3601)
    await line.beat()
    assert (await line.lease_one()).job.id == job.id


@pytest.mark.parametrize(
    ("balancing", "device"), [(Balancing.RESOURCE_AWARE, "small"), (Balancing.ROUND_ROBIN, "big")]
)
async def test_of_two_idle_devices_the_one_that_was_meant_gets_the_job(
    line: Any, balancing: Balancing, device: str
):
    await line.set(balancing=balancing)
    await line.beat("big", gpus=(24, 24))
    await line.beat("small")
    asked = {}
    for name in ("big", "small"):  # the big one has waited for longer
        asked[name] = asyncio.ensure_future(line.lease(name, wait_seconds=5))
        await asyncio.sleep(0.2)
    await line.submit("any")
    await asyncio.wait(asked.values(), return_when=asyncio.FIRST_COMPLETED)
    assert [name for name, ask in asked.items() if ask.done()] == [device]
    (grant,) = asked[device].result()
    assert grant.job.device == device
    await line.submit("another")  # lets the other one go
    assert (
        len(await asyncio.wait_for(next(ask for ask in asked.values() if ask is not asked[device]), 5)) == 1
    )
