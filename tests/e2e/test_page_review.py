"""The review page in a real browser: a part is marked, nothing drawn is lost, and two people decide."""

import json
import re
import time

import pytest
from dashboard_browser import SOON, give_password, serious, sign_in, small_targets
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

WANTED = 3
OLGA = {"username": "olga.reviews", "password": "olga looks at parts", "roles": ["operator"]}


@pytest.fixture(scope="module")
def found(product):
    """Defective parts, judged, with what the model found on them."""
    shown = ("--station", product.station, "--rate", "0", "--count", "24", "--good", "0", "--defects", "1")
    product.andon("camera", *shown)
    with product.client() as client:

        def parts() -> list[dict]:
            query = {"station_id": product.station, "limit": 100}
            told = client.get("/api/v1/inspections", params=query).json()["items"]
            return [each for each in told if each["detections"] and each["image_url"]]

        deadline = time.monotonic() + 90
        while len(told := parts()) < WANTED:
            assert time.monotonic() < deadline, "the model found too little"
            time.sleep(0.2)
        for each in told[:WANTED]:
            asked = client.post(f"/api/v1/active-learning/items/{each['id']}")
            assert asked.status_code in (200, 409), asked.text
        return told


def drag(page: Page, stage: Locator, *ways: tuple[float, float]) -> None:
    """From one place of the stage to others, in shares of it."""
    box = stage.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ways]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_a_part_is_marked_and_nothing_drawn_is_lost(product, page, complaints, found):
    part = found[0]
    sign_in(page, f"/review?part={part['id']}")
    stage = page.get_by_role("group", name=re.compile("draw here what is wrong"))
    expect(stage.locator("[data-suggestion]").first).to_be_visible(timeout=SOON)
    marks = stage.locator("[data-mark]")

    page.get_by_role("button", name="New class").click()
    page.get_by_label("Name of the new class").fill("deep scratch")
    expect(page.get_by_text("without spaces")).to_be_visible()
    page.get_by_label("Name of the new class").fill("scratch")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("^scratch"))).to_have_attribute("aria-pressed", "true")

    drag(page, stage, (0.4, 0.4), (0.5, 0.5))
    expect(marks).to_have_count(1)
    page.get_by_role("button", name="Brush").click()
    drag(page, stage, (0.6, 0.6), (0.65, 0.7), (0.7, 0.6))
    expect(marks).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(marks).to_have_count(1)
    page.keyboard.press("Control+y")
    expect(marks).to_have_count(2)

    page.reload()
    expect(marks).to_have_count(2, timeout=SOON)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert serious(page) == []
    assert small_targets(page) == []

    page.keyboard.press("Enter")
    expect(page.get_by_text("is saved")).to_be_visible(timeout=SOON)
    with product.client() as client:
        said = client.get(f"/api/v1/active-learning/items/{part['id']}").json()["annotations"]
    shapes = said[0]["annotations"]
    assert {shape["class_name"] for shape in shapes} == {"scratch"}
    assert [bool(shape["polygon"]) for shape in shapes] == [False, True]
    assert complaints == []


def test_a_session_that_ends_leaves_the_drawing_and_saves_it_after(product, page, found):
    part = found[1]
    sign_in(page, f"/review?part={part['id']}")
    stage = page.get_by_role("group", name=re.compile("draw here what is wrong"))
    expect(stage.locator("[data-suggestion]").first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name=re.compile("^(scratch|New class)")).first.click()
    if page.get_by_label("Name of the new class").is_visible():
        page.get_by_label("Name of the new class").fill("scratch")
        page.get_by_role("button", name="Add", exact=True).click()
    drag(page, stage, (0.3, 0.3), (0.4, 0.45))
    expect(stage.locator("[data-mark=scratch]")).to_have_count(1)
    tokens = json.loads(page.evaluate("sessionStorage.getItem('andon.session')"))
    with product.client() as client:
        ended = {"Authorization": f"Bearer {tokens['access_token']}"}
        body = {"refresh_token": tokens["refresh_token"]}
        assert client.post("/api/v1/auth/logout", json=body, headers=ended).status_code == 200
    again = page.get_by_role("dialog", name="Your session has ended")
    expect(again).to_be_visible(timeout=SOON)
    give_password(page)
    expect(again).to_be_hidden(timeout=SOON)
    expect(stage.locator("[data-mark=scratch]")).to_have_count(1)
    page.get_by_role("button", name="Save 1 defect").click()
    expect(page.get_by_text("is saved")).to_be_visible(timeout=SOON)


def test_a_second_person_sees_the_first_ones_marks_and_confirms_them(product, page, complaints, found):
    part = found[2]
    with product.client() as client:
        client.post("/api/v1/users", json=OLGA)
        policy = f"/api/v1/active-learning/policies/{product.station}"
        assert client.put(policy, json={"reviewers": 2}).status_code == 200
        try:
            x1, y1, x2, y2 = part["detections"][0]["bbox"]
            olga = client.post("/api/v1/auth/login", json={k: OLGA[k] for k in ("username", "password")})
            headers = {"Authorization": f"Bearer {olga.json()['access_token']}"}
            body = {"annotations": [{"class_name": "dent", "bbox": [x1, y1, x2, y2]}]}
            first = client.post(f"/api/v1/active-learning/annotate/{part['id']}", json=body, headers=headers)
            assert first.status_code == 200, first.text

            sign_in(page, f"/review?part={part['id']}")
            expect(page.get_by_text(re.compile("olga.reviews: defect"))).to_be_visible(timeout=SOON)
            page.get_by_role("button", name="Take over").click()
            page.get_by_role("button", name=re.compile(r"^Save \d+ defect")).click()

            expect(page.get_by_text("is saved")).to_be_visible(timeout=SOON)
            item = client.get(f"/api/v1/active-learning/items/{part['id']}").json()
            assert item["status"] == "labeled"
            assert {each["by"] for each in item["annotations"]} >= {"olga.reviews", "admin"}
        finally:
            client.put(policy, json={"reviewers": 1})
    assert complaints == []
