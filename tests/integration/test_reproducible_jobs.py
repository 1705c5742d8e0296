"""Experiments whose exact code, data and machine are known, and that run again on another machine."""

import sys
import venv
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from andon.agent.repeating import repeat
from andon.contracts.queue import JobStatus
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from agent_plant import Plant, plant

pytestmark = pytest.mark.timeout(150)

PYTHON = sys.executable
NET, NET2 = "depth = 18\n", "depth = 34\n"
UID = "20261121_a7f3"
TRAIN = """
import os, sys, time
sys.path.insert(0, "component")
from model.net import depth

plates = len(open("inputs/plates", "rb").read())
with open("train.log", "a", buffering=1) as log:
    log.write(f"depth {depth}\\n")
    while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    log.write(f"{plates} bytes\\n")
open("result.txt", "w").write(f"{depth} {plates}")
open("private.txt", "w").write("not to be sent")
"""


@pytest.fixture
async def floor(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Plant]:
    async with plant(bus_settings, mongo_settings, blob_settings, tmp_path / "server") as made:
        yield made


@pytest.fixture
async def experiment(floor: Plant) -> dict[str, object]:
    """A spec of the experiment, whose components are no longer the active ones."""
    agent, net = await floor.upload("agent/train.py", TRAIN), await floor.upload("model/net.py", NET)
    await floor.manifest(UID, {"agent/train.py": agent, "model/net.py": net})
    await floor.upload("model/net.py", NET2)
    await floor.dataset("plates", b"x" * 1000)
    return {
        "components": {"manifest": UID},
        "inputs": [{"name": "plates"}],
        "outputs": [{"name": "result", "path": "result.txt", "required": True}],
    }


@pytest.mark.long
async def test_an_experiment_runs_again_on_a_clean_machine(floor: Plant, experiment, tmp_path: Path) -> None:
    go = tmp_path / "go"
    sync = {"files": ["*.log"], "uid": "runs-7"}
    async with floor.machine(tmp_path / "edge-1"):
        job = await floor.submit(PYTHON, "agent/train.py", str(go), spec={**experiment, "sync": sync})
        await eventually(lambda: floor.synced("runs-7", "train.log"), 40)
        assert await floor.synced("runs-7", "train.log") == b"depth 18\n"
        (sender,) = [each for each in psutil.Process().children() if "sync" in each.cmdline()]
        assert floor.key not in str((sender.cmdline(), sender.environ()))
        sender.kill()
        go.touch()
        done = await floor.ended(job)
    assert done.status is JobStatus.SUCCEEDED, done.error
    assert await floor.output(done, "result") == b"18 1000"
    assert await floor.synced("runs-7", "train.log") == b"depth 18\n1000 bytes\n"
    assert await floor.status_of("runs-7") == "synced"
    assert await floor.synced("runs-7", "private.txt") is None

    record = await floor.record(done)
    assert record.components == {
        "agent/train.py": sha256(TRAIN.encode()).hexdigest(),
        "model/net.py": sha256(NET.encode()).hexdigest(),
    }
    assert [(each.name, each.sha256, each.size) for each in record.inputs] == [
        ("plates", sha256(b"x" * 1000).hexdigest(), 1000)
    ]
    assert (record.manifest, record.device, record.attempt) == (UID, "edge-1", done.attempt_no)
    assert record.environment.python == f"CPython {sys.version.split()[0]}"
    assert any(each.startswith("pydantic==") for each in record.environment.packages)

    await floor.manifest(UID, {"model/net.py": sha256(NET2.encode()).hexdigest()})
    await floor.dataset("plates", b"y" * 7)
    asked = await floor.again(job)
    assert asked.differences == ()
    assert [each.split()[0] for each in asked.notes] == ["the", "its"]
    assert asked.job is not None
    async with floor.machine(tmp_path / "edge-2"):
        again = await floor.ended(asked.job)
    assert (again.status, again.device, again.parent) == (JobStatus.SUCCEEDED, "edge-2", job.id), again.error
    assert await floor.output(again, "result") == b"18 1000"
    second = await floor.record(again)
    assert (second.components, second.environment) == (record.components, record.environment)
    assert second.inputs == record.inputs
    assert await floor.synced("runs-7", "train.log") == b"depth 18\n1000 bytes\n"
    assert await floor.synced(again.id, "train.log") == b"depth 18\n1000 bytes\n"


