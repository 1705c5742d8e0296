"""requirements.lock: exact versions with hashes, and from which project files they were resolved."""

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

PATH = "requirements.lock"
_MARK = "# resolved from pyproject files with digest "
_EXPORT = (
    "uv", "export", "-q", "--all-packages", "--all-groups", "--all-extras", "--no-extra", "gpu",
    "--no-emit-workspace", "--no-header", "--no-annotate", "--format", "requirements-txt",
)  # fmt: skip


def digest(root: Path) -> str:
    """sha256 over every dependency table of the workspace; nothing else in the project files counts."""
    files = sorted(
        [root / "pyproject.toml", *root.glob("*/pyproject.toml"), *root.glob("*/*/pyproject.toml")]
    )
    tables = {str(file.relative_to(root)): _dependencies(file) for file in files}
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def _dependencies(file: Path) -> dict[str, object]:
    content = tomllib.loads(file.read_text())
    project = content.get("project", {})
    tables: dict[str, object] = {
        name: project.get(name) for name in ("requires-python", "dependencies", "optional-dependencies")
    }
    return tables | {"dependency-groups": content.get("dependency-groups")}


def is_fresh(root: Path) -> bool:
    """Was the lock resolved from the project files as they are? Asks no index."""
    text = (root / PATH).read_text() if (root / PATH).is_file() else ""
    return text.startswith(f"{_MARK}{digest(root)}\n")


def write(root: Path) -> None:
    """Resolve anew, which asks the package index. Raises CalledProcessError where uv fails."""
    subprocess.run(("uv", "lock", "-q"), cwd=root, check=True)
    exported = subprocess.run(_EXPORT, cwd=root, check=True, capture_output=True, text=True).stdout
    (root / PATH).write_text(f"{_MARK}{digest(root)}\n{exported}")
