"""System in a real browser: health, a key that is shown once, people, settings, and who did what."""

import re

import pytest
from dashboard_browser import SOON, give_password, serious, sign_in, small_targets
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)
REFUSED = re.compile("status of (400|422)")


@pytest.mark.long
def test_everything_answers_and_the_page_says_so(product, page, complaints):
    sign_in(page, "/system")
    expect(page.get_by_text("Everything answers")).to_be_visible(timeout=SOON)
    for part in ("bus", "database", "objects", "gateway", "auth", "inspection", "queue", "sync"):
        expect(page.locator(f'[data-part="{part}"][data-well=true]')).to_be_visible()
    assert serious(page) == []
    assert small_targets(page) == []
    page.get_by_role("link", name="Storage").click()
    expect(page.get_by_text("Room for images").first).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="OPC UA").click()
    expect(page.get_by_text("opc.tcp://").first).to_be_visible(timeout=SOON)
    assert serious(page) == []
    assert complaints == []


@pytest.mark.long
def test_a_key_is_shown_once_and_what_was_done_is_in_the_unbroken_log(product, page, complaints):
    sign_in(page, "/system/keys")
    page.get_by_role("button", name="New key").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=False).first.fill("<script>press</script>")
    form.get_by_role("button", name="Make it").click()
    secret = form.locator("[data-secret]")
    expect(secret).to_have_text(re.compile("^andon_"), timeout=SOON)
    shown = secret.text_content() or ""
    form.get_by_role("button", name="I have kept it").click()
    row = page.get_by_role("row").filter(has_text="<script>press</script>")
    expect(row).to_be_visible(timeout=SOON)
    assert shown not in page.content()
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row.get_by_text("Revoked")).to_be_visible(timeout=SOON)
    assert serious(page) == []

    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("table").get_by_text("auth.key.revoke").first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Verify the chain").click()
    expect(page.get_by_text(re.compile(r"\d+ entries, unbroken"))).to_be_visible(timeout=SOON)
    page.get_by_role("row").nth(1).click()
    expect(page.get_by_role("complementary", name=re.compile(r"Entry \d+"))).to_be_visible()
    assert serious(page) == []
    assert complaints == []


def test_settings_are_refused_by_their_field_and_hold_once_saved(product, page, complaints):
    sign_in(page, "/system/settings")
    days = page.get_by_label("Images, days")
    days.fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("greater than or equal to 1")).to_be_visible(timeout=SOON)
    days.fill("77")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("inspection.image_retention_days").first).to_be_visible(timeout=SOON)
    with product.client() as client:
        assert client.get("/api/v1/config").json()["inspection"]["image_retention_days"] == 77
    assert serious(page) == []
    assert [said for said in complaints if not REFUSED.search(said)] == []


@pytest.mark.long
def test_shifts_are_set_by_the_person_and_refused_where_they_make_no_sense(product, page, complaints):
    sign_in(page, "/system/settings")
    times = page.get_by_role("group", name="Shifts begin at")
    times.get_by_label("Shifts begin at 2").fill("06:00")
    page.get_by_role("button", name="Save").click()
    expect(times.get_by_role("alert")).to_contain_text("two shifts begin at 06:00", timeout=SOON)
    times.get_by_label("Shifts begin at 1").fill("05:30")
    times.get_by_label("Shifts begin at 2").fill("17:30")
    times.get_by_role("button", name="Remove time 3").click()
    assert small_targets(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("06:00 14:00 22:00 →").first).to_be_visible(timeout=SOON)
    assert serious(page) == []
    with product.client() as client:
        assert client.get("/api/v1/config").json()["site"]["shift_starts"] == ["05:30", "17:30"]
    product.andon("camera", "--station", product.station, "--rate", "0", "--count", "3")
    page.get_by_role("link", name="Quality").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the data of “By shift”").click()
    assert "05:30\u201317:30" in downloading.value.path().read_text()
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("button", name="New rule").click()
    page.get_by_role("tab", name="Scope and who is told").click()
    page.get_by_text("Only in certain shifts").click()
    expect(page.get_by_label("From", exact=True)).to_have_value("05:30")
    expect(page.get_by_label("To", exact=True)).to_have_value("17:30")
    assert [said for said in complaints if not REFUSED.search(said)] == []


@pytest.mark.long
def test_an_operator_sees_what_is_theirs_and_is_out_once_locked(product, page, browser, complaints):
    with product.client() as client:
        body = {"username": "night-jan", "password": "longenough"}
        assert client.post("/api/v1/users", json=body).status_code == 200
    context = browser.new_context(base_url=product.url)
    other = context.new_page()
    other.goto("/system")
    other.get_by_label("Name or e-mail").fill("night-jan")
    give_password(other, "longenough")
    sections = other.get_by_role("navigation", name="Parts of this page")
    expect(sections.get_by_role("link", name="Health")).to_be_visible(timeout=SOON)
    assert sections.get_by_role("link", name=re.compile("Users|Audit|OPC")).count() == 0

    sign_in(page, "/system/users")
    row = page.get_by_role("row").filter(has_text="night-jan")
    row.get_by_role("button", name="Lock", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Lock", exact=True).click()
    expect(row.get_by_text("Locked")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    expect(other.get_by_text("Your session has ended")).to_be_visible(timeout=SOON)
    context.close()
    assert complaints == []
