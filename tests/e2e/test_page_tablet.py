"""A tablet in a glove: every page held both ways, targets that are hit, words that fit, pinching."""

import re
from urllib.parse import urlsplit

import pytest
from dashboard_browser import SOON, clipped, serious, sign_in, small_targets
from playwright.sync_api import Page, expect
from running_product import until

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
RULE = {"title": "Kratzer in der Nachtschicht", "condition": {"kind": "consecutive", "parts": 3}}
PLACES = (
    "/line", "/parts", "/parts/{part}", "/parts/{part}/lineage", "/quality", "/review", "/review?part={part}",
    "/models", "/models/versions", "/models/training", "/models/datasets", "/models/drift", "/work",
    "/work?job={job}", "/work/devices", "/work/queues", "/work/notebooks", "/work/components", "/work/sync",
    "/alerts", "/alerts/rules", "/alerts/rules?rule=kratzer", "/alerts/silences", "/alerts/channels",
    "/system", "/system/storage", "/system/users", "/system/keys", "/system/sessions", "/system/audit",
    "/system/settings", "/system/opcua",
)  # fmt: skip


@pytest.fixture(scope="module")
def names(product):
    """Something to see on every page: a part with findings, an open review, a job, a rule, a channel."""
    shown = ("--station", product.station, "--rate", "0", "--count", "12", "--good", "0", "--defects", "1")
    product.andon("camera", *shown)
    with product.client() as client:

        def parts():
            found = client.get("/api/v1/inspections", params={"limit": 50}).json()["items"]
            return [part for part in found if part["detections"] and part["image_url"]]

        part = until(parts, 60, "the model found nothing")[0]["id"]
        client.post(f"/api/v1/active-learning/items/{part}")
        job = client.post("/api/v1/jobs", json={"name": "Anlernen", "command": "true", "queue": "nobody"})
        client.put("/api/v1/alert-rules/kratzer", json=RULE)
        channel = {"title": "Schichtleitung", "target": {"kind": "webhook", "url": "https://10.0.0.1/x"}}
        client.put("/api/v1/alert-channels/lead", json=channel)
        return {"part": part, "job": job.json()["id"]}


@pytest.fixture
def tablet(browser, product):
    made = []

    def of(width: int, height: int) -> Page:
        context = browser.new_context(
            base_url=product.url,
            viewport={"width": width, "height": height},
            has_touch=True,
            color_scheme="light",
        )
        made.append(context)
        return context.new_page()

    yield of
    for context in made:
        context.close()


IN_SIGHT = """() => [...document.querySelectorAll("main nav [aria-current=page]")].every(each => {
    const { left, right } = each.getBoundingClientRect();
    return left >= 0 && right <= innerWidth;
})"""
"""The part of the page that is shown is among those one sees to choose from."""


def visit(page: Page, place: str) -> None:
    """As a link would."""
    root = "main > :first-child"
    there, here = (urlsplit(each).path.split("/")[1] for each in (place, page.url))
    if there != here:  # nothing of the page before may be looked at
        page.locator(root).evaluate("each => each.setAttribute('data-before', '')")
    page.evaluate(
        "to => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }", place
    )
    expect(page.locator(f"{root}[data-before]")).to_have_count(0, timeout=SOON)
    expect(page.locator(root)).to_be_visible(timeout=SOON)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SOON)
    page.wait_for_function(IN_SIGHT, timeout=SOON)


def faults(page: Page, place: str) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [
        *([f"{place}: {wide} px too wide"] if wide > 0 else []),
        *(f"{place}: small {each}" for each in small_targets(page)),
        *(f"{place}: clipped {each}" for each in clipped(page)),
    ]


@pytest.mark.parametrize(("width", "height", "language"), [(1024, 768, "English"), (768, 1024, "Deutsch")])
def test_every_target_is_hit_and_every_word_fits(tablet, names, width, height, language):
    page = tablet(width, height)
    sign_in(page, "/line")
    page.get_by_role("button", name="Language").tap()
    page.get_by_role("menuitem", name=language).tap()
    expect(page.locator("html")).to_have_attribute("lang", language[:2].lower())
    found: list[str] = []
    for place in PLACES:
        visit(page, place.format(**names))
        found += faults(page, place)
    assert not found, "\n".join(found)


def pinch(page: Page, box: dict[str, float], apart: float) -> None:
    """Two fingers from the middle outwards, each to `apart` pixels from it."""
    fingers = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *ways: float) -> None:
        points = [{"x": x + way, "y": y, "id": id_} for id_, way in enumerate(ways)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20)
    touch("touchStart", -20, 20)
    for step in range(1, 6):
        way = 20 + (apart - 20) * step / 5
        touch("touchMove", -way, way)
    touch("touchEnd")


def test_two_fingers_zoom_a_part_and_leave_the_page_where_it_is(tablet, names):
    page = tablet(1024, 768)
    sign_in(page, f"/parts/{names['part']}")
    zoom = page.get_by_role("toolbar", name=re.compile("view", re.IGNORECASE)).locator("output")
    expect(zoom).to_have_text("100 %", timeout=SOON)
    picture = page.locator("figure img").first
    expect(picture).to_be_visible(timeout=SOON)
    pinch(page, page.locator("figure").first.bounding_box(), 120)
    until(lambda: int((zoom.text_content() or "0").split()[0]) > 300, 10, "two fingers did not zoom")
    assert page.evaluate("visualViewport.scale") == 1
    assert serious(page) == []


def test_two_fingers_zoom_while_drawing_and_draw_nothing(tablet, names):
    page = tablet(768, 1024)
    sign_in(page, f"/review?part={names['part']}")
    stage = page.get_by_role("group", name=re.compile("draw here what is wrong"))
    expect(stage.locator("[data-suggestion]").first).to_be_visible(timeout=SOON)
    wide = stage.locator("[data-suggestion]").first.bounding_box()["width"]
    page.get_by_role("button", name=re.compile("^Box")).first.tap()
    pinch(page, stage.bounding_box(), 150)
    until(
        lambda: stage.locator("[data-suggestion]").first.bounding_box()["width"] > 2 * wide,
        10,
        "two fingers did not zoom",
    )
    expect(stage.locator("[data-mark]")).to_have_count(0)
    assert page.evaluate("visualViewport.scale") == 1
