"""The models page in a real browser: datasets, a refused training, a canary with its figures, and back."""

import re

import pytest
from dashboard_browser import SOON, serious, sign_in
from playwright.sync_api import expect

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


def test_a_dataset_is_built_approved_and_refused_for_what_it_lacks(product, page, complaints):
    with product.client() as client:
        station = client.get(f"/api/v1/stations/{product.station}").json()
    sign_in(page, "/models/datasets")
    page.get_by_role("button", name="Build a version").click()
    dialog = page.get_by_role("dialog", name="Build a dataset version")
    dialog.get_by_label("Dataset", exact=True).fill("taught-plates")
    dialog.get_by_label("What people labeled").uncheck()
    dialog.get_by_label("The good parts the stations were taught with").check()
    expect(dialog.get_by_role("button", name="Build", exact=True)).to_be_disabled()
    dialog.get_by_role("combobox", name="Stations").click()
    page.get_by_role("option", name=station["name"] or product.station, exact=True).click()
    dialog.get_by_label("What is new about it").fill("Good parts alone")
    dialog.get_by_role("button", name="Build", exact=True).click()
    expect(dialog.locator("[data-build=succeeded]")).to_be_visible(timeout=60_000)
    dialog.get_by_role("button", name="Show it").click()
    card = page.locator("[data-dataset-card]")
    expect(card.get_by_role("heading", name=re.compile(r"taught-plates \d"))).to_be_visible(timeout=SOON)
    expect(card.locator("figure img").first).to_be_visible(timeout=SOON)
    if not card.get_by_text("Approved", exact=True).is_visible():
        card.get_by_role("button", name="Approve").click()
        asking = page.get_by_role("dialog", name=re.compile("Stand for"))
        asking.get_by_label("Note").fill("Looked through")
        asking.get_by_role("button", name="Approve").click()
    expect(card.get_by_text(re.compile("Approved by admin"))).to_be_visible(timeout=SOON)
    assert serious(page) == []
    assert complaints == []

    card.get_by_role("button", name="Train from it").click()
    page.get_by_role("button", name="Start a training").click()
    start = page.get_by_role("dialog", name="Start a training")
    start.get_by_text("Classes", exact=True).click()
    start.get_by_role("button", name="Start", exact=True).click()
    expect(start.get_by_role("alert")).to_contain_text("outlined defects", timeout=SOON)


def test_a_version_is_tried_as_a_canary_and_taken_back(product, page, complaints):
    product.andon("fit", "--station", product.station, "--no-deploy", "--name", "the next one")
    with (
        product.client() as client
    ):  # a station has one trial at a time, and another test may have left a watch
        query = {"station_id": product.station, "running": True}
        for each in client.get("/api/v1/rollouts", params=query).json()["rollouts"]:
            client.post(f"/api/v1/rollouts/{each['id']}/abort", json={})
    sign_in(page, "/models/versions")
    page.get_by_role("button", name=re.compile("the next one")).first.click()
    detail = page.locator("[data-detail]")
    expect(detail.get_by_text("Where it came from")).to_be_visible(timeout=SOON)
    assert serious(page) == []

    detail.get_by_role("button", name="To the line").click()
    dialog = page.get_by_role("dialog", name=re.compile("the next one to the line"))
    dialog.get_by_text("Canary", exact=True).click()
    expect(dialog.get_by_text(re.compile("the next one decides 10 % of the parts"))).to_be_visible()
    dialog.get_by_role("slider").press("End")
    expect(dialog.get_by_text(re.compile("decides 100 % of the parts"))).to_be_visible()
    dialog.get_by_role("button", name="Start the canary").click()
    expect(dialog).to_be_hidden(timeout=SOON)

    page.get_by_role("link", name=re.compile("On the line")).click()
    trial = page.locator(f"[data-station={product.station}] [data-role=canary]")
    expect(trial).to_be_visible(timeout=SOON)
    product.andon("camera", "--station", product.station, "--rate", "0", "--count", "5", "--good", "5")
    expect(trial.locator("[data-figure=new-parts]")).to_have_text("5", timeout=SOON)
    assert serious(page) == []

    trial.get_by_role("button", name="End it").click()
    asking = page.get_by_role("dialog", name=re.compile("End the trial of"))
    expect(asking.get_by_text(re.compile("goes on deciding every part"))).to_be_visible()
    asking.get_by_role("button", name="End it").click()
    expect(trial).to_be_hidden(timeout=SOON)
    expect(page.get_by_role("region", name="Trials that are over")).to_be_visible(timeout=SOON)
    assert complaints == []


def test_runs_and_drift_are_shown_without_anything_to_show(page, product, complaints):
    sign_in(page, "/models/training")
    expect(page.get_by_role("link", name="Training")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("button", name="Start a training")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Drift").click()
    expect(page.get_by_text("7 days")).to_be_visible(timeout=SOON)
    page.get_by_text("7 days").click()
    expect(page).to_have_url(re.compile("hours=.*168"))
    assert serious(page) == []
    assert complaints == []
