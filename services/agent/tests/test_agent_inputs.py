"""What a job begins with: checked, fetched once, and never trusted."""

import io
import os
import sys
import tarfile
from hashlib import sha256

import pytest

from andon.contracts.queue import JobStatus

PYTHON = sys.executable

pytestmark = pytest.mark.usefixtures("engine")


async def test_inputs_are_checked_and_fetched_once(floor, start_agent) -> None:
    await start_agent()
    data = os.urandom(100_000)
    digest = sha256(data).hexdigest()
    await floor.blobs.put("datasets/plates", data)
    wanted = {"name": "plates", "sha256": digest, "mount_path": "data/plates.bin"}
    code = "import hashlib; print(hashlib.sha256(open('data/plates.bin', 'rb').read()).hexdigest())"
    first = await floor.ended(await floor.python(code, spec={"inputs": [wanted]}))
    assert first.status is JobStatus.SUCCEEDED, first.error
    assert (await floor.output(first.logs["stdout"])).decode().strip() == digest
    await floor.blobs.delete("datasets/plates")
    again = await floor.ended(await floor.python(code, spec={"inputs": [wanted]}))
    assert again.status is JobStatus.SUCCEEDED, again.error


async def test_archives_are_found_by_their_names_and_checked(floor, start_agent) -> None:
    await start_agent()
    data, code = b"plates", tar_of({"main.py": b"print(open('inputs/plates').read())"})
    await floor.register("dataset", "plates", data)
    await floor.register("snapshot", "night-run", code)
    wanted = {"inputs": [{"name": "plates"}], "snapshot_id": "night-run"}
    done = await floor.ended(await floor.submit(PYTHON, "main.py", spec=wanted))
    assert (done.status, done.output) == (JobStatus.SUCCEEDED, "plates"), done.error
    await floor.register("dataset", "tampered", data)
    await floor.blobs.put(f"archives/{sha256(data).hexdigest()}", b"other bytes")
    wanted = {"inputs": [{"name": "tampered", "sha256": sha256(b"other bytes").hexdigest()}]}
    fine = await floor.ended(await floor.submit("true", spec=wanted))
    assert fine.status is JobStatus.SUCCEEDED, fine.error


async def test_an_input_that_is_another_or_none_fails_without_retry(floor, start_agent) -> None:
    await start_agent()
    await floor.blobs.put("datasets/plates", b"tampered with")
    wanted = {"name": "plates", "sha256": sha256(b"as it was").hexdigest()}
    other = await floor.python("open('/dev/null')", spec={"inputs": [wanted]}, max_retries=3)
    none = await floor.python(
        "pass", spec={"inputs": [{"name": "gone", "source": "no/such $(key)"}]}, max_retries=3
    )
    web = await floor.python("pass", spec={"inputs": [{"name": "w", "source": "http://169.254.169.254/"}]})
    for job, reason in ((other, "hash_mismatch"), (none, "input_missing"), (web, "url_not_allowed")):
        done = await floor.ended(job)
        assert (done.status, done.status_reason, done.attempt_no) == (JobStatus.FAILED, reason, 1)
        assert done.pid is None


async def test_a_snapshot_is_unpacked_where_the_job_runs(floor, start_agent) -> None:
    await start_agent()
    packed = tar_of({"code/main.py": b"print('ran it')", "code/run": b"#!/bin/sh\necho ran\n"})
    digest = sha256(packed).hexdigest()
    await floor.blobs.put(f"snapshots/{digest}", packed)
    done = await floor.ended(
        await floor.submit("./run", spec={"snapshot_id": digest, "working_directory": "code"})
    )
    assert done.status is JobStatus.SUCCEEDED, done.error
    assert await floor.output(done.logs["stdout"]) == b"ran\n"


def tar_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()
