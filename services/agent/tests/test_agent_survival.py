"""What must not be lost: agents killed, brokers away, leases given to others."""

import asyncio
import signal
from pathlib import Path

import pytest

from andon.contracts.queue import JobStatus
from andon.testing import eventually

pytestmark = pytest.mark.timeout(180)
"""They start processes, which takes long on a busy machine."""

EFFECT = """
import os, sys, time
folder = sys.argv[1]
open(os.path.join(folder, 'up.' + os.environ['ANDON_ATTEMPT']), 'w').write(str(os.getpid()))
while not os.path.exists(os.path.join(folder, 'go')):
    time.sleep(0.02)
with open(os.path.join(folder, 'effect'), 'a') as out:
    out.write(os.environ['ANDON_ATTEMPT'] + '\\n')
print('done')
"""


async def pid_in(file: Path) -> int:
    """Of the process that wrote itself down there."""
    return int(await eventually(lambda: file.exists() and file.read_text(), 40))


@pytest.mark.long
async def test_a_job_outlives_its_agent(engine, floor, agent_process, tmp_path, living) -> None:
    edge = agent_process("edge-1")
    edge.start()
    job = await floor.python(EFFECT, str(tmp_path), spec={"outputs": []})
    await floor.until(job, JobStatus.RUNNING)
    pid = await pid_in(tmp_path / "up.1")
    edge.kill()
    assert living(pid)
    (tmp_path / "go").touch()
    await eventually(lambda: not living(pid))
    edge.start()
    done = await floor.ended(job)
    assert (done.status, done.attempt_no, done.exit_code) == (JobStatus.SUCCEEDED, 1, 0)
    assert (tmp_path / "effect").read_text() == "1\n"
    assert await floor.output(done.logs["stdout"]) == b"done\n"


@pytest.mark.long
async def test_a_restarted_agent_takes_over_a_running_job(
    engine, floor, agent_process, tmp_path, living
) -> None:
    edge = agent_process("edge-1")
    edge.start()
    job = await floor.python(EFFECT, str(tmp_path))
    await floor.until(job, JobStatus.RUNNING)
    pid = await pid_in(tmp_path / "up.1")
    edge.send(signal.SIGTERM)
    assert await asyncio.to_thread(edge.process.wait, 40) == 0
    assert living(pid)
    edge.start()
    await eventually(lambda: edge.log.count('"taken up"') == 1, 40)
    await floor.cancel(job)
    done = await floor.ended(job)
    assert (done.status, done.attempt_no) == (JobStatus.CANCELLED, 1)
    assert not living(pid)
    assert not (tmp_path / "effect").exists()


async def test_what_ended_while_the_broker_was_away_is_told(
    engine, floor, start_agent, nats_process, tmp_path
) -> None:
    await start_agent()
    job = await floor.python(EFFECT, str(tmp_path))
    await floor.until(job, JobStatus.RUNNING)
    nats_process.kill()
    (tmp_path / "go").touch()
    await eventually((tmp_path / "effect").exists)
    await nats_process.start()
    done = await floor.ended(job, within=30)
    assert (done.status, done.attempt_no) == (JobStatus.SUCCEEDED, 1)
    assert [entry.status for entry in (await floor.history(job)).entries][-1] is JobStatus.SUCCEEDED
    assert (tmp_path / "effect").read_text() == "1\n"


@pytest.mark.long
async def test_outputs_wait_for_a_store_that_is_away(
    engine, floor, start_agent, s3_process, tmp_path
) -> None:
    await start_agent()
    code = f"{EFFECT}\nopen('model', 'w').write('42')"
    wanted = [{"name": "model", "path": "model", "required": True}]
    job = await floor.python(code, str(tmp_path), spec={"outputs": wanted})
    await floor.until(job, JobStatus.RUNNING)
    s3_process.kill()
    (tmp_path / "go").touch()
    await floor.until(job, JobStatus.COLLECTING)
    await s3_process.start()
    done = await floor.ended(job, within=40)
    assert (done.status, done.attempt_no) == (JobStatus.SUCCEEDED, 1), done.error
    (kept,) = done.outputs
    assert await floor.blobs.get(kept.key) == b"42"
    assert await floor.output(done.logs["stdout"]) == b"done\n"


@pytest.mark.long
async def test_an_agent_that_lost_its_lease_ends_the_process(
    engine, floor, agent_process, tmp_path, living
) -> None:
    await floor.set(lease_seconds=2, confirm_seconds=2, lost_grace_seconds=0, retry_first_seconds=0)
    slow, other = agent_process("edge-1"), agent_process("edge-2")
    slow.start()
    job = await floor.python(EFFECT, str(tmp_path))
    await floor.until(job, JobStatus.RUNNING)
    first = await pid_in(tmp_path / "up.1")
    slow.send(signal.SIGSTOP)
    other.start()
    later = await eventually(lambda: sorted(tmp_path.glob("up.[2-9]")), 40)
    second = await pid_in(later[0])
    slow.send(signal.SIGCONT)
    await eventually(lambda: not living(first))
    assert living(second)
    (tmp_path / "go").touch()
    done = await floor.ended(job)
    assert (done.status, done.device) == (JobStatus.SUCCEEDED, "edge-2")
    assert (tmp_path / "effect").read_text() == f"{done.attempt_no}\n"


@pytest.mark.long
async def test_one_agent_per_folder_and_one_job_with_once(engine, floor, agent_process) -> None:
    edge, twin = agent_process("edge-1"), agent_process("edge-1")
    edge.start("--once")
    await eventually(lambda: "at work" in edge.log, 40)
    twin.start()
    assert await asyncio.to_thread(twin.process.wait, 40) == 1
    assert "another agent works in" in twin.log
    done = await floor.ended(await floor.submit("true"))
    assert done.status is JobStatus.SUCCEEDED
    assert await asyncio.to_thread(edge.process.wait, 40) == 0
