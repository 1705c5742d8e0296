"""Many tabs of one browser share one connection: all stay live, all answer, and one follows another."""

import re
from collections.abc import Iterator

import pytest
from dashboard_browser import SOON, sign_in
from playwright.sync_api import BrowserContext, expect
from running_product import CHROMIUM, QUIET, until

from andon.inspection.camera.plate import PlateCamera

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
TABS = 8
"""A browser opens six connections to a host, and no more."""


@pytest.fixture
def tabs(product, browser) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=product.url, viewport={"width": 1024, "height": 768})
    yield context
    context.close()


def connections(client):
    """Event streams that the gateway holds open."""
    found = re.search(r'andon_live_clients\{kind="sse"\} ([\d.]+)', client.get("/metrics").text)
    return float(found[1]) if found else 0


def all_hear(product, pages, part):
    with product.client() as client:
        fields = {"station_id": product.station, "part_id": part}
        shown = {"file": ("a.jpg", PlateCamera().shot(0).data)}
        assert client.post("/api/v1/inspect", files=shown, data=fields).status_code == 200
    for tab in pages:
        expect(tab.locator(f'[data-station="{product.station}"]').get_by_text(part)).to_be_visible(
            timeout=SOON
        )


def test_eight_tabs_are_live_over_one_connection_and_answer(product, tabs):
    pages = [tabs.new_page() for _ in range(TABS)]
    for tab in pages:
        sign_in(tab, "/line")
    with product.client() as client:
        until(lambda: connections(client) == 1, 20, "the tabs hold more than one connection")
        all_hear(product, pages, "T-first")
        for tab in pages:
            tab.get_by_role("link", name="Parts").click()
            expect(tab.get_by_text("T-first").first).to_be_visible(timeout=SOON)
            tab.get_by_role("link", name="Line", exact=True).click()
        for part in ("T-second", "T-third"):  # the first tab leads: whoever follows misses nothing
            pages.pop(0).close()
            all_hear(product, pages, part)
        until(lambda: connections(client) == 1, 20, "nobody took over, or several did")
        for tab in pages:
            expect(tab.get_by_role("status").first).to_have_text("Live", timeout=SOON)
        for tab in pages:
            tab.close()
        until(lambda: connections(client) == 0, 20, "a connection was left behind")


def test_work_in_eight_tabs_is_heard_over_a_second_connection_alone(product, tabs):
    pages = [tabs.new_page() for _ in range(TABS)]
    for tab in pages:
        sign_in(tab, "/work")
    with product.client() as client:
        body = {"name": "heard by all", "command": "true", "queue": "nobody", "project": "default"}
        made = client.post("/api/v1/jobs", json=body)
        assert made.status_code < 300, made.text
        for tab in pages:
            expect(tab.get_by_text("heard by all").first).to_be_visible(timeout=SOON)


def test_tabs_find_each_other_where_the_browser_has_no_locks(product, browser):
    """Over plain http to another machine, as in most plants."""
    rules = "--host-resolver-rules=MAP andon.plant 127.0.0.1"
    plain = browser.browser_type.launch(executable_path=CHROMIUM, args=[*QUIET, rules])
    try:
        address = product.url.replace("127.0.0.1", "andon.plant")
        context = plain.new_context(base_url=address)
        pages = [context.new_page() for _ in range(3)]
        for tab in pages:
            sign_in(tab, "/line")
        assert pages[0].evaluate("isSecureContext") is False
        with product.client() as client:
            until(lambda: connections(client) == 1, 20, "the tabs hold more than one connection")
            pages.pop(0).close()
            all_hear(product, pages, "T-plain")
            until(lambda: connections(client) == 1, 20, "nobody took over, or several did")
    finally:
        plain.close()


def test_a_copied_tab_and_its_original_both_stay_signed_in(product, tabs):
    first = tabs.new_page()
    sign_in(first, "/line")
    with tabs.expect_page() as opened:
        first.evaluate("open(location.href)")  # as duplicating does, it copies what the tab keeps
    copy = opened.value
    expect(copy.get_by_role("status").first).to_have_text("Live", timeout=SOON)
    renewed = []
    for tab in (first, copy):
        tab.on(
            "response", lambda answer: renewed.append(answer.status) if "auth/refresh" in answer.url else None
        )
        tab.evaluate(
            """() => {
                const kept = JSON.parse(sessionStorage.getItem("andon.session"));
                sessionStorage.setItem("andon.session", JSON.stringify({ ...kept, access_token: "over" }));
                location.reload();
            }"""
        )
    for tab in (first, copy):
        expect(tab.get_by_role("status").first).to_have_text("Live", timeout=SOON)
        expect(tab.get_by_role("dialog")).to_be_hidden()
    assert renewed == [200]
