"""What a running stack tells other commands about itself, in `state.json` of its data folder."""

import json
import os
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

_FILE = "state.json"


@dataclass
class ServiceState:
    """One service as the stack's parent sees it."""

    pid: int | None = None
    ready: bool = False
    health_port: int | None = None
    http_port: int | None = None
    restarts: int = 0


@dataclass
class StackState:
    """A running `andon up`."""

    pid: int
    started: float
    """When that process began, seconds of the epoch."""
    ready: bool = False
    """Whether every service was ready once."""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """Variables under which its servers are found; passwords are among them."""
    servers: dict[str, str] = field(default_factory=dict[str, str])
    """Addresses by need, without passwords."""
    services: dict[str, ServiceState] = field(default_factory=dict[str, ServiceState])
    url: str | None = None
    """Where the gateway listens."""
    opcua_url: str | None = None

    @classmethod
    def of_this_process(cls) -> "StackState":
        """Nothing started yet."""
        return cls(pid=os.getpid(), started=psutil.Process().create_time())

    def write(self, data: Path) -> None:
        """Replace the file at once, readable by its owner alone."""
        scratch = data / f".{_FILE}.{os.getpid()}"
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(asdict(self), out, indent=1)
        scratch.replace(data / _FILE)


def data_folder() -> Path:
    """The folder that ANDON_DATA names, else `.andon` here."""
    return Path(os.environ.get("ANDON_DATA") or ".andon")


def running_stack(data: Path) -> StackState | None:
    """The stack that runs over this folder now; None when there is none."""
    try:
        content: dict[str, Any] = json.loads((data / _FILE).read_text())
        services = {name: ServiceState(**each) for name, each in content.pop("services").items()}
        state = StackState(**content, services=services)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none was ever started here, or by another version
    return state if _lives(state.pid, state.started) else None


def forget(data: Path) -> None:
    """Called by the stack at its end."""
    (data / _FILE).unlink(missing_ok=True)


def adopt(data: Path, environment: MutableMapping[str, str] = os.environ) -> StackState | None:
    """Let this process's Settings find the running stack; whatever the environment names itself wins.

    Whole blocks win: with an ANDON_BUS__URL of one's own, the stack's bus password is not used either.
    """
    state = running_stack(data)
    if state is None:
        return None
    own = {key.split("__", 1)[0] for key in environment if key.startswith("ANDON_")}
    for key, value in state.environment.items():
        if key.split("__", 1)[0] not in own:
            environment[key] = value
    return state


def _lives(pid: int, started: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - started) < 1.0
    except psutil.Error:
        return False  # also where another process has got the number since
