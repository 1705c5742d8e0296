"""The dashboard in a real browser, over the running product: sign-in, the line, and what goes wrong."""

import json
import os
import re
import signal

import pytest
from dashboard_browser import SOON, give_password, serious, sign_in, small_targets
from playwright.sync_api import Route, expect

from andon.inspection.camera.plate import PlateCamera

pytestmark = pytest.mark.timeout(300)


def test_the_line_is_seen_while_it_works(product, page, complaints):
    sign_in(page)
    expect(page).to_have_url(re.compile("/line$"))
    card = page.locator(f'[data-station="{product.station}"]')
    with product.camera("--rate", "4", "--defects", "0.6", "--good", "4", "--count", "400"):
        expect(card.locator("[data-decision=fail]").first).to_be_visible(timeout=SOON)
        overlay = card.locator("img").first
        expect(overlay).to_have_attribute("src", re.compile(r"^/static/images/.+\.jpg\?"))
        page.wait_for_function(
            "image => image.complete && image.naturalWidth > 100", arg=overlay.element_handle()
        )
        expect(card.get_by_text(re.compile(r"^[\d.]+ %$"))).to_be_visible(timeout=SOON)
        expect(card.get_by_role("img", name=re.compile(r"Last \d+ parts: [1-9]\d* failed"))).to_be_visible()

        alert = page.locator("li[data-state=open]").first
        expect(alert).to_be_visible(timeout=90_000)
        expect(card.locator("[data-lamp]")).to_have_text(re.compile("Attention|Act now"))
        name = alert.get_attribute("data-id")
        alert.get_by_role("button", name="Acknowledge").click()
        seen = page.locator(f'li[data-id="{name}"]')
        expect(seen).to_contain_text("Seen by admin", timeout=SOON)
        assert serious(page) == []
        assert small_targets(page) == []

        card.get_by_role("button", name="Compare").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("figure")).to_have_count(2, timeout=SOON)
        expect(dialog.get_by_text("Last good part")).to_be_visible()
        dialog.get_by_role("slider").press("ArrowLeft")
        assert serious(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
    assert complaints == []


def test_a_station_is_paused_and_resumed_with_one_click_each(product, page, complaints):
    sign_in(page)
    card = page.locator(f'[data-station="{product.station}"]')
    card.get_by_role("button", name="Pause").click()
    expect(card.locator("[data-lamp=paused]")).to_be_visible(timeout=SOON)
    with product.client() as client:
        before = client.get("/api/v1/inspections", params={"limit": 1}).json()["total"]
        product.andon("camera", "--station", product.station, "--rate", "0", "--count", "3")
        card.get_by_role("button", name="Resume").click()
        expect(card.locator("[data-lamp=paused]")).to_be_hidden(timeout=SOON)
        product.andon("camera", "--station", product.station, "--rate", "0", "--count", "2")
        expect(card.get_by_text("P-000002")).to_be_visible(timeout=SOON)
        after = client.get("/api/v1/inspections", params={"limit": 1}).json()["total"]
    assert after == before + 2
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
    card = page.locator(f'[data-station="{product.station}"]')
    expect(card.get_by_text(name)).to_be_visible(timeout=SOON)
    card.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("dialog").get_by_text(name).first).to_be_visible(timeout=SOON)
    assert dialogs == []
    assert complaints == []


def test_a_session_that_ends_in_mid_work_goes_on_where_it_was(product, page):
    sign_in(page)
    card = page.locator(f'[data-station="{product.station}"]')
    card.get_by_role("button", name="Compare").click()
    tokens = json.loads(page.evaluate("sessionStorage.getItem('andon.session')"))
    with product.client() as client:
        ended = {"Authorization": f"Bearer {tokens['access_token']}"}
        body = {"refresh_token": tokens["refresh_token"]}
        assert client.post("/api/v1/auth/logout", json=body, headers=ended).status_code == 200
    again = page.get_by_role("dialog", name="Your session has ended")
    expect(again).to_be_visible(timeout=SOON)
    give_password(page)
    expect(again).to_be_hidden(timeout=SOON)
    expect(page.get_by_role("dialog").get_by_text("Last good part")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("status").first).to_have_text("Live", timeout=SOON)