@pytest.mark.long
async def test_what_would_not_be_the_same_is_said(floor: Plant, experiment, tmp_path: Path, capsys) -> None:
    own = tmp_path / "python"
    venv.create(own, symlinks=True)
    program = str(own / "bin/python")
    async with floor.machine(tmp_path / "edge-1"):
        done = await floor.ended(
            await floor.submit(
                program, "agent/train.py", spec={**experiment, "files": {"uv.lock": "version = 1"}}
            )
        )
        record = await floor.record(done)
        assert (record.environment.lock, record.environment.packages) == ("uv.lock", ())
        assert record.environment.lock_sha256 == sha256(b"version = 1").hexdigest()
        (info,) = [each / "numpy-9.9.dist-info" for each in own.glob("lib/*/site-packages")]
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 9.9\n")

        asked = await floor.again(done)
        assert asked.job is not None
        other = await floor.ended(asked.job)
        assert (other.status, other.status_reason, other.attempt_no) == (JobStatus.FAILED, "not_the_same", 1)
        assert "numpy 9.9, was missing" in other.error

        anyway = await floor.again(done, anyway=True)
        assert anyway.job is not None
        ran = await floor.ended(anyway.job)
        assert ran.status is JobStatus.SUCCEEDED, ran.error
        (told,) = (await floor.record(ran)).differences
        assert "numpy 9.9, was missing" in told

    await floor.blobs.delete((await floor.record(done)).inputs[0].source)
    assert await repeat(floor.bus, floor.blobs, done.id, anyway=False, follow=False) == 1
    assert "missing: dataset plates" in capsys.readouterr().err


@pytest.mark.long
async def test_each_strategy_settles_what_the_folder_has_already(
    floor: Plant, tmp_path: Path, subtests
) -> None:
    wanted = await floor.upload("model/net.py", NET)
    code = "print(open('component/model/net.py').read(), end='')"
    files = {"component/model/net.py": "depth = 1\n"}
    mine = sha256(b"depth = 1\n").hexdigest()

    async def ran(strategy: str, **more: object):
        components = {"versions": {"model/net.py": wanted}, "conflicts": strategy}
        spec = {"components": components, **more}
        return await floor.ended(await floor.submit(PYTHON, "-c", code, spec=spec))

    async with floor.machine(tmp_path / "edge-1"):
        for strategy, output, found in (
            ("server_authoritative", "depth = 18", wanted),
            ("local_priority", "depth = 1", mine),
            ("dry_run", "depth = 1", mine),
        ):
            with subtests.test(strategy):
                done = await ran(strategy, files=files, sync={"files": ["*/model/*"]})
                kept = NET.encode() if found == wanted else b"depth = 1\n"
                assert await floor.synced(done.id, "component/model/net.py") == kept
                assert (done.status, done.output) == (JobStatus.SUCCEEDED, output), done.error
                record = await floor.record(done)
                assert record.components == {"model/net.py": found}
                assert bool(record.differences) == (found != wanted)
        with subtests.test("interactive"):
            done = await ran("interactive", files=files)
            assert (done.status, done.status_reason) == (JobStatus.FAILED, "components_differ")
            assert "model/net.py" in done.error
            assert (await ran("interactive")).output == "depth = 18"
        for spec in ({"versions": {"model/net.py": "0" * 64}}, {"manifest": "none"}):
            with subtests.test(spec):
                done = await floor.ended(await floor.submit("true", spec={"components": spec}, max_retries=3))
                assert (done.status, done.status_reason) == (JobStatus.FAILED, "component_missing"), (
                    done.error
                )
                assert done.attempt_no == 1


async def test_a_machine_without_a_gateway_says_so(floor: Plant, tmp_path: Path) -> None:
    spec = {"components": {"manifest": UID}}
    async with floor.machine(tmp_path / "edge-1", server=""):
        done = await floor.ended(await floor.submit("true", spec=spec, max_infrastructure_retries=0))
    assert (done.status, done.status_reason) == (JobStatus.FAILED, "no_server")
    assert "ANDON_AGENT__SERVER" in done.error
