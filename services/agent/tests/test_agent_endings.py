"""However a job ends, nothing of it is left behind."""

import json
import os
import signal
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from andon.agent.adapters.keepers import living_keeper
from andon.contracts import queue
from andon.contracts.queue import AttemptOutcome, DeviceStatus, JobStatus
from andon.testing import eventually

pytestmark = pytest.mark.usefixtures("engine")


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open('daemon.pid', 'w').write(str(os.getpid()))
        while True:
            time.sleep(1)
    os._exit(0)
while not os.path.exists('daemon.pid') or not open('daemon.pid').read():
    time.sleep(0.01)
print('deaf', flush=True)
while True:
    time.sleep(1)
"""


@pytest.mark.long
async def test_a_job_that_will_not_hear_is_ended_with_its_daemons(
    floor, start_agent, agent_settings, living
) -> None:
    await start_agent()
    job = await floor.python(STUBBORN, spec={"kill_after_seconds": 0.5})
    await floor.until(job, JobStatus.RUNNING)
    await eventually(lambda: _written(agent_settings.data.rglob("daemon.pid")))
    pids = _pids(agent_settings.data)
    began = time.monotonic()
    await floor.cancel(job)
    done = await floor.ended(job, within=10)
    assert done.status is JobStatus.CANCELLED
    assert time.monotonic() - began < 5
    assert not [pid for pid in pids if living(pid)]


def _written(files: Iterable[Path]) -> bool:
    return any(file.read_text() for file in files)


def _pids(data: Path) -> list[int]:
    (daemon,), (running,) = data.rglob("daemon.pid"), data.rglob("running.json")
    return [int(daemon.read_text()), json.loads(running.read_text())["pid"]]


@pytest.mark.parametrize("away", [False, True], ids=["in its group", "in a session of its own"])
async def test_what_a_job_leaves_running_ends_with_it(
    floor, start_agent, agent_settings, living, away: bool
) -> None:
    await start_agent()
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        f"start_new_session={away}); open('left.pid', 'w').write(str(p.pid)); print('out')"
    )
    done = await floor.ended(await floor.python(code))
    assert done.status is JobStatus.SUCCEEDED, done.error
    (left,) = agent_settings.data.rglob("left.pid")
    assert not living(int(left.read_text()))


async def test_a_paused_job_stands_still_and_goes_on(floor, start_agent, agent_settings) -> None:
    await start_agent()
    code = (
        "import time\nfor i in range(10000):\n open('count', 'w').write(str(i)); time.sleep(0.02)\n"
        " if __import__('os').path.exists('enough'): break"
    )
    job = await floor.python(code)
    await floor.until(job, JobStatus.RUNNING)
    count = (await eventually(lambda: list(agent_settings.data.rglob("count"))))[0]
    await floor.bus.ask(queue.PAUSE, queue.PauseJob(id=job.id))
    await floor.until(job, JobStatus.PAUSED)
    (process,) = [each for each in psutil.process_iter() if each.pid == (await floor.get(job)).pid]
    assert process.status() == psutil.STATUS_STOPPED
    await floor.bus.ask(queue.RESUME, queue.ResumeJob(id=job.id))
    await floor.until(job, JobStatus.RUNNING)
    before = count.read_text()
    await eventually(lambda: count.read_text() not in ("", before))
    (count.parent / "enough").touch()
    assert (await floor.ended(job)).status is JobStatus.SUCCEEDED


async def test_a_job_ends_when_its_time_is_over(floor, start_agent) -> None:
    await start_agent()
    job = await floor.python("import time; time.sleep(600)", timeout_seconds=0.5)
    done = await floor.ended(job)
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "timed_out")


async def test_a_clock_that_is_an_hour_off_is_shown_and_harms_nothing(
    floor, start_agent, monkeypatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz=None) -> datetime:
            return datetime.now(tz) + timedelta(hours=1)

    hour_on = SimpleNamespace(time=lambda: time.time() + 3600)
    monkeypatch.setattr("andon.agent.adapters.machine.datetime", Ahead)
    monkeypatch.setattr("andon.agent.store.attempts.time", hour_on)
    agent = await start_agent(keep_seconds=0.01)
    job = await floor.python("import time; time.sleep(0.3)", timeout_seconds=20)
    done = await floor.ended(job)
    assert (done.status, done.attempt_no) == (JobStatus.SUCCEEDED, 1), done.error
    device = await floor.device("edge-1")
    assert device.clock_skew_seconds == pytest.approx(3600, abs=30)
    assert device.status is DeviceStatus.HEALTHY
    await agent.tidying.make_room()
    assert agent.attempts.done() == []


async def test_a_killed_keeper_is_no_fault_of_the_job(floor, start_agent, agent_settings, living) -> None:
    await start_agent()
    await floor.set(retry_first_seconds=0)
    code = "import os, time, pathlib\nif os.environ['ANDON_ATTEMPT'] == '1':\n time.sleep(600)"
    job = await floor.python(code)
    running = await floor.until(job, JobStatus.RUNNING)
    (folder,) = (agent_settings.data / "agent" / "attempts").glob(f"{job.id}.1")
    keeper = living_keeper(folder)
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    done = await floor.ended(job)
    assert (done.status, done.attempt_no) == (JobStatus.SUCCEEDED, 2)
    assert (await floor.history(job)).attempts[0].outcome is AttemptOutcome.INFRASTRUCTURE
    assert not living(running.pid)
