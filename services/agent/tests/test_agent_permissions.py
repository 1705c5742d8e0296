"""The agent on a broker that holds every user to what its contracts say."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from andon.agent.app import AgentBlock, AgentSettings, build
from andon.contracts import queue
from andon.contracts.queue import ENDED, JobStatus, NewJob, Spec
from andon.messaging import BusSettings, Service, declare_topology
from andon.queue.app import SERVICE, QueueServiceSettings
from andon.runtime import ServiceDefinition, serving
from andon.runtime.embedded import free_ports
from andon.runtime.embedded._nats import executable
from andon.storage import Blobs
from andon.testing import eventually

pytestmark = pytest.mark.long

NATS = Path(__file__).parents[3] / "deploy" / "nats"
As = Callable[[str], BusSettings]


@pytest.fixture
async def signed_in(tmp_path: Path) -> AsyncIterator[As]:
    """Bus settings by user, on a broker with the deployment's own configuration."""
    (port,) = free_ports(1)
    config = (NATS / "nats.conf").read_text()
    config = config.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace('"/data"', f'"{tmp_path}/data"')
    (tmp_path / "nats.conf").write_text(re.sub(r"^http:.*$", "", config, flags=re.MULTILINE))
    users = (NATS / "users.conf").read_text()
    (tmp_path / "users.conf").write_text(users)
    passwords = {name: f"p-{name.lower()}" for name in re.findall(r"\$(BUS_PASSWORD_\w+)", users)}
    process = await asyncio.create_subprocess_exec(
        executable("nats-server"), "-c", str(tmp_path / "nats.conf"),
        env={**os.environ, **passwords}, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    def settings(user: str) -> BusSettings:
        secret = passwords[f"BUS_PASSWORD_{user.upper()}"]
        return BusSettings.model_validate(
            {"url": f"nats://127.0.0.1:{port}", "user": user, "password": secret}
        )

    try:
        await declare_topology(settings("operator"))
        yield settings
    finally:
        process.kill()
        await process.wait()


async def test_the_agent_needs_no_more_than_an_integration_may(
    signed_in: As, mongo_settings, blob_settings, tmp_path: Path
) -> None:
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
    engine = QueueServiceSettings(bus=signed_in("queue"), mongo=mongo_settings)
    block = AgentBlock(name="edge-1", slots=1, reserve_gb=0.01)
    settings = AgentSettings(
        bus=signed_in("integrations"), s3=blob_settings, data=tmp_path / "a", agent=block
    )
    definition = ServiceDefinition("agent", AgentSettings, lambda given: build(given)[0])
    async with (
        serving(SERVICE, engine),
        serving(definition, settings),
        Service("gateway", signed_in("gateway")) as gateway,
    ):
        spec = Spec(command=("sleep", "600"), inputs=({"name": "none"},), kill_after_seconds=1)  # type: ignore[arg-type]
        lost = await gateway.ask(queue.SUBMIT, NewJob(name="lost", spec=spec))
        job = await gateway.ask(queue.SUBMIT, NewJob(name="sleeps", spec=Spec(command=("sleep", "600"))))

        async def came_to(job_id: str, *statuses: JobStatus) -> queue.Job:
            found = await gateway.ask(queue.GET, queue.GetJob(id=job_id))
            assert found.status in statuses, found
            return found

        assert (await eventually(lambda: came_to(lost.id, *ENDED), 20)).status_reason == "input_missing"
        await eventually(lambda: came_to(job.id, JobStatus.RUNNING), 20)
        await gateway.ask(queue.CANCEL, queue.CancelJob(id=job.id))
        await eventually(lambda: came_to(job.id, JobStatus.CANCELLED), 5)
