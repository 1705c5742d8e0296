"""Work in a real browser: a job from its form to its last line, queues, and what changed in a component."""

import re
import sys

import pytest
from dashboard_browser import SOON, serious, sign_in
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
PROGRAM = (
    "print('<b>line</b>'); [print('row', n) for n in range(500)]; print('::andon progress=1 loss=0.125')"
)
OLD, NEW = "DEPTH = 8\nWIDTH = 64\n", "DEPTH = 12\nWIDTH = 64\n"


def test_a_job_is_submitted_followed_and_run_again(product, page, complaints, tmp_path):
    sign_in(page, "/work?queue=default")
    page.get_by_role("button", name="Submit a job").click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name="Name").fill("count the rows")
    form.get_by_label("Command").fill("python 'open")
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(form.get_by_text("No closing quotation")).to_be_visible(timeout=SOON)
    form.get_by_label("Command").fill(f'{sys.executable} -c "{PROGRAM}"')
    form.get_by_role("button", name="Submit", exact=True).click()
    panel = page.get_by_role("complementary", name="count the rows")
    expect(panel.get_by_text("Queued").first).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile(r"queue=default.*job="))

    product.andon("agent", "--name", "edge-page", "--data", str(tmp_path), "--queues", "default", "--once")
    expect(panel.get_by_text("Succeeded").first).to_be_visible(timeout=SOON)
    expect(page.get_by_role("table").get_by_text("Succeeded").first).to_be_visible(timeout=SOON)
    expect(panel.get_by_text("0.1250")).to_be_visible()
    panel.get_by_role("tab", name="Log").click()
    log = panel.get_by_role("log")
    expect(log.get_by_text("row 499")).to_be_visible(timeout=SOON)
    assert log.locator("[data-index]").count() < 200
    log.press("Home")
    expect(log.get_by_text("<b>line</b>")).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="Follow").click()
    expect(log.get_by_text("row 499")).to_be_visible(timeout=SOON)
    assert serious(page) == []

    panel.get_by_role("button", name=re.compile("Run again|Run nevertheless")).click()
    expect(page.get_by_role("complementary").get_by_text("Queued").first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("complementary").get_by_text("Cancelled").first).to_be_visible(timeout=SOON)
    page.goto("/work/devices")
    expect(page.get_by_role("heading", name="edge-page")).to_be_visible(timeout=SOON)
    assert [said for said in complaints if "status of 400" not in said] == []  # the form's refusal


def test_a_queue_is_held_and_an_older_version_is_activated(product, page, complaints):
    with product.client() as client:
        for content, why in ((OLD, "first"), (NEW, "deeper")):
            body = {"path": "model/net.py", "content": content, "why": why}
            assert client.post("/api/components/versions/upload", json=body).status_code == 200
        assert client.put("/api/v1/queues/night", json={"held": False}).status_code == 200
    sign_in(page, "/work/queues")
    card = page.locator("[data-queue=night]")
    card.get_by_role("button", name="Hold").click()
    page.get_by_role("dialog").get_by_role("button", name="Hold").click()
    expect(card.get_by_text("Held")).to_be_visible(timeout=SOON)
    assert serious(page) == []

    page.get_by_role("link", name="Components").click()
    page.get_by_role("button", name=re.compile("^net.py")).click()
    changes = page.get_by_role("region", name="Versions and changes")
    expect(changes.locator("[data-kind=del]")).to_have_text(re.compile("DEPTH = 8"), timeout=SOON)
    expect(changes.locator("[data-kind=add]")).to_have_text(re.compile("DEPTH = 12"))
    page.get_by_role("button", name="Roll back").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("too slow")
    dialog.get_by_role("button", name="Roll back").click()
    expect(dialog).to_be_hidden(timeout=SOON)
    page.get_by_role("tab", name="Who activated what").click()
    expect(page.get_by_text("too slow")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    assert complaints == []
