"""The parts page in a real browser: correcting a verdict, live rows, keys, lineage, deletion, odd names."""

import re
import time
from pathlib import Path

import pytest
from dashboard_browser import SOON, serious, sign_in, small_targets
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

HIDDEN = re.compile("SegmentedControl-input|Switch-input")
"""Inputs of no size; the label around each is the target."""
HOSTILE = '<img src=x onerror="document.title=1">{{7*7}}'


@pytest.fixture(scope="module", autouse=True)
def shown(product):
    """Some parts, good and bad, with their pictures."""
    product.andon(
        "camera",
        "--station",
        product.station,
        "--rate",
        "0",
        "--count",
        "24",
        "--good",
        "8",
        "--defects",
        "0.6",
    )


def newest(product, **filters) -> dict:
    with product.client() as client:
        found = client.get("/api/v1/inspections/search", params={"limit": 20, **filters}).json()["items"]
    return next(part for part in found if part["image_url"] and not part["holds"])


def test_a_newcomer_says_that_a_verdict_was_wrong_in_under_a_minute(product, page, complaints):
    began = time.monotonic()
    sign_in(page)
    page.get_by_role("link", name="Parts").click()
    page.get_by_role("search").get_by_text("Fail", exact=True).click()
    expect(page.get_by_role("option").first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Wrong, it is good").click()
    expect(page.get_by_text("You said it is good")).to_be_visible(timeout=SOON)
    assert time.monotonic() - began < 60

    part = page.locator("[data-part]").get_attribute("data-part")
    assert "decision=fail" in page.url
    assert page.url.split("?")[0].endswith(f"/parts/{part}")
    with product.client() as client:
        item = client.get(f"/api/v1/active-learning/items/{part}").json()
    assert (item["verdict"], item["status"]) == ("good", "labeled")
    assert serious(page) == []
    assert [each for each in small_targets(page) if not HIDDEN.search(each)] == []
    assert complaints == []


def test_a_missed_defect_is_marked_named_and_kept(product, page, complaints):
    part = newest(product, decision="pass", station_id=product.station)
    sign_in(page, f"/parts/{part['id']}")
    expect(page.get_by_role("button", name="Wrong, it has a defect")).to_be_visible(timeout=SOON)
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Learn from it")).to_be_disabled()
    box = page.locator("[data-marking]").bounding_box()
    middle, centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle, centre)
    page.mouse.down()
    page.mouse.move(middle + 60, centre + 40, steps=4)
    page.mouse.up()
    page.get_by_role("combobox", name="Class of mark 1").fill("scratch")
    page.get_by_role("button", name="Learn from it").click()
    expect(page.get_by_text("You marked scratch")).to_be_visible(timeout=SOON)
    with product.client() as client:
        [said] = client.get(f"/api/v1/active-learning/items/{part['id']}").json()["annotations"]
    [shape] = said["annotations"]
    left, top, right, bottom = shape["bbox"]
    assert 0.4 * part["width"] < left < right < part["width"]
    assert 0.4 * part["height"] < top < bottom < part["height"]
    assert complaints == []


def test_parts_arrive_without_moving_what_is_read_and_keys_go_through_them(product, page, complaints):
    sign_in(page, "/parts")
    option = page.get_by_role("option", selected=True)
    expect(option).to_be_visible(timeout=SOON)
    row = page.locator(f"#{option.get_attribute('id')}")
    place = row.bounding_box()["y"]
    with product.camera("--rate", "4", "--good", "8", "--defects", "0.2", "--count", "200"):
        fresh = page.get_by_role("button", name=re.compile(r"\d+ new parts?"))
        expect(fresh).to_be_visible(timeout=SOON)
        expect(fresh).to_have_text(re.compile(r"([3-9]|\d\d) new parts"), timeout=SOON)
        assert abs(row.bounding_box()["y"] - place) < 2
    fresh.click()
    expect(page.locator('[aria-posinset="1"]')).to_be_in_viewport(timeout=SOON)
    expect(fresh).to_be_hidden()
    address = page.url
    page.keyboard.press("k")
    expect(page).not_to_have_url(address)
    page.keyboard.press("j")
    expect(page).to_have_url(address)
    page.keyboard.press("+")
    expect(page.get_by_text("160 %")).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_text(re.compile("^Good part "))).to_be_visible(timeout=SOON)
    page.reload()
    expect(page).to_have_url(address)
    expect(page.locator("[data-part]")).to_be_visible(timeout=SOON)
    assert complaints == []


def test_a_part_leads_to_its_model_its_report_and_out_of_the_list(product, page, complaints):
    part = newest(product, decision="fail", station_id=product.station)
    sign_in(page, f"/parts/{part['id']}")
    with page.expect_download(timeout=SOON) as report:
        page.get_by_role("button", name="Report").click()
    assert Path(report.value.path()).read_bytes().startswith(b"%PDF")

    page.get_by_role("link", name="Lineage").click()
    chain = page.get_by_role("list", name="Lineage")
    expect(chain).to_contain_text("Judged by", timeout=SOON)
    expect(chain).to_contain_text("Learned from")
    judged = page.get_by_role("region", name=re.compile("Parts that .* judged"))
    expect(judged.locator("[aria-current]")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    page.get_by_role("link", name="To the part").click()

    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("can't be taken back")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(f"#part-{part['id']}")).to_have_count(0, timeout=SOON)
    with product.client() as client:
        assert client.get(f"/api/v1/inspect/{part['id']}").status_code == 404
    assert [said for said in complaints if "404" not in said] == []


def test_filters_stand_in_the_address_and_names_are_text(product, page, complaints):
    name = f"{HOSTILE}{time.time_ns()}"
    with product.client() as client:
        part = newest(product, station_id=product.station)
        picture = client.get(f"/api/v1/images/{part['id']}/original").content
        files = {"file": ("part.jpg", picture, "image/jpeg")}
        form = {"station_id": product.station, "part_id": name}
        assert client.post("/api/v1/inspect", files=files, data=form).status_code == 200
    sign_in(page, "/parts?range=24h")
    page.get_by_label("Part ID").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_have_count(1, timeout=SOON)
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="More filters").click()
    page.get_by_label("Score from").fill("99999")
    expect(page.get_by_text("No part fits these filters")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Clear").first.click()
    expect(page.get_by_role("option").nth(3)).to_be_visible(timeout=SOON)
    assert page.title().startswith("Parts")
    assert complaints == []
