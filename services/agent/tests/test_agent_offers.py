"""What an agent says of itself that it has, so that jobs which need it find it."""

import sys
from pathlib import Path

import pytest

from andon.agent.adapters.machine import Machine
from andon.agent.app import AgentBlock, _identity


def test_torch_is_told_only_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert _identity(AgentBlock(labels=("hall-2",))).labels == ("hall-2", "jupyterlab", "training")
    assert Machine(tmp_path).facts().torch_version is None

    lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = tmp_path / ".venv-torch" / "lib" / lib / "site-packages"
    (folder / "torch").mkdir(parents=True)
    (folder / "torch" / "__init__.py").write_text("raise SystemExit")
    (folder / "torch-2.13.0+cpu.dist-info").mkdir()
    (folder / "torch-2.13.0+cpu.dist-info" / "METADATA").write_text("Name: torch\nVersion: 2.13.0+cpu\n")

    assert _identity(AgentBlock()).labels == ("jupyterlab", "training", "torch")
    assert Machine(tmp_path).facts().torch_version == "2.13.0+cpu"
    assert "torch" not in sys.modules
