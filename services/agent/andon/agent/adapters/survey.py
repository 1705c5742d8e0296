"""Looks at what a job's program will meet: interpreter, packages, platform, and the lock file it brought."""

import asyncio
import json
import os
import platform
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from andon.contracts.queue import Environment

LOCKS = (
    "uv.lock",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "conda-lock.yml",
    "requirements.lock",
    "requirements.txt",
)
_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
_SECONDS = 30.0
_MOST_BYTES = 8 << 20
_MOST_PACKAGES = 5000
_LONGEST = 256
_ASK = """
import json, os, platform, sys
from importlib.metadata import distributions

def told(each):
    direct = json.loads(each.read_text("direct_url.json") or "{}")
    commit = direct.get("vcs_info", {}).get("commit_id", "")
    editable = " (editable)" if direct.get("dir_info", {}).get("editable") else ""
    return f"{each.metadata['Name']}=={each.version}{'@' + commit if commit else ''}{editable}"

print(json.dumps({
    "python": f"{platform.python_implementation()} {platform.python_version()}",
    "folders": [each for each in sys.path if os.path.isdir(each)],
    "packages": sorted({told(each) for each in distributions()}),
}))
"""


@dataclass(frozen=True)
class _Known:
    """An interpreter's answer, and the folders that change when a package comes or goes."""

    stamps: tuple[tuple[str, int], ...]
    python: str
    packages: tuple[str, ...]


@dataclass
class Survey:
    _known: dict[tuple[str, int], _Known] = field(default_factory=dict[tuple[str, int], _Known])

    async def look(self, start: Mapping[str, Any], work: Path) -> Environment:
        """As the process that `start` describes will meet it. Runs no program of the job's own folder."""
        found = await asyncio.to_thread(_interpreter, start["argv"], start["env"], Path(start["cwd"]), work)
        known = await self._asked(found) if found is not None else None
        name, digest = await asyncio.to_thread(_lock, (Path(start["cwd"]), work))
        lines = known.packages if known else ()
        text = "".join(f"{line}\n" for line in lines)
        return Environment(
            python=known.python if known else "",
            platform=_platform(),
            packages=lines,
            packages_sha256=sha256(text.encode()).hexdigest() if known else None,
            lock=name,
            lock_sha256=digest,
        )

    async def _asked(self, interpreter: Path) -> _Known | None:
        key = str(interpreter), os.stat(interpreter).st_mtime_ns  # noqa: PTH116 - a plain call
        known = self._known.get(key)
        if known is None or known.stamps != _stamps([folder for folder, _ in known.stamps]):
            known = await _answer(interpreter)
            if known is not None:
                self._known[key] = known
        return known


async def _answer(interpreter: Path) -> _Known | None:
    """None from what is no Python, or answers nothing in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            interpreter, "-I", "-c", _ASK,
            stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/", limit=_MOST_BYTES,
        )  # fmt: skip
    except OSError:
        return None
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        async with asyncio.timeout(_SECONDS):
            told = json.loads(await process.stdout.readuntil(b"\n"))
        packages = tuple(str(each)[:_LONGEST] for each in told["packages"][:_MOST_PACKAGES])
        return _Known(_stamps(told["folders"]), str(told["python"])[:_LONGEST], packages)
    except (
        TimeoutError,
        ValueError,
        KeyError,
        TypeError,
        asyncio.IncompleteReadError,
        asyncio.LimitOverrunError,
    ):
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _interpreter(argv: Sequence[str], env: Mapping[str, str], cwd: Path, work: Path) -> Path | None:
    """The one that the command or its first line names, else the first on its PATH; none of the job's own."""
    program = _found(argv[0], env, cwd)
    if program is not None and not _PYTHON.fullmatch(program.name):
        named = _named_in(program)
        program = _found(named, env, cwd) if named else None
    if program is None:
        program = _found("python", env, cwd) or _found("python3", env, cwd)
    if program is None or not program.is_file():
        return None
    own = any(each.is_relative_to(work) for each in (program, program.resolve()))
    return None if own else program


def _found(name: str, env: Mapping[str, str], cwd: Path) -> Path | None:
    if "/" in name:
        return cwd / name
    found = shutil.which(name, path=env.get("PATH", ""))
    return None if found is None else cwd / found


def _named_in(script: Path) -> str | None:
    """Of a script, the Python that its first line names."""
    try:
        with script.open("rb") as opened:
            line = opened.readline(_LONGEST)
    except OSError:
        return None
    if not line.startswith(b"#!"):
        return None
    words = [os.fsdecode(word) for word in line[2:].split()]
    return next((word for word in words if _PYTHON.fullmatch(Path(word).name)), None)


def _lock(folders: Sequence[Path]) -> tuple[str, str | None]:
    for folder in folders:
        for name in LOCKS:
            file = folder / name
            with suppress(OSError):
                if file.is_file() and file.stat().st_size <= _MOST_BYTES:
                    return name, sha256(file.read_bytes()).hexdigest()
    return "", None


def _stamps(folders: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for folder in folders:
        with suppress(OSError):
            found.append((folder, os.stat(folder).st_mtime_ns))  # noqa: PTH116 - a plain call
    return tuple(found)


def _platform() -> str:
    library, version = platform.libc_ver()
    return f"{platform.system()} {platform.machine()} {library}{version}".strip()
