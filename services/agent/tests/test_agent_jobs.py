"""Jobs that an agent runs, from the queue and back to it."""

import asyncio
import json
from hashlib import sha256
from itertools import pairwise

import pytest

from andon.contracts.queue import JobStatus
from andon.testing import eventually

pytestmark = pytest.mark.usefixtures("engine")

BOMB = "a: &a [x, x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghijkl"))
"""YAML that would be half a million words, were it loaded."""
NASTY = "$(touch pwned); `touch pwned` | touch pwned && * ? ~ > pwned \\ \" ' \n %PATH% ${HOME} #"


async def test_a_job_runs_and_tells_how_it_went(floor, start_agent) -> None:
    await start_agent()
    code = (
        "import sys; print('::andon progress=0.5 epoch=3 loss=0.25 message=\"half way\"');"
        "print('hello'); print('oh', file=sys.stderr); open('result.txt', 'w').write('42')"
    )
    wanted = [{"name": "result", "path": "result.txt", "required": True}]
    job = await floor.python(code, spec={"outputs": wanted})
    done = await floor.ended(job)
    assert (done.status, done.exit_code, done.error) == (JobStatus.SUCCEEDED, 0, "")
    assert (done.step, done.metrics, done.progress_message) == (3, {"loss": 0.25}, "half way")
    (kept,) = done.outputs
    assert (kept.name, kept.size, kept.sha256) == ("result", 2, sha256(b"42").hexdigest())
    assert await floor.blobs.get(kept.key) == b"42"
    assert (await floor.output(done.logs["stdout"])).splitlines()[-1] == b"hello"
    assert await floor.output(done.logs["stderr"]) == b"oh\n"
    seen = [entry.status for entry in (await floor.history(job)).entries]
    assert seen == ["queued", "leased", "preparing", "running", "collecting", "succeeded"]


async def test_what_fails_says_why(floor, start_agent) -> None:
    await start_agent()
    await floor.set(retry_first_seconds=0)
    unknown = await floor.submit("/no/such/program", max_retries=3)
    folder = await floor.submit("true", spec={"working_directory": "nowhere"}, max_retries=3)
    nothing = await floor.submit(max_retries=3)
    broken = await floor.python("import sys; sys.exit('the loss is not a number')", max_retries=1)
    bare = await floor.python(
        "pass", spec={"outputs": [{"name": "model", "path": "*.onnx", "required": True}]}
    )
    for job, reason in (
        (unknown, "command_not_found"),
        (folder, "no_working_directory"),
        (nothing, "no_command"),
    ):
        done = await floor.ended(job)
        assert (done.status, done.status_reason, done.attempt_no) == (JobStatus.FAILED, reason, 1)
    assert "/no/such/program" in (await floor.get(unknown)).error
    done = await floor.ended(broken)
    assert (done.status, done.exit_code, done.attempt_no) == (JobStatus.FAILED, 1, 2)
    assert "the loss is not a number" in done.error
    done = await floor.ended(bare)
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "missing_output")


async def test_nothing_goes_through_a_shell(floor, start_agent, agent_settings) -> None:
    await start_agent()
    code = (
        "import json, os, sys;"
        "json.dump([sys.argv[1:], os.environ['NASTY'], sorted(os.listdir('.'))], open('seen.json', 'w'));"
        "open('$(touch pwned);*', 'w').write('x')"
    )
    spec = {
        "env": {"NASTY": NASTY},
        "files": {"$(touch pwned).txt": NASTY, "config.yaml": BOMB},
        "working_directory": None,
        "outputs": [
            {"name": "seen; $(touch pwned)", "path": "seen.json"},
            {"name": "all", "path": "$(touch pwned);[*]"},
        ],
    }
    job = await floor.python(code, NASTY, "*", name="$(touch pwned); `id`", project="a; b", spec=spec)
    done = await floor.ended(job)
    assert done.status is JobStatus.SUCCEEDED, done.error
    seen = next(each for each in done.outputs if each.name == "seen; $(touch pwned)")
    assert json.loads(await floor.blobs.get(seen.key)) == [
        [NASTY, "*"],
        NASTY,
        ["$(touch pwned).txt", "config.yaml"],
    ]
    (odd,) = [each for each in done.outputs if each.name.startswith("all/")]
    assert await floor.blobs.get(odd.key) == b"x"
    assert not list(agent_settings.data.rglob("pwned"))


async def test_a_job_sees_little_of_the_agents_environment(floor, start_agent, monkeypatch) -> None:
    monkeypatch.setenv("ANDON_S3__SECRET_KEY", "do not tell")
    monkeypatch.setenv("SOME_TOKEN", "do not tell")
    await start_agent()
    job = await floor.python("import os; print(sorted(os.environ)); print(os.getcwd() == os.environ['HOME'])")
    done = await floor.ended(job)
    names, home = (await floor.output(done.logs["stdout"])).decode().splitlines()
    assert home == "True"
    assert "ANDON_JOB_ID" in names
    assert "TOKEN" not in names
    assert "S3" not in names


@pytest.mark.parametrize("blocks", [800, pytest.param(16384, marks=pytest.mark.slow)], ids=["52 MB", "1 GB"])
async def test_a_flood_of_output_is_bounded(floor, start_agent, agent_settings, blocks: int) -> None:
    agent = await start_agent(log_mebibytes=4)
    code = (
        "import os\nblock = b'x' * 65535 + b'\\n'\nos.write(1, b'first\\n')\n"
        f"for _ in range({blocks}): os.write(1, block)\n"
        "os.write(1, b'::andon progress=0.9\\nlast\\n')"
    )
    job = await floor.python(code)
    done = await floor.ended(job, within=50)
    assert (done.status, done.progress) == (JobStatus.SUCCEEDED, 1.0), done.error
    log = done.logs["stdout"]
    assert (log.size, log.truncated) == (blocks * 65536 + len("first\n::andon progress=0.9\nlast\n"), True)
    kept = await floor.output(log)
    assert kept.startswith(b"first\n")
    assert kept.endswith(b"last\n")
    assert len(kept) <= 4 << 20
    on_disk = sum(file.stat().st_size for file in agent_settings.data.rglob("log/stdout/*"))
    assert on_disk <= 4 << 20
    assert agent.active == []


async def test_without_room_on_the_disk_no_job_is_taken(floor, start_agent) -> None:
    await start_agent(reserve_gb=10**6)
    job = await floor.submit("true")
    device = await floor.device("edge-1")
    assert (device.slots, device.facts.disk_free) == (0, 0)
    assert device.facts.memory_total > 0
    assert device.facts.cpu_cores >= 1
    assert (await floor.get(job)).status is JobStatus.QUEUED


async def test_several_jobs_run_side_by_side_within_what_there_is(floor, start_agent, tmp_path) -> None:
    await start_agent(slots=3)
    code = (
        "import os, sys, time\nopen(os.path.join(sys.argv[1], os.environ['ANDON_JOB_ID']), 'w')\n"
        "while not os.path.exists(sys.argv[1] + '/go'): time.sleep(0.02)"
    )
    jobs = [await floor.python(code, str(tmp_path)) for _ in range(4)]
    running = lambda: [each for each in tmp_path.iterdir() if len(each.name) == 36]  # noqa: E731
    await eventually(lambda: len(running()) == 3)
    await asyncio.sleep(0.3)  # long enough for a fourth, were it taken
    assert len(running()) == 3
    (tmp_path / "go").touch()
    assert [(await floor.ended(job)).status for job in jobs] == [JobStatus.SUCCEEDED] * 4