def test_a_wrong_password_is_told_and_all_can_read_the_sign_in(page):
    page.goto("/line")
    page.get_by_label("Name or e-mail").fill("admin")
    give_password(page, "wrong")
    expect(page.get_by_role("alert")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("This is the demo")).to_be_visible()
    assert serious(page) == []
    page.emulate_media(color_scheme="light")
    assert serious(page) == []
    assert small_targets(page) == []


def test_signing_out_ends_the_session(page, complaints):
    sign_in(page)
    page.get_by_role("button", name="Account of admin").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible(timeout=SOON)
    assert complaints == []


def test_light_german_and_narrow_are_as_good(page, complaints):
    page.set_viewport_size({"width": 768, "height": 1024})
    sign_in(page)
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("menuitem", name="Light", exact=True).click()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitem", name="Deutsch").click()
    expect(page.get_by_role("heading", name="Linie", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("button", name="Vergleichen").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 768
    expect(page.get_by_role("menu")).to_have_count(0)
    assert serious(page) == []
    page.reload()
    expect(page.get_by_role("heading", name="Linie", exact=True)).to_be_visible(timeout=SOON)
    assert page.locator("html").get_attribute("data-mantine-color-scheme") == "light"
    assert complaints == []


def test_an_address_that_leads_nowhere_says_so(page):
    sign_in(page)
    page.evaluate("history.pushState({}, '', '/line/none'); dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.get_by_text("There is nothing here")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="To the line").click()
    expect(page).to_have_url(re.compile("/line$"))


def test_the_documentation_loads_nothing_from_elsewhere(page, product, complaints):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/docs")
    expect(page.get_by_text("/api/v1/inspections").first).to_be_visible(timeout=SOON)
    assert [url for url in asked if not url.startswith((product.url, "data:", "blob:"))] == []
    assert complaints == []


def test_what_happened_while_the_gateway_was_killed_is_heard_afterwards(product, page):
    sign_in(page)
    card = page.locator(f'[data-station="{product.station}"]')
    expect(card).to_be_visible(timeout=SOON)
    os.kill(product.pid_of("gateway"), signal.SIGKILL)
    expect(page.get_by_role("status").first).not_to_have_text("Live", timeout=SOON)
    product.andon("camera", "--station", product.station, "--rate", "0", "--count", "7", "--good", "7")
    expect(page.get_by_role("status").first).to_have_text("Live", timeout=60_000)
    # Parts are judged side by side: the last one judged need not be the last one shown.
    expect(card.get_by_text(re.compile("P-00000[5-7]"))).to_be_visible(timeout=SOON)


def test_a_verdict_stands_over_its_own_picture_only(product, page):
    def show(part: str, number: int) -> None:
        shown = {"file": ("a.jpg", PlateCamera(defects=1.0, good_first=1).shot(number).data)}
        fields = {"station_id": product.station, "part_id": part}
        with product.client() as client:
            assert client.post("/api/v1/inspect", files=shown, data=fields).status_code == 200

    show("S-good", 0)
    sign_in(page, "/line")
    card = page.locator(f'[data-station="{product.station}"]')
    expect(card.get_by_text("S-good")).to_be_visible(timeout=SOON)
    held: list[Route] = []
    page.route("**/static/images/**", lambda each: held.append(each))  # noqa: PLW0108 - it marks what it is given
    with page.expect_request("**/static/images/**"):
        show("S-bad", 1)
    expect(card.get_by_text("S-good")).to_be_visible()
    for each in held:
        each.continue_()
    page.unroute("**/static/images/**")
    expect(card.get_by_text("S-bad")).to_be_visible(timeout=SOON)
