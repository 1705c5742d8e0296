"""What a job meets on a machine, and what of it is other than before."""

import sys
from pathlib import Path

import pytest

from andon.agent.adapters.survey import Survey
from andon.agent.domain.likeness import differing, pinned
from andon.contracts.queue import Components, Environment, Given, Input, Spec

ONE, TWO = "1" * 64, "2" * 64
HERE = Environment(
    python="CPython 3.11.9",
    platform="Linux x86_64 glibc2.39",
    packages=("numpy==2.3.4", "torch==2.9"),
    packages_sha256=ONE,
    lock="uv.lock",
    lock_sha256=ONE,
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"python": "CPython 3.12.1"}, "it ran on CPython 3.11.9; here is CPython 3.12.1"),
        ({"python": "", "packages_sha256": ONE}, "here is no Python"),
        ({"platform": "Linux aarch64 glibc2.39"}, "this is Linux aarch64"),
        ({"lock_sha256": TWO}, f"its lock file was uv.lock {ONE}; here it is uv.lock {TWO}"),
        ({"lock": "", "lock_sha256": None}, "here it is none"),
        (
            {"packages": ("numpy==2.3.5", "scipy==1.0"), "packages_sha256": TWO},
            "3 packages are other ones: numpy 2.3.5, was 2.3.4; scipy 1.0, was missing; torch is missing",
        ),
    ],
)
def test_each_thing_that_is_other_is_a_sentence(changes: dict[str, object], words: str) -> None:
    (told,) = differing(HERE, HERE.model_copy(update=changes))
    assert words in told


def test_what_is_alike_has_no_differences() -> None:
    assert differing(HERE, HERE.model_copy()) == ()


def test_names_are_bound_to_the_bytes_they_stood_for() -> None:
    spec = Spec(
        snapshot_id="night-run",
        inputs=(Input(name="plates", mount_path="data/plates"),),
        components=Components(manifest="20261121_a7f3"),
    )
    given = (
        Given(name="night-run", kind="snapshot", source="archives/a", sha256=ONE, size=1),
        Given(name="plates", source="archives/b", sha256=TWO, size=2),
    )
    exact = pinned(spec, given, {"model/net.py": ONE})
    assert exact.snapshot_id is None
    assert [(each.kind, each.source, each.sha256, each.mount_path) for each in exact.inputs] == [
        ("snapshot", "archives/a", ONE, None),
        ("dataset", "archives/b", TWO, "data/plates"),
    ]
    assert exact.components == Components(versions={"model/net.py": ONE})


async def test_an_interpreter_is_found_as_the_job_will_find_it(tmp_path: Path) -> None:
    script = tmp_path / "tool"
    script.write_text(f"#!{sys.executable}\n")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    survey = Survey()
    by_name = await survey.look(start(sys.executable, cwd=tmp_path), tmp_path / "work")
    by_script = await survey.look(start(str(script), cwd=tmp_path), tmp_path / "work")
    by_path = await survey.look(start("/bin/sh", cwd=tmp_path), tmp_path / "work")
    assert by_name == by_script == by_path
    assert by_name.python.endswith(sys.version.split()[0])
    assert (by_name.lock, len(by_name.packages) > 5) == ("requirements.txt", True)


async def test_no_program_of_the_job_s_own_folder_is_run_to_look_at_it(tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    program.chmod(0o755)
    for command in ("./python3", str(program), "python3"):
        found = await Survey().look(start(command, cwd=tmp_path, path=str(tmp_path)), tmp_path)
        assert (found.python, found.packages_sha256) == ("", None)
    assert not (tmp_path / "was-run").exists()


def start(program: str, *, cwd: Path, path: str = str(Path(sys.executable).parent)) -> dict[str, object]:
    return {"argv": [program], "env": {"PATH": path}, "cwd": str(cwd)}
