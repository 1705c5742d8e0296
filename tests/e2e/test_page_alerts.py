"""Alerts in a real browser: a rule refused, tried on the past, kept; silences; a channel's test."""

import re

import pytest
from dashboard_browser import SOON, serious, sign_in, small_targets
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
UNPROCESSABLE = "Failed to load resource: the server responded with a status of 422"


def test_a_rule_is_refused_by_its_field_then_tried_on_the_past_and_kept(product, page, complaints):
    sign_in(page, "/alerts/rules")
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Title").fill("Too many <i>fails</i>")
    page.get_by_label("Limit").fill("150")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("can never fire")).to_be_visible(timeout=SOON)
    page.get_by_label("Limit").fill("20")
    page.get_by_role("button", name="When would it have fired?").click()
    found = page.get_by_role("region", name="Try it on the past")
    expect(found.get_by_text(re.compile("^Would (not )?have fired"))).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Too many <i>fails</i>", exact=True)).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile("rule=too-many-i-fails-i"))
    assert serious(page) == []
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name=re.compile("Too many"))).to_be_hidden(timeout=SOON)
    assert [said for said in complaints if UNPROCESSABLE not in said] == []


def test_nobody_is_told_for_a_while_and_a_channel_says_that_it_does_not_work(product, page, complaints):
    sign_in(page, "/alerts/silences")
    page.get_by_role("button", name="New silence").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Reason").fill("lens is cleaned")
    form.get_by_role("button", name="Silence", exact=True).click()
    card = page.get_by_role("listitem").filter(has_text="lens is cleaned")
    expect(card.get_by_text("left")).to_be_visible(timeout=SOON)
    card.get_by_role("button", name="End it").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.get_by_role("heading", name="Over")).to_be_visible(timeout=SOON)
    assert serious(page) == []

    with product.client() as client:
        target = {"kind": "webhook", "url": "http://127.0.0.1:9/none"}
        body = {"title": "nowhere", "target": target, "minimum_severity": "critical"}
        assert client.put("/api/v1/alert-channels/nowhere", json=body).status_code == 200
    page.get_by_role("link", name="Channels").click()
    channel = page.locator("[data-channel=nowhere]")
    channel.get_by_role("button", name="Send a test").click()
    expect(channel.get_by_text("The test did not arrive")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    channel.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(channel).to_be_hidden(timeout=SOON)
    assert complaints == []


def test_an_alert_is_acknowledged_commented_and_resolved_where_it_stands(product, page, complaints):
    with product.client() as client:
        found = client.get("/api/v1/alerts", params={"state": "open"}).json()["alerts"]
        if not found:
            job = client.post("/api/v1/jobs", json={"name": "fails", "command": "false"}).json()
            product.andon(
                "agent",
                "--name",
                "fails",
                "--data",
                str(product.data / "fails"),
                "--queues",
                "default",
                "--once",
            )
            assert client.get(f"/api/v1/jobs/{job['id']}").json()["job"]["status"] == "failed"
    sign_in(page, "/alerts")
    row = page.get_by_role("table").get_by_role("row").nth(1)
    expect(row.get_by_text("Open", exact=True)).to_be_visible(timeout=SOON)
    row.click()
    panel = page.get_by_role("complementary")
    panel.get_by_role("button", name="Acknowledge").click()
    expect(panel.get_by_text("Seen by admin")).to_be_visible(timeout=SOON)
    panel.get_by_label("Comment").fill("looked at it")
    panel.get_by_role("button", name="Add comment").click()
    expect(panel.get_by_role("listitem").filter(has_text="looked at it")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    assert small_targets(page) == []
    panel.get_by_role("button", name="Resolve").click()
    page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    expect(panel.get_by_text("Resolved").first).to_be_visible(timeout=SOON)
    assert complaints == []
