"""An optional package is found where setup puts it, and nowhere else; looking loads nothing."""

import sys
from pathlib import Path

import pytest

from andon.runtime import optional


def test_it_is_found_in_an_environment_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert optional("nowhere") is None

    lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = tmp_path / ".venv-nowhere" / "lib" / lib / "site-packages"
    (folder / "nowhere").mkdir(parents=True)
    assert optional("nowhere") is None

    (folder / "nowhere" / "__init__.py").write_text("raise SystemExit")
    assert optional("nowhere") == folder


def test_one_of_this_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "anywhere").mkdir()
    (tmp_path / "anywhere" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert optional("anywhere") == tmp_path
