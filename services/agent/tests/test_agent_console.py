"""`andon jobs` and `andon job` against a real queue."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from andon.agent import screen
from andon.contracts.queue import Job, Jobs, JobStatus

EXAMPLE = Path(__file__).parents[3] / "contracts" / "examples" / "queue.job.get.v1.reply.json"


@pytest.fixture
def andon(agent_settings) -> Callable[..., Awaitable[tuple[int, str]]]:
    """Runs the command as people do; gives its exit status and what it printed."""
    s3 = agent_settings.s3
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")} | {
        "ANDON_BUS__URL": agent_settings.bus.url,
        "ANDON_S3__ENDPOINT": s3.endpoint,
        "ANDON_S3__ACCESS_KEY": s3.access_key,
        "ANDON_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
        "ANDON_S3__BUCKET": s3.bucket,
        "COLUMNS": "200",
    }

    async def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-c", "from andon.runtime.cli import main; main()", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, out.decode()

    return run


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_a_job_is_submitted_followed_and_listed(engine, floor, start_agent, andon) -> None:
    await start_agent()
    code = (
        "import time\nfor n in range(5):\n"
        " print(f'line {n}', flush=True); print(f'::andon progress={n / 4}'); time.sleep(.3)"
    )
    status, said = await andon(
        "job", "submit", "--name", "count", "--follow", "--", sys.executable, "-c", code
    )
    assert status == 0, said
    assert [f"line {n}" in said for n in range(5)] == [True] * 5
    assert "succeeded" in said
    assert "100%" in said
    job_id = said.split()[0]
    status, said = await andon("jobs")
    assert (status, "count" in said, job_id in said) == (0, True, True)
    status, said = await andon("job", job_id)
    assert (status, "edge-1" in said) == (0, True)


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_a_job_is_cancelled_and_what_is_unknown_is_one_line(engine, floor, andon) -> None:
    job = await floor.submit("sleep", "600")
    status, said = await andon("job", "cancel", job.id)
    assert (status, "cancelled" in said) == (0, True)
    assert (await floor.get(job)).status is JobStatus.CANCELLED
    status, said = await andon("job", "$(id)")
    assert (status, len(said.strip().splitlines())) == (1, 1)
    assert "no job" in said


@pytest.mark.parametrize("width", [80, 160])
def test_a_list_of_jobs_fits_its_terminal(width: int) -> None:
    now = datetime.now(UTC)
    job = Job.model_validate(
        {
            **json.loads(EXAMPLE.read_text()),
            "name": "night training of press 7",
            "status": "running",
            "progress": 0.5,
            "created_at": now - timedelta(hours=2),
            "device": "edge-1",
        }
    )
    file = io.StringIO()
    screen.show_jobs(Jobs(jobs=(job,), total=3), Console(width=width, file=file))
    said = file.getvalue()
    assert [word for word in (job.id, "night", "running", "50%", "1 of 3") if word not in said] == []
    assert ("edge-1" in said) is (width == 160)
