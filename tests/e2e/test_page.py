"""The page in a real browser, over the running product: parts with their overlay, rates, alerts."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
pytestmark = pytest.mark.timeout(300)
SOON = 30_000
"""Milliseconds."""


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
    context = browser.new_context(base_url=product.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name or e-mail").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status")).to_have_text("Live", timeout=SOON)


def test_the_line_is_seen_while_it_works(product, page, complaints, tmp_path):
    sign_in(page)
    card = page.locator(f'[data-station="{product.station}"]')
    with product.camera("--rate", "4", "--defects", "0.5", "--good", "8", "--count", "400"):
        expect(card.locator(".decision")).to_have_text(re.compile("pass|fail|uncertain"), timeout=SOON)
        overlay = card.locator("img")
        expect(overlay).to_have_attribute("src", re.compile(r"^/static/images/.+\.jpg\?"))
        page.wait_for_function(
            "image => image.complete && image.naturalWidth > 100", arg=overlay.element_handle()
        )
        expect(page.locator("#pass-rate")).to_have_text(re.compile(r"[\d.]+ %"), timeout=SOON)
        expect(card.locator(".rate")).to_have_text(re.compile(r"[\d.]+ %"))
        expect(page.locator('#strip [data-decision="fail"]').first).to_be_visible(timeout=SOON)

        alert = page.locator("#alerts .alert", has=page.get_by_role("button", name="Acknowledge"))
        expect(alert.first).to_be_visible(timeout=90_000)
        page.screenshot(path=tmp_path / "line.png")
        alert.first.get_by_role("button", name="Acknowledge").click()
        expect(page.locator("#alerts .alert.seen").first).to_contain_text("Seen by admin", timeout=SOON)
        assert page.locator("#no-stations").is_hidden()
        page.screenshot(path=tmp_path / "acknowledged.png")
    assert complaints == []


def test_hostile_names_are_shown_as_text(product, page, complaints):
    name = "<img src=x onerror=alert(1)>"
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    sign_in(page)
    with product.client() as client:
        part = client.get("/api/v1/inspections", params={"limit": 1}).json()["items"][0]
        image = client.get(part["image_url"]).content
        fields = {"station_id": product.station, "part_id": name}
        assert (
            client.post("/api/v1/inspect", files={"file": ("a.jpg", image)}, data=fields).status_code == 200
        )
    expect(page.locator("#strip").get_by_text(name).first).to_be_visible(timeout=SOON)
    assert dialogs == []
    assert complaints == []


def test_a_wrong_password_is_told(page):
    page.goto("/")
    page.get_by_label("Name or e-mail").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("sign in as admin")).to_be_visible()


def test_signing_out_ends_the_session(page, complaints):
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SOON)
    assert complaints == []


def test_targets_are_large_enough_for_gloves(page):
    sign_in(page)
    script = """all => all.filter(each => each.offsetParent)
        .map(each => each.getBoundingClientRect())
        .filter(box => box.width < 44 || box.height < 44).length"""
    assert page.locator("button, input, a").evaluate_all(script) == 0


def test_the_documentation_loads_nothing_from_elsewhere(page, product, complaints):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    expect(page.get_by_text("/api/v1/inspections").first).to_be_visible(timeout=SOON)
    assert [url for url in asked if not url.startswith((product.url, "data:", "blob:"))] == []
    assert complaints == []


def test_the_page_finds_its_way_back_when_the_gateway_was_killed(product, page):
    sign_in(page)
    os.kill(product.pid_of("gateway"), signal.SIGKILL)
    expect(page.get_by_role("status")).not_to_have_text("Live", timeout=SOON)
    expect(page.get_by_role("status")).to_have_text("Live", timeout=60_000)
    with product.camera("--rate", "4", "--good", "500", "--count", "400"):
        before = page.locator("#strip li").first.get_attribute("data-id")
        newest = page.locator(f'#strip li:first-child:not([data-id="{before}"]) img')
        expect(newest).to_be_visible(timeout=SOON)
