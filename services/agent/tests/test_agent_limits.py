"""What a job may take of its machine: cores, memory, disk."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from andon.agent.adapters.cgroups import Cgroups, of_this_machine
from andon.contracts.queue import JobStatus, Requirements

HERE = of_this_machine()
bounded = pytest.mark.skipif(
    HERE.unified is None and not {"cpu", "memory"} <= set(HERE.split), reason="this machine gives no cgroups"
)


def groups_left() -> list[Path]:
    """Of ours, such as ended jobs should not leave."""
    parents = {HERE.unified, *HERE.split.values()} - {None}
    return [folder for parent in parents if parent for folder in parent.glob("andon-*")]


@pytest.mark.usefixtures("engine")
async def test_a_job_gets_the_memory_it_asked_for(floor, start_agent) -> None:
    await start_agent()
    job = await floor.python("b = bytearray(600 << 20)", requirements=Requirements(memory_gb=0.2))
    done = await floor.ended(job)
    assert done.status is JobStatus.FAILED
    assert "MemoryError" in done.error


@bounded
@pytest.mark.usefixtures("engine")
async def test_all_processes_of_a_job_share_the_memory_it_asked_for(floor, start_agent) -> None:
    await start_agent()
    code = (
        "import os, sys\nfor _ in range(6):\n if os.fork() == 0:\n"
        "  b = b'x' * (60 << 20); os.pause() if hasattr(os, 'pause') else __import__('signal').pause()\n"
        "_, status = os.wait(); sys.exit(os.waitstatus_to_exitcode(status) != 0)"
    )
    done = await floor.ended(await floor.python(code, requirements=Requirements(memory_gb=0.2)))
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "out_of_memory"), done.error
    assert not [folder for folder in groups_left() if done.id in folder.name]


@pytest.mark.long
@bounded
@pytest.mark.usefixtures("engine")
async def test_a_job_gets_the_cores_it_asked_for(floor, start_agent) -> None:
    await start_agent()
    code = (
        "import time; end = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass\n"
        "print(time.process_time() / 1.5)"
    )
    done = await floor.ended(await floor.python(code, requirements=Requirements(cpu=0.2)))
    assert done.status is JobStatus.SUCCEEDED, done.error
    share = float(await floor.output(done.logs["stdout"]))
    assert share < 0.35


def test_groups_of_version_2_are_made_beside_the_agents_own(tmp_path: Path) -> None:
    tree = tmp_path / "fs" / "system.slice" / "andon-agent.service"
    (tree / "agent").mkdir(parents=True)
    (tree / "cgroup.subtree_control").touch()
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cgroup").write_text("0::/system.slice/andon-agent.service/agent\n")
    mount = f"29 22 0:26 / {tmp_path / 'fs'} rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    (tmp_path / "proc" / "mountinfo").write_text(mount)
    groups = of_this_machine(tmp_path / "proc")
    assert groups == Cgroups(unified=tree)
    (folder,) = groups.make("andon-j.1", 1.5, 2 * 10**9)
    written = {file.name: file.read_text() for file in Path(folder).iterdir()}
    assert written == {"cpu.max": "150000 100000", "memory.max": "2000000000", "memory.oom.group": "1"}
    assert not groups.was_starved("andon-j.1")
    (Path(folder) / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert groups.was_starved("andon-j.1")
    assert groups.make("andon-j.2", 0, None) == []


def test_without_a_delegated_group_nothing_is_touched(tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("0::/user.slice/session-1.scope\n")
    (tmp_path / "mountinfo").write_text("29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    assert of_this_machine(tmp_path) == Cgroups()
    assert of_this_machine(tmp_path / "no proc at all") == Cgroups()
    assert Cgroups().make("andon-j.1", 2, 10**9) == []


@pytest.mark.usefixtures("engine")
async def test_a_job_gets_the_disk_it_asked_for(floor, start_agent, agent_settings, living) -> None:
    await start_agent()
    one = await floor.python(
        "open('big', 'wb').write(bytes(40 << 20))", requirements=Requirements(disk_gb=0.01)
    )
    code = (
        "import time\nfor n in range(8): open(f'part{n}', 'wb').write(bytes(4 << 20))\n"
        "__import__('os').fork(); time.sleep(600)"
    )
    many = await floor.python(code, requirements=Requirements(disk_gb=0.01), spec={"kill_after_seconds": 60})
    done = await floor.ended(one)
    assert done.status is JobStatus.FAILED
    assert "File too large" in done.error
    done = await floor.ended(many)
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "disk_full")
    assert "it asked for 0.01 GB" in done.error
    assert not living(done.pid)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of 48 MB, on machines that let us mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "andon-test", place], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.long
@pytest.mark.usefixtures("engine")
async def test_the_job_that_fills_the_disk_ends_and_its_neighbour_goes_on(
    floor, start_agent, agent_settings, small_disk: Path, tmp_path: Path
) -> None:
    await start_agent(data=small_disk / "edge-1", reserve_gb=0.02, slots=2)
    go = tmp_path / "go"
    code = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)\nprint('went on')"
    neighbour = await floor.python(code, str(go))
    await floor.until(neighbour, JobStatus.RUNNING)
    greedy = (
        "import time\ntry:\n with open('all', 'wb') as out:\n  while True: out.write(bytes(1 << 20))\n"
        "except OSError: pass\ntime.sleep(600)"
    )
    done = await floor.ended(await floor.python(greedy))
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "disk_full")
    assert "the most on it" in done.error
    go.touch()
    done = await floor.ended(neighbour)
    assert done.status is JobStatus.SUCCEEDED, done.error
    assert await floor.output(done.logs["stdout"]) == b"went on\n"
    after = await floor.ended(await floor.submit("true"))
    assert after.status is JobStatus.SUCCEEDED, after.error
    assert psutil.disk_usage(os.fspath(small_disk)).free > 20_000_000
