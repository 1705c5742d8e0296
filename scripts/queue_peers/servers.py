"""Processes of a measurement: servers that have everything on the disk, and the peers' own Python."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from andon.runtime.embedded import Server, dies_with_parent, free_ports

PEERS = Path(__file__).parent
PLACE = PEERS.parent.parent / ".venv-peers"
PACKAGES = ("taskiq==0.13.0", "taskiq-nats==0.7.0", "celery[redis]==5.7.0")


def peers() -> Path:
    """The peers' own Python: none of it is part of Andon."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", "--python", "3.11", str(PLACE)], check=True)
    subprocess.run(["uv", "pip", "install", "-q", "--python", str(python), *PACKAGES], check=True)
    return python


@contextmanager
def processes(commands: list[list[str]], env: dict[str, str]) -> Iterator[list[psutil.Process]]:
    quiet = subprocess.DEVNULL
    dies = dies_with_parent()
    started = [
        subprocess.Popen(each, env=env, cwd=PEERS, stdout=quiet, stderr=quiet, preexec_fn=dies)  # noqa: PLW1509 - no thread of ours holds a lock that it needs
        for each in commands
    ]
    try:
        yield [psutil.Process(each.pid) for each in started]
    finally:
        for each in started:
            each.terminate()
        for each in started:
            try:
                each.wait(15)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def strict(server: Server, folder: Path) -> Server:
    """A broker that has every message on the disk before it says so, as the database has every write."""
    config = folder / "nats.conf"
    options = json.loads(config.read_text())
    options["jetstream"]["sync_interval"] = "always"
    config.write_text(json.dumps(options))
    return server


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """A Redis that has every command on the disk before it answers."""
    (port,) = free_ports(1)
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed: apt-get install redis-server")
    folder.mkdir()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    command = [program, *options, "--appendonly", "yes", "--appendfsync", "always"]
    with processes([command], dict(os.environ)):
        yield port
