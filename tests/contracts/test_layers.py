"""The layers of the code are what they should be, and a planted violation is found."""

import os
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sysconfig.get_path("scripts")) / "lint-imports"
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def folders():
    """Every distribution of the workspace, relative to the root."""
    return [each.parent.relative_to(ROOT) for each in ROOT.glob("*/pyproject.toml")] + [
        each.parent.relative_to(ROOT) for each in ROOT.glob("*/*/pyproject.toml")
    ]


def packages(folder):
    return {
        f"andon.{each.name}"
        for each in (ROOT / folder / "andon").iterdir()
        if (each / "__init__.py").exists()
    }


@pytest.fixture
def tree(tmp_path):
    """A copy of the source, to spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in folders():
        shutil.copytree(
            ROOT / folder / "andon", tmp_path / folder / "andon", ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path


def lint(tree):
    """Exit status and output of the linter over a tree."""
    path = os.pathsep.join(str(tree / folder) for folder in folders())
    done = subprocess.run(
        [LINT, "--no-cache"],
        cwd=tree, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def plant(tree, file, line):
    target = tree / file
    before = target.read_text() if target.exists() else '"""Planted."""\n'
    target.write_text(f"{before}\n{line}\n")


def test_the_tree_as_it_is_keeps_every_contract(tree):
    status, said = lint(tree)
    assert status == 0, said


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("libs/telemetry/andon/telemetry/metrics.py", "import andon.messaging", "Libraries"),
        ("libs/storage/andon/storage/__init__.py", "import andon.messaging", "Libraries"),
        ("services/auth/andon/auth/app.py", "import andon.inspection", "Libraries"),
        ("services/auth/andon/auth/app.py", "import andon.testing", "What serves"),
        ("services/alerting/andon/alerting/store/alerts.py", "import nats", "The broker's client"),
        ("contracts/andon/contracts/inspection.py", "import numpy", "Contracts need pydantic alone"),
        ("services/training/andon/training/fitting/lesson.py", "import torch", "torch is"),
        ("services/alerting/andon/alerting/domain/scopes.py", "import andon.alerting.store", "alerting"),
        ("services/inspection/andon/inspection/utils.py", "import json", "inspection"),
        ("services/gateway/andon/gateway/helpers.py", "import json", "gateway"),
    ],
    ids=lambda value: value.rsplit("/", 1)[-1],
)
def test_a_planted_violation_is_found(tree, file, line, broken):
    plant(tree, file, line)
    status, said = lint(tree)
    assert status == 1, said
    assert [each for each in said.splitlines() if each.startswith(broken) and " BROKEN" in each], said


def test_every_package_of_the_workspace_is_looked_at():
    found = set().union(*(packages(folder) for folder in folders()))
    assert found == set(CONFIG["root_packages"])


def test_every_service_names_all_its_modules():
    services = set().union(*(packages(folder) for folder in folders() if folder.parts[0] == "services"))
    exhaustive = {
        container
        for contract in CONFIG["contracts"]
        if contract.get("exhaustive")
        for container in contract["containers"]
    }
    assert exhaustive == services
