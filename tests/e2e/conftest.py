"""The whole product as child processes, taught by good parts and judging what a camera shows it."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from andon.runtime.state import StackState, running_stack

sys.path.insert(0, str(Path(__file__).parent))  # for dashboard_browser

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


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """`andon up --demo` in a folder of its own on free ports, with a station that judges."""
    data = tmp_path_factory.mktemp("andon")
    port, opcua_port = map(str, _quiet_ports(2))  # named, so that a service that starts again keeps its own
    command = (str(ANDON), "up", "--demo", "--data", str(data), "--port", port, "--opcua-port", opcua_port)
    with (data / "andon.log").open("ab") as log:
        stack = subprocess.Popen(
            command,
            env={**clean_environment(), **HURRY, **DASHBOARD, **NEAR},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        state = _ready(stack, data)
        product = Product(state.url or "", state.opcua_url or "", data)
        _teach(product)
        yield product
    finally:
        stack.send_signal(signal.SIGINT)
        stack.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM.exists(), "chromium is missing: scripts/setup --tests installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console had to complain about."""
    return []


@pytest.fixture
def page(browser: Browser, product, complaints) -> Iterator[Page]:
    context = browser.new_context(
        base_url=product.url, viewport={"width": 1440, "height": 900}, color_scheme="dark"
    )
    page = context.new_page()
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def _quiet_ports(count: int) -> list[int]:
    """Free ports that no outgoing connection is given meanwhile: they lie below the system's own range."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
        if len(found) == count:
            break
    return found


def _ready(stack: "subprocess.Popen[bytes]", data: Path) -> StackState:
    def state() -> StackState | None:
        assert stack.poll() is None, (data / "andon.log").read_text()[-4000:]
        found = running_stack(data)
        return found if found and found.ready else None

    return until(state, START_SECONDS, "Andon did not start")


def _teach(product: Product) -> None:
    with product.client() as client:
        place = {"mode": "teach", "mm_per_pixel_x": 0.1, "mm_per_pixel_y": 0.1}
        assert client.put(f"/api/v1/stations/{STATION}", json=place).status_code == 200
        product.andon(
            "camera",
            "--station",
            STATION,
            "--rate",
            "0",
            "--count",
            str(GOOD_PARTS),
            "--good",
            str(GOOD_PARTS),
        )

        def station() -> dict[str, Any]:
            return client.get(f"/api/v1/stations/{STATION}").json()

        until(lambda: station()["samples"] >= GOOD_PARTS, 60, "the good parts were not kept")
        product.andon("fit", "--station", STATION)
        until(lambda: station()["mode"] == "judge", 30, "the model was not deployed")


def until(look: Callable[[], T | None], within: float, otherwise: str) -> T:
    """What `look` gives once it is truthy."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
    return found
