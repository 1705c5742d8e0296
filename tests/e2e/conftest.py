"""The whole product as child processes, taught by good parts and judging what a camera shows it."""

import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from andon.runtime.state import StackState, running_stack

sys.path.insert(0, str(Path(__file__).parent))
from running_product import (
    ANDON,
    CHROMIUM,
    DASHBOARD,
    GOOD_PARTS,
    HURRY,
    NEAR,
    QUIET,
    START_SECONDS,
    STATION,
    Product,
    clean_environment,
    until,
)


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
