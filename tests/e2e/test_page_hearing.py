"""What others do is on the screen without asking: rules, silences, channels, health, clients, settings."""

import asyncio
import os
import re
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest
from asyncua.client.client import Client
from dashboard_browser import SOON, serious, sign_in
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
HEARD = 8_000
"""Milliseconds: less than any look that is taken now and then."""
RULE = {
    "title": "Scratches by night",
    "condition": {"kind": "threshold", "metric": "fail_rate", "limit": 0.5, "window_minutes": 60},
}


@pytest.fixture
def asked(page):
    """What the page asked for since this list was cleared."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def test_rules_silences_and_channels_of_others_appear(product, page, complaints):
    sign_in(page, "/alerts/rules")
    with product.client() as client:
        expect(page.get_by_role("button", name=re.compile("Pass rate below")).first).to_be_visible(
            timeout=SOON
        )
        assert client.put("/api/v1/alert-rules/by-night", json=RULE).status_code == 200
        mine = page.get_by_role("button", name=re.compile("Scratches by night"))
        expect(mine).to_be_visible(timeout=HEARD)

        mine.click()
        page.get_by_label("What to do about it").fill("typed here and not saved")
        changed = {**RULE, "title": "Scratches by day", "revision": 1}
        assert client.put("/api/v1/alert-rules/by-night", json=changed).status_code == 200
        expect(page.get_by_text("admin changed this meanwhile.")).to_be_visible(timeout=HEARD)
        expect(page.get_by_label("What to do about it")).to_have_value("typed here and not saved")
        assert serious(page) == []
        page.get_by_role("button", name="Take theirs").click()
        expect(page.get_by_role("textbox", name=re.compile("^Title"))).to_have_value("Scratches by day")
        assert client.delete("/api/v1/alert-rules/by-night").status_code == 200
        expect(page.get_by_text("Scratches by day").first).to_be_hidden(timeout=HEARD)

        page.get_by_role("link", name="Silences").click()
        expect(page.get_by_role("button", name="New silence").first).to_be_visible(timeout=SOON)
        silence = {
            "reason": "Lamp is changed",
            "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
        made = client.post("/api/v1/alert-silences", json=silence).json()
        expect(page.get_by_text("Lamp is changed")).to_be_visible(timeout=HEARD)
        client.delete(f"/api/v1/alert-silences/{made['id']}")
        expect(page.get_by_text("ended by admin")).to_be_visible(timeout=HEARD)

        page.get_by_role("link", name="Channels").click()
        body = {"title": "Night mail", "target": {"kind": "webhook", "url": "https://10.0.0.1/x"}}
        assert client.put("/api/v1/alert-channels/night", json=body).status_code == 200
        expect(page.get_by_text("Night mail").first).to_be_visible(timeout=HEARD)
        assert client.post("/api/v1/alert-channels/night/test").json()["arrived"] is False
        expect(page.get_by_text("Failing", exact=True)).to_be_visible(timeout=HEARD)
        assert client.delete("/api/v1/alert-channels/night").status_code == 200
        expect(page.get_by_text("Night mail")).to_be_hidden(timeout=HEARD)
    assert complaints == []


def test_a_service_that_hangs_is_seen_and_so_is_that_it_goes_on(product, page, complaints, asked):
    sign_in(page, "/system")
    expect(page.get_by_text("Everything answers")).to_be_visible(timeout=SOON)
    asked.clear()
    queue = product.pid_of("queue")
    os.kill(queue, signal.SIGSTOP)
    try:
        expect(page.locator('[data-part="queue"][data-well=false]')).to_be_visible(timeout=SOON)
    finally:
        os.kill(queue, signal.SIGCONT)
    expect(page.locator('[data-part="queue"][data-well=true]')).to_be_visible(timeout=SOON)
    assert [url for url in asked if url.endswith("/health/parts")] == []
    assert complaints == []


def test_opc_ua_clients_that_come_and_go_are_seen(product, page, complaints):
    sign_in(page, "/system/opcua")
    expect(page.get_by_text("opc.tcp://").first).to_be_visible(timeout=SOON)
    rows = page.get_by_role("row").filter(has_text="127.0.0.1")
    before = rows.count()

    async def connect(leave):
        async with Client(product.opcua_url):
            await asyncio.get_running_loop().run_in_executor(None, leave.wait)

    leave = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(connect(leave)))
    thread.start()
    try:
        expect(rows).to_have_count(before + 1, timeout=HEARD)
    finally:
        leave.set()
        thread.join(20)
    expect(rows).to_have_count(before, timeout=HEARD)
    assert complaints == []


def test_settings_that_another_saves_do_not_take_what_is_typed(product, page, complaints):
    sign_in(page, "/system/settings")
    days = page.get_by_label("Records, days")
    images = page.get_by_label("Images, days")
    expect(days).to_be_visible(timeout=SOON)
    days.fill("300")
    with product.client() as client:
        revision = client.get("/api/v1/config").json()["revision"]
        body = {"inspection": {"image_retention_days": 66}, "revision": revision}
        assert client.post("/api/v1/config", json=body).status_code == 200
    expect(page.get_by_text("admin changed this meanwhile.")).to_be_visible(timeout=HEARD)
    expect(days).to_have_value("300")
    page.get_by_role("button", name="Keep mine").click()
    expect(images).to_have_value("66")
    expect(days).to_have_value("300")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("inspection.record_retention_days").first).to_be_visible(timeout=SOON)
    with product.client() as client:
        saved = client.get("/api/v1/config").json()["inspection"]
    assert (saved["image_retention_days"], saved["record_retention_days"]) == (66, 300)
    assert complaints == []
