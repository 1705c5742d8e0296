"""A page far away: answers that take 200 ms longer, an hour without a network, and what was missed in it."""

import re

import pytest
from dashboard_browser import SOON, sign_in
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
FAR_MS = 200
HOUR_MS = 3_600_000


def far(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": FAR_MS, "downloadThroughput": -1, "uploadThroughput": -1},
    )


def test_a_shift_s_work_is_done_over_a_slow_way(product, page, complaints):
    far(page)
    sign_in(page, "/line")
    card = page.locator(f'[data-station="{product.station}"]')
    with product.camera("--rate", "4", "--defects", "0.6", "--good", "4", "--count", "120"):
        expect(card.locator("[data-decision=fail]").first).to_be_visible(timeout=SOON)
        # Two clicks in a row, before the first was answered, are one pause.
        card.get_by_role("button", name="Pause").dblclick()
        expect(card.locator("[data-lamp=paused]")).to_be_visible(timeout=SOON)
        card.get_by_role("button", name="Resume").click()
        expect(card.locator("[data-lamp=paused]")).to_be_hidden(timeout=SOON)
        expect(card.locator("[data-decision=fail]").first).to_be_visible(timeout=SOON)
        page.get_by_role("link", name="Parts").click()
        expect(page.get_by_role("option").nth(3)).to_be_visible(timeout=SOON)
        # Faster through the list than answers come: what is shown in the end is what was chosen last.
        page.get_by_role("option").nth(2).click()
        for _ in range(6):
            page.keyboard.press("j")
        chosen = page.get_by_role("option", selected=True).inner_text()
        name = re.search(r"P-\d+", chosen)
        assert name is not None, chosen
        shown = page.get_by_role("region", name=f"Picture of part {name[0]}")
        expect(shown.locator("figure img").first).to_be_visible(timeout=SOON)
    for name in ("Quality", "Review", "Models", "Work", "Alerts", "System"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=SOON)
        expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SOON)
    assert complaints == []


def test_after_an_hour_without_a_network_everything_is_as_it_is_now(product, page):
    page.clock.install()
    sign_in(page, "/line")
    card = page.locator(f'[data-station="{product.station}"]')
    expect(card).to_be_visible(timeout=SOON)
    status = page.get_by_role("status").first
    page.context.set_offline(True)
    page.clock.fast_forward(120_000)
    expect(status).not_to_have_text("Live", timeout=SOON)

    with product.client() as client:
        product.andon("camera", "--station", product.station, "--rate", "0", "--count", "9", "--good", "9")
        rule = {"title": "Made while nobody saw", "condition": {"kind": "consecutive", "parts": 3}}
        assert client.put("/api/v1/alert-rules/unseen", json=rule).status_code == 200
        total = client.get("/api/v1/inspections", params={"limit": 1}).json()["total"]
    assert total >= 9
    page.clock.fast_forward(HOUR_MS)
    expect(status).to_have_attribute("data-state", "offline", timeout=SOON)
    expect(card).to_be_visible()  # what was known stays to be read

    page.context.set_offline(False)
    page.clock.fast_forward(6_000)
    expect(status).to_have_text("Live", timeout=SOON)
    # Parts are judged side by side: the last one judged need not be the last one shown.
    expect(card.get_by_text(re.compile("P-00000[7-9]"))).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Parts").click()
    expect(page.get_by_text("P-000009").first).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("link", name="Rules").click()
    expect(page.get_by_text("Made while nobody saw").first).to_be_visible(timeout=SOON)
    # The device's clock is an hour ahead now; what is shown goes by the server's.
    page.get_by_role("link", name="Line", exact=True).click()
    product.andon("camera", "--station", product.station, "--rate", "0", "--count", "11", "--good", "11")
    expect(card.get_by_text(re.compile("P-0000(09|10|11)"))).to_be_visible(timeout=SOON)
    expect(card.get_by_text(re.compile(r"hr?\.? ago"))).to_have_count(0)
    with product.client() as client:
        assert client.delete("/api/v1/alert-rules/unseen").status_code == 200


def test_what_was_typed_while_the_network_is_gone_is_told_and_can_be_sent_again(product, page):
    sign_in(page, "/system/settings")
    days = page.get_by_label("Images, days")
    expect(days).to_be_visible(timeout=SOON)
    days.fill("88")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The server can't be reached.")).to_be_visible(timeout=SOON)
    expect(days).to_have_value("88")
    page.context.set_offline(False)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("inspection.image_retention_days").first).to_be_visible(timeout=SOON)
