"""A running Andon as the end-to-end tests know it: its addresses, its commands, its processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx

from andon.runtime.state import running_stack

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
ANDON = Path(sys.executable).parent / "andon"
STATION = "plate"
GOOD_PARTS = 30
START_SECONDS = 120.0
HURRY = {"ANDON_LIMITS__LOGIN_PER_MINUTE": "1000", "ANDON_LIMITS__OTHERS_PER_MINUTE": "100000"}
"""These tests do in a minute what a person does in an hour."""
DASHBOARD = {name: os.environ[name] for name in ("ANDON_WEB__DASHBOARD",) if name in os.environ}
"""Of whoever tries a dashboard that was built elsewhere."""
NEAR = {"ANDON_NOTIFY__PRIVATE_NETWORKS": '["127.0.0.0/8"]', "ANDON_NOTIFY__GROUP_SECONDS": "0.5"}
"""Who is notified is a server of the test's own."""

T = TypeVar("T")


@dataclass(frozen=True)
class Product:
    """A running Andon whose station has a model."""

    url: str
    opcua_url: str
    data: Path
    station: str = STATION

    def andon(self, *words: str, within: float = 120.0) -> str:
        """What a command prints; its failure is the test's."""
        command = (str(ANDON), *words)
        done = subprocess.run(
            command, env=self._environment(), capture_output=True, text=True, timeout=within, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def camera(self, *words: str) -> Iterator[None]:
        """Shows parts to the station until the block is left."""
        command = (str(ANDON), "camera", "--station", self.station, *words)
        with (self.data / "camera.log").open("ab") as log:
            running = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        try:
            yield
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)

    @contextmanager
    def agent(self, folder: Path, name: str, slots: int) -> "Iterator[subprocess.Popen[bytes]]":
        """A machine over this folder; killed without a warning, as machines are."""
        command = (str(ANDON), "agent", "--name", name, "--data", str(folder), "--slots", str(slots))
        with (folder.parent / "agent.log").open("ab") as log:
            running = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        try:
            yield running
        finally:
            running.kill()
            running.wait(10)

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Signed in as the admin."""
        with httpx.Client(base_url=self.url, timeout=30) as client:
            answer = client.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"})
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    def pid_of(self, service: str) -> int:
        """The process that runs a service now."""
        state = running_stack(self.data)
        assert state is not None
        pid = state.services[service].pid
        assert pid is not None
        return pid

    def _environment(self) -> dict[str, str]:
        return {**clean_environment(), "ANDON_DATA": str(self.data)}


def clean_environment() -> dict[str, str]:
    """Without what another test, or the developer, set for an Andon of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}


def until(look: Callable[[], T | None], within: float, otherwise: str) -> T:
    """What `look` gives once it is truthy."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return found
